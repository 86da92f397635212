"""One boot of a host, from the power coming on to its going off, as journals tell it.

Records are safe from the death of the process at once, from that of the machine a moment later
(``actors/runtime/durability.py``). So a life on another boot of its host must not take for granted that the newest
records of earlier lives are all there.
"""

import msgspec

from engine.actor import Context

__all__ = ["HostBooted", "boot_of", "is_same_boot"]

#: Two estimates of when the host was booted that differ by less are of one boot.
_SAME_BOOT_NS = 2_000_000_000


class HostBooted(msgspec.Struct, frozen=True, array_like=True, gc=False, tag=158):
    """Begins a life: UTC when this host's monotonic clock was 0. ``is_searched``: it comes once more, later in a life,
    because what earlier boots had lost has been looked for."""

    boot_ns: int
    is_searched: bool = False


def boot_of(ctx: Context, now_ns: int) -> HostBooted:
    return HostBooted(ctx.wall_ns(now_ns) - now_ns)


def is_same_boot(one_ns: int, other_ns: int) -> bool:
    """A wall clock that was set makes one boot look like two, which costs a question; never two like one."""
    return abs(one_ns - other_ns) <= _SAME_BOOT_NS
