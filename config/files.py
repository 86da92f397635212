"""The files and modules that a configuration refers to: looked at, never read, imported or made."""

import os
import re
import stat
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, TypeAlias

from config.errors import KeyPath
from config.settings import CREDENTIAL_TABLES
from config.shape import Report, tables

__all__ = ["check_files", "secret_mode_problem", "secret_path_problem"]

#: (what is wrong, what to do)
Wrong: TypeAlias = tuple[str, str]

_BARE_SECRET: Final = re.compile(r"[A-Za-z0-9+=_-]{32,}\Z")


def check_files(good: dict[str, Any], base: Path, report: Report) -> None:
    """Report every path and module that would fail later, of what ``config.shape.checked`` returned.

    ``base`` is the directory of the configuration file.
    """
    _look(good.get("engine", {}), "state_dir", ("engine",), base, _state_dir_problem, report)
    for path, venue in tables(good, "venues"):
        _look(venue, "ca_file", path, base, _file_problem, report)
        for table in CREDENTIAL_TABLES:
            for key in ("api_key_file", "secret_file"):
                _look(venue.get(table) or {}, key, (*path, table), base, secret_path_problem, report)
    for path, strategy in tables(good, "strategies"):
        module, _, _ = strategy.get("source", "").rpartition(":")
        if module.endswith(".py"):
            _look({"source": module}, "source", path, base, _file_problem, report)
        elif module and not _is_importable(module):
            report(
                (*path, "source"),
                f"names {module}, which is not installed",
                "install it, or name a file as path/to/file.py:Class",
            )


def _look(
    table: dict[str, Any], key: str, at: KeyPath, base: Path, problem: Callable[[Path], Wrong | None], report: Report
) -> None:
    if table.get(key) and (wrong := problem(base / table[key])) is not None:
        report((*at, key), *wrong)


def secret_path_problem(path: Path) -> Wrong | None:
    """What is wrong with a file that holds a secret: missing, not a file, or open to others."""
    if _BARE_SECRET.match(path.name):
        return (
            "looks like the key itself, not like the path of a file",
            "replace that key as it may have been seen; put the new one into a file of mode 0600 and name the file",
        )
    try:
        mode = os.stat(path).st_mode
    except OSError as error:
        return f"cannot be used: {path}: {error.strerror}", "create the file with mode 0600, or correct the path"
    return secret_mode_problem(path, mode)


def secret_mode_problem(path: Path, mode: int) -> Wrong | None:
    if not stat.S_ISREG(mode):
        return f"{path} is not a file", "name the file that holds it"
    if mode & 0o077:
        return f"{path} is open to group or others (mode {stat.S_IMODE(mode):04o})", f"run: chmod 600 {path}"
    return None


def _state_dir_problem(path: Path) -> Wrong | None:
    try:
        mode = os.stat(path).st_mode
    except FileNotFoundError:
        if path.parent.is_dir():
            return None  # the engine makes it
        return f"{path.parent} does not exist", "create it, or name a directory on a disk that survives restarts"
    except OSError as error:
        return f"cannot be used: {path}: {error.strerror}", "name another directory"
    if not stat.S_ISDIR(mode):
        return f"{path} is not a directory", "name a directory"
    if os.path.samefile(path, path / ".."):
        return f"{path} is the root of a file system", "name a directory of its own, as in /var/lib/haltline/desk1"
    if not os.access(path, os.W_OK | os.X_OK):
        return f"{path} is not writable by this user", "change its owner, or name another directory"
    return None


def _file_problem(path: Path) -> Wrong | None:
    try:
        mode = os.stat(path).st_mode
    except OSError as error:
        return f"cannot be used: {path}: {error.strerror}", "create the file, or correct the path"
    return None if stat.S_ISREG(mode) else (f"{path} is not a file", "name a file")


def _is_importable(module: str) -> bool:
    """Whether import would find that module. Nothing is executed, unlike with ``importlib.util.find_spec``."""
    folders, name = None, ""
    for part in module.split("."):
        name = f"{name}.{part}" if name else part
        specs = (finder.find_spec(name, folders) for finder in sys.meta_path)
        spec = next((spec for spec in specs if spec is not None), None)
        if spec is None:
            return False
        folders = list(spec.submodule_search_locations or ())
    return True
