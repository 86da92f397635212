"""The file that a latch page is mapped from: it appears whole or not at all, and is never replaced."""

import mmap
import os
from pathlib import Path

from engine.errors import UsageError
from risk.latch_layout import PAGE_BYTES
from risk.latch_names import check_header

__all__ = ["map_page", "publish_page"]


def publish_page(path: Path, page: bytes) -> None:
    """Make the file. Raises UsageError when there is one, also when two processes try at once."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        _write_durably(draft, page)
        os.link(draft, path)
    except FileExistsError:
        raise UsageError(f"latch {path} exists already; open it, it may hold a kill") from None
    except OSError as error:
        raise UsageError(f"latch {path} cannot be made: {error.strerror}") from error
    finally:
        draft.unlink(missing_ok=True)
    _sync_directory(path.parent)


def map_page(path: Path, *, writable: bool) -> tuple[mmap.mmap, int]:
    """The page, and the open file that its rows are locked through (-1 when it is not writable).

    Raises UsageError when the file is missing, short, foreign or damaged.
    """
    try:
        descriptor = os.open(path, os.O_RDWR if writable else os.O_RDONLY)
    except OSError as error:
        raise UsageError(f"latch {path} cannot be opened: {error.strerror}") from error
    try:
        size = os.fstat(descriptor).st_size
        if size != PAGE_BYTES:
            raise UsageError(f"latch {path} has {size} bytes instead of {PAGE_BYTES}: it is not a latch or damaged")
        page = mmap.mmap(descriptor, PAGE_BYTES, access=mmap.ACCESS_WRITE if writable else mmap.ACCESS_READ)
        check_header(page, path)
    except OSError as error:
        os.close(descriptor)
        raise UsageError(f"latch {path} cannot be opened: {error.strerror}") from error
    except BaseException:
        os.close(descriptor)
        raise
    if writable:
        return page, descriptor
    os.close(descriptor)
    return page, -1


def _write_durably(path: Path, data: bytes) -> None:
    with path.open("xb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def _sync_directory(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
