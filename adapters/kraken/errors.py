"""Which answer of the venue means what. ``E<Category>:<text>`` from its engine and its REST API, free text from its
WebSocket front.

The one rule that matters: a request whose fate is not proven is UNKNOWN, never rejected.
"""

from collections.abc import Sequence
from enum import Enum

from engine.codes import Reason

__all__ = ["Verdict", "failure_of", "judge", "reject_reason"]


class Verdict(Enum):
    #: Definite: not done, and never will be.
    REJECTED = "rejected"
    #: It may or may not have been done.
    UNKNOWN = "unknown"
    #: Definite, and the venue asks for silence.
    RATE_LIMITED = "rate limited"
    #: Definite: the pair's counter in the matching engine is full.
    PAIR_LIMITED = "pair limited"
    #: Definite: key, permission or signature.
    UNAUTHENTICATED = "unauthenticated"
    #: Definite: the WebSocket token is of no more use.
    TOKEN = "token"
    #: Definite: the nonce was not above the last one.
    NONCE = "nonce"
    #: The order to cancel, amend or look at is not open.
    NOT_OPEN = "not open"
    #: An amend that would change nothing: nothing was changed.
    NO_CHANGE = "no change"


#: The first that begins the text decides.
_BY_START = (
    ("EService:Market in", Verdict.REJECTED),
    ("EService:Throttled", Verdict.RATE_LIMITED),
    ("EService:", Verdict.UNKNOWN),
    ("EGeneral:Internal error", Verdict.UNKNOWN),
    ("EGeneral:Temporary lockout", Verdict.UNAUTHENTICATED),
    ("EGeneral:Permission denied", Verdict.UNAUTHENTICATED),
    ("EGeneral:Too many requests", Verdict.RATE_LIMITED),
    ("EAPI:Rate limit exceeded", Verdict.RATE_LIMITED),
    ("EAPI:Invalid nonce", Verdict.NONCE),
    ("EAPI:Invalid token", Verdict.TOKEN),
    ("EAPI:Invalid key", Verdict.UNAUTHENTICATED),
    ("EAPI:Invalid signature", Verdict.UNAUTHENTICATED),
    ("ESession:Invalid session", Verdict.TOKEN),
    ("Token(s) not found", Verdict.TOKEN),
    ("EAuth:Rate limit exceeded", Verdict.RATE_LIMITED),
    ("EAuth:Too many requests", Verdict.RATE_LIMITED),
    ("EAuth:", Verdict.UNAUTHENTICATED),
    ("EAccount:Invalid permissions", Verdict.UNAUTHENTICATED),
    ("EOrder:Rate limit exceeded", Verdict.PAIR_LIMITED),
    ("EOrder:Domain rate limit exceeded", Verdict.PAIR_LIMITED),
    ("EOrder:Unknown order", Verdict.NOT_OPEN),
    ("EOrder:Invalid order", Verdict.NOT_OPEN),
    ("EOrder:No amendable parameters", Verdict.NO_CHANGE),
)
_POST_ONLY = "post only"
_TAKEN = ("duplicate", "already", "exists", "in use")


def failure_of(errors: Sequence[str]) -> str:
    """The first error of a REST answer; "" when there are only warnings (``W…``) or none."""
    return next((each for each in errors if not each.startswith("W")), "")


def judge(text: str, status: int = 200) -> Verdict:
    """What an error answer means for the request. ``status`` is HTTP's: of anything but 200 the API knows nothing."""
    if status == 429:
        return Verdict.RATE_LIMITED
    if status != 200:
        return Verdict.UNKNOWN
    for start, verdict in _BY_START:
        if text.startswith(start):
            return verdict
    if "cl_ord_id" in text and any(word in text.lower() for word in _TAKEN):
        return Verdict.UNKNOWN  # an order with this id is open, so one of ours did arrive
    return Verdict.REJECTED


def reject_reason(verdict: Verdict, text: str) -> Reason:
    """Why a new order or an amend was definitely refused."""
    if verdict is Verdict.RATE_LIMITED or verdict is Verdict.PAIR_LIMITED:
        return Reason.VENUE_RATE_LIMIT
    if verdict is Verdict.NOT_OPEN:
        return Reason.ORDER_NOT_OPEN
    return Reason.VENUE_POST_ONLY_WOULD_TAKE if _POST_ONLY in text.lower() else Reason.VENUE_REJECTED
