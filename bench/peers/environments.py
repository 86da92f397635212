"""The peers, each installed into an environment of its own: nothing of them is among Haltline's own dependencies."""

import os
import subprocess
import sys
import venv
from pathlib import Path
from typing import NamedTuple

from engine.errors import UsageError

__all__ = ["PEERS", "Peer", "python_of"]

_INSTALL_S = 900


class Peer(NamedTuple):
    """``requirement`` is exact. ``script`` answers ticks with orders (empty: it cannot, ``cannot`` says why);
    ``book_script`` keeps a book and says when it had which."""

    requirement: str
    script: str
    book_script: str
    cannot: str = ""


PEERS = {
    "nautilus": Peer("nautilus_trader==1.221.0", "nautilus_contestant.py", "nautilus_book.py"),
    "ccxt": Peer("ccxt==4.5.90", "ccxt_contestant.py", "ccxt_book.py"),
    "cryptofeed": Peer("cryptofeed==2.4.1", "", "cryptofeed_book.py", "cannot: it reads markets and sends no orders"),
}


def python_of(peer: Peer) -> str:
    """The interpreter of the peer's environment, which is made at first use below the user's cache directory.

    Raises UsageError when it cannot be made.
    """
    name = f"{peer.requirement.replace('==', '-')}-python{sys.version_info.major}.{sys.version_info.minor}"
    directory = _cache() / name
    python, ready = directory / "bin" / "python", directory / "ready"
    if not ready.exists():
        try:
            venv.create(directory, clear=True, with_pip=True)
            install = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", peer.requirement]
            done = subprocess.run(install, capture_output=True, text=True, timeout=_INSTALL_S)
        except (OSError, subprocess.SubprocessError) as error:
            raise UsageError(f"peer {peer.requirement}: no environment in {directory}: {error}") from error
        if done.returncode:
            last = done.stderr.strip().splitlines()[-1:] or ["no reason given"]
            raise UsageError(f"peer {peer.requirement}: pip could not install it: {last[0]}")
        ready.touch()
    return str(python)


def _cache() -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "haltline" / "peers"
