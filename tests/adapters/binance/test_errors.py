"""The error table: what is definite, what is in doubt."""

import pytest

from adapters.binance.errors import Verdict, judge, reject_reason
from engine.codes import Reason

V = Verdict


@pytest.mark.parametrize(
    ("status", "code", "text", "verdict"),
    [
        (400, -1000, "An unknown error occurred while processing the request.", V.UNKNOWN),
        (400, -1001, "Internal error; unable to process your request. Please try again.", V.UNKNOWN),
        (400, -1006, "An unexpected response was received from the message bus.", V.UNKNOWN),
        (400, -1007, "Timeout waiting for response from backend server.", V.UNKNOWN),
        (500, 0, "", V.UNKNOWN),
        (502, 0, "", V.UNKNOWN),
        (503, -1008, "Server is currently overloaded", V.UNKNOWN),
        (504, -2010, "Account has insufficient balance for requested action.", V.UNKNOWN),
        (400, -2010, "Duplicate order sent.", V.UNKNOWN),
        (400, -1008, "Server is currently overloaded", V.REJECTED),
        (400, -1013, "Filter failure: LOT_SIZE", V.REJECTED),
        (400, -1016, "This service is no longer available.", V.REJECTED),
        (400, -1100, "Illegal characters found in a parameter.", V.REJECTED),
        (400, -1121, "Invalid symbol.", V.REJECTED),
        (400, -2010, "Account has insufficient balance for requested action.", V.REJECTED),
        (400, -2010, "Order would immediately match and take.", V.REJECTED),
        (400, -9999, "a code of tomorrow", V.REJECTED),
        (400, 0, "", V.REJECTED),
        (409, -2021, "Order cancel-replace partially failed.", V.REJECTED),
        (400, -2022, "Order cancel-replace failed.", V.REJECTED),
        (429, -1003, "Too many requests", V.RATE_LIMITED),
        (418, -1003, "Way too much request weight used; IP banned until 1659146400000.", V.RATE_LIMITED),
        (429, 0, "", V.RATE_LIMITED),
        (400, -1003, "Too many requests", V.RATE_LIMITED),
        (429, -1015, "Too many new orders", V.TOO_MANY_ORDERS),
        (400, -1021, "Timestamp for this request is outside of the recvWindow.", V.CLOCK),
        (400, -1022, "Signature for this request is not valid.", V.UNAUTHENTICATED),
        (400, -1002, "You are not authorized to execute this request.", V.UNAUTHENTICATED),
        (400, -2014, "API-key format invalid.", V.UNAUTHENTICATED),
        (401, -2015, "Invalid API-key, IP, or permissions for action.", V.UNAUTHENTICATED),
        (401, 0, "", V.UNAUTHENTICATED),
        (400, -2013, "Order does not exist.", V.NOT_FOUND),
        (400, -2011, "Unknown order sent.", V.NOT_OPEN),
        (400, -2011, "Order was not canceled due to cancel restrictions.", V.REJECTED),
    ],
)
def test_verdicts(status: int, code: int, text: str, verdict: Verdict) -> None:
    assert judge(status, code, text) is verdict


@pytest.mark.parametrize(
    ("verdict", "text", "reason"),
    [
        (V.RATE_LIMITED, "", Reason.VENUE_RATE_LIMIT),
        (V.TOO_MANY_ORDERS, "", Reason.VENUE_RATE_LIMIT),
        (V.REJECTED, "Order would immediately match and take.", Reason.VENUE_POST_ONLY_WOULD_TAKE),
        (V.REJECTED, "Filter failure: NOTIONAL", Reason.VENUE_REJECTED),
        (V.CLOCK, "", Reason.VENUE_REJECTED),
        (V.UNAUTHENTICATED, "", Reason.VENUE_REJECTED),
    ],
)
def test_reject_reasons(verdict: Verdict, text: str, reason: Reason) -> None:
    assert reject_reason(verdict, text) is reason
