"""What a deliberate bug is, and how it is planted."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

from actors.venue_core import VenueCore

__all__ = ["Bug", "Patch", "planted", "settling"]

Patch = tuple[Any, str, Any]


class Bug(NamedTuple):
    """``patches()`` are (where, attribute, what stands there instead); ``what`` is the mistake in a few words. One of
    the promises that it ``breaks`` has to notice: that something else goes wrong as well does not count."""

    name: str
    what: str
    patches: Callable[[], list[Patch]]
    breaks: tuple[str, ...]


@contextmanager
def planted(bug: Bug) -> Iterator[None]:
    """While this lasts, everything that is built has the bug."""
    undo: list[Patch] = []
    try:
        for owner, attribute, replacement in bug.patches():
            undo.append((owner, attribute, getattr(owner, attribute)))
            setattr(owner, attribute, replacement)
        yield
    finally:
        for owner, attribute, original in reversed(undo):
            setattr(owner, attribute, original)


def settling(change: Callable[[Any, VenueCore], Any]) -> list[Patch]:
    """What the venue says is changed before it is settled."""
    settle = VenueCore.settle

    def changed(self: VenueCore, event: Any, now_ns: int) -> None:
        settle(self, change(event, self), now_ns)

    return [(VenueCore, "settle", changed)]
