"""Errors, told apart by whose fault they are and what to do.

    HaltlineError
    ├── UsageError       we were asked for something wrong: fix the input, nothing happened
    ├── VenueError       the remote side broke its own protocol: drop the link, count, reconnect
    ├── FrameError       a peer's frame is malformed, truncated or oversized: drop the link
    └── InvariantError   a bug of ours: stop the actor, keep the latch

Expected outcomes (a refused order, a rejected cancel) are values, never exceptions.
"""

__all__ = ["FrameError", "HaltlineError", "InvariantError", "UsageError", "VenueError"]


class HaltlineError(Exception):
    """Base of every error that Haltline raises on purpose."""


class UsageError(HaltlineError):
    """The caller's input is wrong; the text names what, where and the remedy."""


class VenueError(HaltlineError):
    """A venue sent something that its protocol does not allow."""


class FrameError(HaltlineError):
    """A peer's frame cannot be decoded; the link it came on must be dropped."""


class InvariantError(HaltlineError):
    """Something that only a bug can cause."""
