"""One fingerprint of the program that runs here: two hosts with other code, or other libraries, are told apart by it.

It is of the files that are there when a process starts: our packages but the commands and benchmarks, which trade
nothing, the version of Python, and the versions of everything that we are declared to need. A user's strategy is not in
it: it runs in one process only, so nothing else can have another.
"""

import hashlib
import platform
import re
from functools import cache
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path

__all__ = ["PACKAGES", "ROOT", "program_hash"]

PACKAGES = ("actors", "adapters", "config", "engine", "risk", "store")
ROOT = Path(__file__).resolve().parents[1]
_NAME = re.compile(r"[A-Za-z0-9._-]+")


@cache
def program_hash(root: Path = ROOT) -> str:
    """sha256 (hex) of the program whose packages are in ``root``. Read once in the life of a process."""
    digest = hashlib.sha256(f"python {platform.python_version()}\n".encode())
    for name in _needed():
        digest.update(f"{name} {version(name)}\n".encode())
    for package in PACKAGES:
        for path in sorted((root / package).rglob("*.py")):
            content = path.read_bytes()
            digest.update(f"{path.relative_to(root).as_posix()} {len(content)}\n".encode())
            digest.update(content)
    return digest.hexdigest()


def _needed() -> list[str]:
    """What our package says that it needs, without what is only for tests and checks."""
    try:
        declared = requires("haltline") or []
    except PackageNotFoundError:  # run from its sources, without being installed
        return []
    names = (_NAME.match(text) for text in declared if "extra ==" not in text)
    return sorted(name[0] for name in names if name is not None)
