"""How every kernel is compiled, and where the compiled code is kept between two runs.

Kernels work on arrays that outlive every call, so no call counts references to them: on a check of every limit,
counting took as long as the check. Nor do they give up the interpreter's lock, which costs more than the few tens of
nanoseconds that it would be free for. ``inlined`` is for what a kernel is made of: a call between two would cost more
than it does.

Numba keeps compiled code for as long as the file that a kernel stands in is unchanged. But a kernel has in it what it
calls, and the constants that it uses, from other files too: after a change there, the gate of yesterday would have
checked the orders of today. So each kernel has a stamp of all of it, and its code a folder of that name:

    __pycache__/kernels/risk.gate_kernel.check/<stamp>/…

under the kernel's package, or in the user's cache folder where that cannot be written; ``NUMBA_CACHE_DIR`` decides
otherwise. Where nothing can be written, every process compiles anew. Folders a day older than a new one go when it
comes.
"""

import hashlib
import os
import shutil
import sys
from collections.abc import Callable, Iterator
from enum import Enum
from functools import cache
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any, TypeVar

import numpy as np
from numba import config, njit, typeof

from engine.errors import UsageError

__all__ = ["entry_of", "inlined", "kernel", "stamp_of", "stamps"]

_Function = TypeVar("_Function", bound=Callable[..., Any])
_OPTIONS: dict[str, Any] = {"error_model": "numpy", "_nrt": False}
_OLD_S = 86_400
#: Numba's settings, of which it tells no types.
_numba: Any = config

#: The stamp of every kernel of this process.
stamps: dict[Callable[..., Any], str] = {}


def kernel(function: _Function) -> _Function:
    """Compile a function that Python calls."""
    return _compiled(function, _OPTIONS)


def inlined(function: _Function) -> _Function:
    """Compile a function that only kernels call, into each of them."""
    return _compiled(function, {**_OPTIONS, "forceinline": True})


def _compiled(function: _Function, options: dict[str, Any]) -> _Function:
    stamps[function] = stamp = stamp_of(function, options)
    folder = _folder(function, stamp)
    if folder is None:
        uncached: _Function = njit(**options)(function)
        return uncached
    chosen, _numba.CACHE_DIR = _numba.CACHE_DIR, str(folder)
    try:
        cached: _Function = njit(cache=True, **options)(function)
    finally:
        _numba.CACHE_DIR = chosen
    return cached


# -- what a kernel is made of ---------------------------------------------------------------------------------------


def stamp_of(function: Callable[..., Any], options: dict[str, Any]) -> str:
    """Of its file, of all that this file has from others, of the constants that it uses, and of how it is compiled.

    Raises UsageError for a name whose meaning cannot be told, like a kernel that was not compiled here.
    """
    named = f"{function.__module__}.{function.__qualname__}"
    if function.__code__.co_freevars:
        raise UsageError(f"kernel {named} uses what only the function around it knows: give it as an argument")
    parts = [f"{named} {options}", _file_stamp(function.__code__.co_filename), *_from_other_files(function)]
    for name in sorted(_names(function.__code__) & function.__globals__.keys()):
        value = function.__globals__[name]
        if (constant := _constant(value)) is not None:
            parts.append(f"{name} {constant}")
        elif not isinstance(value, ModuleType) and not _is_number_type(value) and _kernel_stamp(value) is None:
            raise UsageError(
                f"kernel {named} uses {name}, a {type(value).__name__}: it may use numbers, texts, tuples of them, "
                "enumerations, modules, NumPy's types and other kernels of engine.kernel"
            )
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:24]


def _from_other_files(function: Callable[..., Any]) -> Iterator[str]:
    """Whether it uses that or a kernel does that it calls: one that stands below it is not known yet."""
    for name, value in sorted(function.__globals__.items()):
        if isinstance(value, ModuleType) and not _is_versioned(value):
            yield _constants(value)
        elif (stamp := _kernel_stamp(value)) and value.py_func.__module__ != function.__module__:
            yield f"{name} {stamp}"


@cache
def _constants(module: ModuleType) -> str:
    """All of a module of ours that a kernel may use of it. It is imported whole by then."""
    told = {name: _constant(value) or _kernel_stamp(value) for name, value in sorted(vars(module).items())}
    return "\n".join(f"{name} {meaning}" for name, meaning in told.items() if meaning and not name.startswith("__"))


def _names(code: CodeType) -> set[str]:
    """Also of the comprehensions in it. Attributes are among them, which is more than enough."""
    inner = (_names(const) for const in code.co_consts if isinstance(const, CodeType))
    return set(code.co_names).union(*inner)


def _constant(value: Any) -> str | None:
    if isinstance(value, type):
        return repr(list(value)) if issubclass(value, Enum) else None
    if isinstance(value, tuple):
        parts = [_constant(item) for item in value]
        return None if None in parts else repr(parts)
    return repr(value) if isinstance(value, bool | int | float | str | Enum | np.generic | None) else None


def _kernel_stamp(value: Any) -> str | None:
    return stamps.get(value.py_func) if hasattr(value, "py_func") else None


def _is_number_type(value: Any) -> bool:
    return isinstance(value, type) and issubclass(value, np.generic)


def _is_versioned(module: ModuleType) -> bool:
    """NumPy's and Python's own. Numba looks at its version, and with that goes theirs."""
    top = module.__name__.partition(".")[0]
    return top in ("numpy", "numba") or top in sys.stdlib_module_names


def _file_stamp(path: str) -> str:
    told = os.stat(path)
    return _content_stamp(path, told.st_mtime_ns, told.st_size)


@cache
def _content_stamp(path: str, changed_ns: int, size: int) -> str:
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()


# -- where its code is kept -----------------------------------------------------------------------------------------


def _folder(function: Callable[..., Any], stamp: str) -> Path | None:
    for place in _places(Path(function.__code__.co_filename)):
        folder = place / "kernels" / f"{function.__module__}.{function.__qualname__}" / stamp
        try:
            folder.mkdir(parents=True)
        except FileExistsError:
            pass
        except OSError:
            continue
        else:
            _clear_old(folder)
        if os.access(folder, os.W_OK | os.X_OK):
            return folder
    return None


def _places(source: Path) -> Iterator[Path]:
    if chosen := _numba.CACHE_DIR:
        yield Path(chosen)
        return
    yield source.parent / "__pycache__"
    caches = "~/Library/Caches" if sys.platform == "darwin" else os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    if (of_user := Path(os.path.expanduser(caches))).is_absolute():
        yield of_user / "haltline"


def _clear_old(folder: Path) -> None:
    """Another process may be clearing the same, or still use it: what is missing is compiled again."""
    made_s = folder.stat().st_mtime
    for other in folder.parent.iterdir():
        try:
            is_old = other.stat().st_mtime < made_s - _OLD_S
        except FileNotFoundError:
            continue
        if is_old:
            shutil.rmtree(other, ignore_errors=True)


def entry_of(kernel: Any, *arguments: object) -> Callable[..., Any]:
    """The compiled function for arguments of these types: called without looking up their types each time."""
    signature = tuple(typeof(argument) for argument in arguments)  # type: ignore[no-untyped-call]  # it has none
    kernel.compile(signature)
    entry: Callable[..., Any] = kernel.get_overload(signature)
    return entry
