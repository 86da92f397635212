"""Which answer of the venue means what. Codes are stable, texts may change; so texts only refine.

The one rule that matters: a request whose fate is not proven is UNKNOWN, never rejected.
"""

from enum import Enum

from engine.codes import Reason

__all__ = ["Verdict", "judge", "reject_reason"]


class Verdict(Enum):
    #: Definite: not done, and never will be.
    REJECTED = "rejected"
    #: It may or may not have been done.
    UNKNOWN = "unknown"
    #: Definite, and the venue asks for silence.
    RATE_LIMITED = "rate limited"
    #: Definite: too many orders in an interval.
    TOO_MANY_ORDERS = "too many orders"
    #: Definite: key, permission or signature.
    UNAUTHENTICATED = "unauthenticated"
    #: Definite: our timestamp is too old or ahead.
    CLOCK = "clock"
    #: The order asked about was not found (read sides lag).
    NOT_FOUND = "not found"
    #: The order to cancel is not open.
    NOT_OPEN = "not open"


_BY_CODE = {
    -1000: Verdict.UNKNOWN,
    -1001: Verdict.UNKNOWN,
    -1006: Verdict.UNKNOWN,
    -1007: Verdict.UNKNOWN,
    -1002: Verdict.UNAUTHENTICATED,
    -1022: Verdict.UNAUTHENTICATED,
    -2014: Verdict.UNAUTHENTICATED,
    -2015: Verdict.UNAUTHENTICATED,
    -1003: Verdict.RATE_LIMITED,
    -1015: Verdict.TOO_MANY_ORDERS,
    -1021: Verdict.CLOCK,
    -2013: Verdict.NOT_FOUND,
    -2011: Verdict.NOT_OPEN,
}

_POST_ONLY = "would immediately match"
_DUPLICATE = "duplicate order"
#: -2011 also has texts for orders that are open but may not be cancelled now.
_NOT_OPEN = "unknown order"


def judge(status: int, code: int, text: str) -> Verdict:
    """What an error answer means for the request. ``status`` is HTTP's or the WebSocket API's."""
    if status >= 500:
        return Verdict.UNKNOWN
    if status in (418, 429) and code != -1015:
        return Verdict.RATE_LIMITED
    if code == -2010 and _DUPLICATE in text.lower():
        return Verdict.UNKNOWN  # an order with this id is open, so one of ours did arrive
    if code == -2011 and _NOT_OPEN not in text.lower():
        return Verdict.REJECTED
    verdict = _BY_CODE.get(code, Verdict.REJECTED)
    if status == 401 and verdict is Verdict.REJECTED:
        return Verdict.UNAUTHENTICATED
    return verdict


def reject_reason(verdict: Verdict, text: str) -> Reason:
    """Why a new order, or the new half of a replace, was definitely refused."""
    if verdict is Verdict.RATE_LIMITED or verdict is Verdict.TOO_MANY_ORDERS:
        return Reason.VENUE_RATE_LIMIT
    if _POST_ONLY in text.lower():
        return Reason.VENUE_POST_ONLY_WOULD_TAKE
    return Reason.VENUE_REJECTED
