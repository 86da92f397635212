"""What an error means: definite or in doubt, and for whom."""

import pytest

from adapters.kraken.errors import Verdict, failure_of, judge, reject_reason
from engine.codes import Reason

DEFINITE = [
    ("EOrder:Insufficient funds", Verdict.REJECTED),
    ("EOrder:Order minimum not met", Verdict.REJECTED),
    ("EOrder:Invalid price", Verdict.REJECTED),
    ("EOrder:Orders limit exceeded", Verdict.REJECTED),
    ("EService:Market in cancel_only mode", Verdict.REJECTED),
    ("EGeneral:Invalid arguments:volume minimum not met", Verdict.REJECTED),
    ("Limit_price field must be a number_float", Verdict.REJECTED),
    ("EOrder:Unknown order", Verdict.NOT_OPEN),
    ("EOrder:Invalid order", Verdict.NOT_OPEN),
    ("EOrder:No amendable parameters", Verdict.NO_CHANGE),
    ("EOrder:Rate limit exceeded", Verdict.PAIR_LIMITED),
    ("EOrder:Domain rate limit exceeded", Verdict.PAIR_LIMITED),
    ("EAPI:Rate limit exceeded", Verdict.RATE_LIMITED),
    ("EService:Throttled: 1700000000", Verdict.RATE_LIMITED),
    ("EAPI:Invalid key", Verdict.UNAUTHENTICATED),
    ("EGeneral:Permission denied", Verdict.UNAUTHENTICATED),
    ("EAPI:Invalid nonce", Verdict.NONCE),
    ("Token(s) not found", Verdict.TOKEN),
    ("ESession:Invalid session", Verdict.TOKEN),
]
IN_DOUBT = [
    "EService:Unavailable",
    "EService:Busy",
    "EService:Deadline elapsed",
    "EService:Something new",
    "EGeneral:Internal error",
    "EGeneral:Internal error:42",
    "EGeneral:Invalid arguments:cl_ord_id already in use",
]


@pytest.mark.parametrize(("text", "verdict"), DEFINITE)
def test_definite(text: str, verdict: Verdict) -> None:
    assert judge(text) is verdict


@pytest.mark.parametrize("text", IN_DOUBT)
def test_in_doubt(text: str) -> None:
    assert judge(text) is Verdict.UNKNOWN


@pytest.mark.parametrize("status", [500, 502, 520, 301])
def test_of_another_http_status_the_api_knows_nothing(status: int) -> None:
    assert judge("EOrder:Insufficient funds", status) is Verdict.UNKNOWN
    assert judge("", 429) is Verdict.RATE_LIMITED


def test_warnings_are_no_failure() -> None:
    assert failure_of(["WGeneral:Danger"]) == ""
    assert failure_of(["WGeneral:Danger", "EGeneral:Internal error"]) == "EGeneral:Internal error"


def test_reasons() -> None:
    assert reject_reason(Verdict.REJECTED, "EOrder:Post only order") is Reason.VENUE_POST_ONLY_WOULD_TAKE
    assert reject_reason(Verdict.PAIR_LIMITED, "") is Reason.VENUE_RATE_LIMIT
    assert reject_reason(Verdict.NOT_OPEN, "") is Reason.ORDER_NOT_OPEN
    assert reject_reason(Verdict.REJECTED, "EOrder:Insufficient funds") is Reason.VENUE_REJECTED
