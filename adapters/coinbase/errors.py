"""Which answer of the venue means what.

The one rule that matters: a request whose fate is not proven is UNKNOWN, never rejected. A refused order comes with
status 200; a status tells about the request, not about the order.
"""

from enum import Enum

from adapters.coinbase.messages import ErrorResponse
from engine.codes import Reason

__all__ = ["Verdict", "failure_text", "is_duplicate", "judge", "reject_reason"]


class Verdict(Enum):
    #: Definite: not done, and never will be.
    REJECTED = "rejected"
    #: It may or may not have been done.
    UNKNOWN = "unknown"
    #: Definite, and the venue asks for silence.
    RATE_LIMITED = "rate limited"
    #: The venue's gateway has refused the token. It also does so for right ones now and then, so that of an order it
    #: proves nothing.
    UNAUTHENTICATED = "unauthenticated"
    #: Definite: the key lacks the permission.
    FORBIDDEN = "forbidden"
    NOT_FOUND = "not found"


def judge(status: int) -> Verdict:
    """What an answer other than 200 means for its request."""
    if status == 401:
        return Verdict.UNAUTHENTICATED
    if status == 403:
        return Verdict.FORBIDDEN
    if status == 404:
        return Verdict.NOT_FOUND
    if status == 429:
        return Verdict.RATE_LIMITED
    if 400 <= status < 500 and status != 408:
        return Verdict.REJECTED
    return Verdict.UNKNOWN


#: The cause stands in one of several fields; the others then hold one of these.
_PLACEHOLDERS = ("", "UNKNOWN", "UNKNOWN_FAILURE_REASON", "UNKNOWN_PREVIEW_FAILURE_REASON")


def failure_text(error: ErrorResponse | None) -> str:
    """Why an order was refused: the first field that names a cause, and the venue's words."""
    if error is None:
        return "refused without a reason"
    codes = (error.error, error.new_order_failure_reason, error.edit_order_failure_reason, error.preview_failure_reason)
    code = next((each for each in codes if each not in _PLACEHOLDERS), "UNKNOWN_FAILURE_REASON")
    words = error.message or error.error_details
    return f"{code} {words}".strip()


def is_duplicate(text: str) -> bool:
    """An order with this client order id is there: so one of ours did arrive."""
    return text.startswith("DUPLICATE_CLIENT_ORDER_ID")


def reject_reason(text: str) -> Reason:
    """Why a new order was definitely refused."""
    if "POST_ONLY" in text and ("LIMIT_PRICE" in text or "NO_LIQUIDITY" in text):
        return Reason.VENUE_POST_ONLY_WOULD_TAKE
    if "RATE_LIMIT" in text:
        return Reason.VENUE_RATE_LIMIT
    return Reason.VENUE_REJECTED
