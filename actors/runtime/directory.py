"""Where an actor's host can be reached."""

from pathlib import Path
from typing import Protocol

import msgspec

from engine.errors import UsageError

__all__ = ["Address", "Directory", "PathDirectory", "TcpAddress", "UnixAddress", "sockets_dir", "unix_path"]

#: sun_path holds 108 bytes with its end mark on Linux, 104 on macOS.
_UNIX_PATH_BYTES = 103


class UnixAddress(msgspec.Struct, frozen=True, tag=1, array_like=True):
    path: str


class TcpAddress(msgspec.Struct, frozen=True, tag=2, array_like=True):
    """Mutual TLS; ``host`` must be a name in the certificate of the host that listens."""

    host: str
    port: int


Address = UnixAddress | TcpAddress


class Directory(Protocol):
    async def lookup(self, actor: str, *, refresh: bool) -> Address | None:
        """Where ``actor`` listens now, or None when nobody knows. ``refresh``: what was told last did not answer.

        Never blocks the loop.
        """
        ...


class PathDirectory:
    """One machine: an actor's address is its socket's path in the run directory."""

    def __init__(self, run_dir: str) -> None:
        self._run_dir = run_dir

    async def lookup(self, actor: str, *, refresh: bool) -> Address | None:
        return UnixAddress(str(unix_path(self._run_dir, actor)))


def sockets_dir(run_dir: str) -> Path:
    return Path(run_dir) / "sockets"


def unix_path(run_dir: str, actor: str) -> Path:
    """``<run_dir>/sockets/<actor>.sock``. Raises UsageError when it is too long for a Unix socket."""
    path = sockets_dir(run_dir) / f"{actor}.sock"
    if len(str(path).encode()) > _UNIX_PATH_BYTES:
        raise UsageError(f"socket path {path} is longer than {_UNIX_PATH_BYTES} bytes: choose a shorter run directory")
    return path
