"""What the venue answers when it says no: ``E<Category>:<text>``, or free text where its WebSocket front says it."""

from adapters.simulator.exchange import Refusal

__all__ = [
    "DENIED",
    "INVALID_KEY",
    "INVALID_NONCE",
    "INVALID_SIGNATURE",
    "LOCKED_OUT",
    "ORDERS_LIMIT",
    "ORDER_RATE",
    "REST_RATE",
    "UNKNOWN_METHOD",
    "UNKNOWN_ORDER",
    "UNKNOWN_PAIR",
    "ApiError",
    "invalid",
    "refusal_text",
]

INVALID_KEY = "EAPI:Invalid key"
INVALID_SIGNATURE = "EAPI:Invalid signature"
INVALID_NONCE = "EAPI:Invalid nonce"
LOCKED_OUT = "EGeneral:Temporary lockout"
DENIED = "EGeneral:Permission denied"
REST_RATE = "EAPI:Rate limit exceeded"
ORDER_RATE = "EOrder:Rate limit exceeded"
ORDERS_LIMIT = "EOrder:Orders limit exceeded"
UNKNOWN_ORDER = "EOrder:Unknown order"
UNKNOWN_PAIR = "EQuery:Unknown asset pair"
UNKNOWN_METHOD = "EGeneral:Unknown method"

_REFUSALS: dict[Refusal, str] = {
    "halted": "EService:Market in cancel_only mode",
    "insufficient_funds": "EOrder:Insufficient funds",
    "would_take": "EOrder:Post only order",
    "no_liquidity": "EGeneral:Invalid arguments:volume minimum not met",
    "not_open": UNKNOWN_ORDER,
    "no_change": "EOrder:No amendable parameters",
}


class ApiError(Exception):
    """A request that is refused; the text is what the venue says."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.text = text


def invalid(detail: str) -> ApiError:
    return ApiError(f"EGeneral:Invalid arguments:{detail}")


def refusal_text(why: Refusal) -> str:
    """How the venue words a refusal of the exchange."""
    return _REFUSALS[why]
