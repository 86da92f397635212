"""What the venue answers when it says no.

A request that is refused has a status (``HttpError``); an order that is refused comes with status 200 and its reason in
one of several fields, the others holding a placeholder (``Refusal``).
"""

from typing import NamedTuple

from adapters.simulator import exchange
from adapters.simulator.encoding import encode_json
from adapters.simulator.http_server import HttpResponse

__all__ = [
    "EXCHANGE_REFUSALS",
    "NO_PREVIEW_REASON",
    "NO_REASON",
    "UNSUPPORTED",
    "HttpError",
    "OrderRefused",
    "Refusal",
    "argument",
    "not_found",
    "permission_denied",
    "proto",
    "rate_limited",
    "refusal",
    "unauthorized",
]

NO_REASON = "UNKNOWN_FAILURE_REASON"
NO_PREVIEW_REASON = "UNKNOWN_PREVIEW_FAILURE_REASON"


class HttpError(Exception):
    """A request that is refused as a whole."""

    def __init__(self, response: HttpResponse) -> None:
        super().__init__(response.status)
        self.response = response


def _error(status: int, error: str, details: str, message: str = "") -> HttpError:
    body = {"error": error, "error_details": details, "message": message or details}
    return HttpError(HttpResponse(status, encode_json(body), content_type="application/json"))


def unauthorized() -> HttpError:
    """Plain words: the gateway says so, before anything has read the request."""
    return HttpError(HttpResponse(401, b"Unauthorized\n", content_type="text/plain; charset=utf-8"))


def permission_denied() -> HttpError:
    return _error(403, "PERMISSION_DENIED", "Missing required scopes")


def not_found(details: str) -> HttpError:
    return _error(404, "NOT_FOUND", details)


def argument(details: str) -> HttpError:
    """The request is understood and cannot be meant."""
    return _error(400, "INVALID_ARGUMENT", details)


def proto(details: str) -> HttpError:
    """The body is not the message that this path takes."""
    return _error(400, "unknown", f"proto: {details}")


def rate_limited(headers: tuple[tuple[str, str], ...]) -> HttpError:
    body = {"errors": [{"id": "rate_limit_exceeded", "message": "Too many requests"}]}
    return HttpError(HttpResponse(429, encode_json(body), headers, content_type="application/json"))


class Refusal(NamedTuple):
    """Why an order is refused. ``error`` is the reason for new orders, ``preview`` the one that previews and edits
    give; either may be missing."""

    error: str = NO_REASON
    preview: str = NO_PREVIEW_REASON
    message: str = ""

    def response(self) -> dict[str, object]:
        """The ``error_response`` of an answer."""
        return {
            "error": self.error,
            "message": self.message,
            "error_details": "",
            "preview_failure_reason": self.preview,
            "new_order_failure_reason": NO_REASON,
        }


class OrderRefused(Exception):
    """The venue does not take an order."""

    def __init__(self, why: Refusal) -> None:
        super().__init__(why)
        self.why = why


def refusal(error: str, message: str = "") -> OrderRefused:
    """Of a reason that new orders and previews share; a preview puts a word before it. ``error`` that has that word
    already is a preview's only."""
    if error.startswith("PREVIEW_"):
        return OrderRefused(Refusal(NO_REASON, error, message))
    return OrderRefused(Refusal(error, f"PREVIEW_{error}", message))


UNSUPPORTED = Refusal("UNSUPPORTED_ORDER_CONFIGURATION", "PREVIEW_INVALID_ORDER_CONFIG")

#: What the exchange says, in the venue's words.
EXCHANGE_REFUSALS: dict[exchange.Refusal, Refusal] = {
    "halted": Refusal("PRODUCT_TRADING_HALTED", NO_PREVIEW_REASON, "Trading is halted for this product"),
    "insufficient_funds": Refusal(
        "INSUFFICIENT_FUND", "PREVIEW_INSUFFICIENT_FUND", "Insufficient balance in source account"
    ),
    "would_take": Refusal("INVALID_LIMIT_PRICE_POST_ONLY", "PREVIEW_INVALID_LIMIT_PRICE_POST_ONLY"),
    "no_liquidity": Refusal("INVALID_NO_LIQUIDITY", "PREVIEW_INVALID_NO_LIQUIDITY"),
    "not_open": Refusal(),
    "no_change": Refusal(),
}
