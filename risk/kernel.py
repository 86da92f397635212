"""How the gate's kernels are compiled.

They work on an array that outlives every call, so no call counts references to it: on a check of every limit, counting
took as long as the check. Nor do they give up the interpreter's lock, which costs more than the few tens of nanoseconds
that it would be free for. ``inlined`` is for what a kernel is made of: a call between two would cost more than it does.
"""

from collections.abc import Callable
from typing import Any, TypeVar

from numba import njit

__all__ = ["inlined", "kernel"]

_Function = TypeVar("_Function", bound=Callable[..., Any])
_OPTIONS: dict[str, Any] = {"cache": True, "error_model": "numpy", "_nrt": False}


def kernel(function: _Function) -> _Function:
    """Compile a function that Python calls."""
    compiled: _Function = njit(**_OPTIONS)(function)
    return compiled


def inlined(function: _Function) -> _Function:
    """Compile a function that only kernels call, into each of them."""
    compiled: _Function = njit(**_OPTIONS, forceinline=True)(function)
    return compiled
