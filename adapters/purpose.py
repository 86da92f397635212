"""What a request is for, and how much of a venue's rate limit it must leave.

A share of every limit is kept for cancels, and half of that share for cancel-all alone: a strategy that cancels without
end must not spend what a kill needs.
"""

from enum import Enum

__all__ = ["CANCELS", "Purpose", "reserved"]

_PPM = 1_000_000


class Purpose(Enum):
    """Cancels pass where the others must leave room."""

    NEW_ORDER = "new order"
    #: Of one order.
    CANCEL = "cancel"
    CANCEL_ALL = "cancel all"
    #: Which orders are open, and fills: what confirms a cancel.
    LISTING = "listing"
    QUERY = "query"


#: What is sent during a silence that the venue has asked for, short of a ban.
CANCELS = (Purpose.CANCEL, Purpose.CANCEL_ALL)

#: How many halves of the cancels' share each must leave.
_HALVES_LEFT = {
    Purpose.NEW_ORDER: 2,
    Purpose.QUERY: 2,
    Purpose.CANCEL: 1,
    Purpose.LISTING: 1,
    Purpose.CANCEL_ALL: 0,
}


def reserved(purpose: Purpose, limit: int, cancel_share_ppm: int) -> int:
    """How much of ``limit`` must be left by such a request, where ``cancel_share_ppm`` of it is the cancels'."""
    return limit * cancel_share_ppm * _HALVES_LEFT[purpose] // (2 * _PPM)
