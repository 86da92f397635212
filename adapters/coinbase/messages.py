"""Coinbase's wire messages under the venue's own names, with the fields that we read and no others.

Unknown fields are ignored. Enumerations that say what became of an order are strict: an unknown value is a
``msgspec.ValidationError``, loudly. Descriptive ones are text. Decimals stay text here; ``parse.py`` turns them into
ticks and lots.
"""

from enum import Enum

import msgspec
from msgspec import Raw

__all__ = [
    "AccountInfo",
    "AccountsPage",
    "ApiError",
    "BookEvent",
    "BookLevel",
    "BookSide",
    "CancelAnswer",
    "CancelResult",
    "CreateAnswer",
    "Edit",
    "EditAnswer",
    "EditError",
    "ErrorResponse",
    "FillInfo",
    "FillsPage",
    "Heartbeat",
    "KeyPermissions",
    "MarketSide",
    "OrderAnswer",
    "OrderInfo",
    "OrderSide",
    "OrderState",
    "OrdersPage",
    "Product",
    "Products",
    "PublicTrade",
    "ServerTime",
    "SocketMessage",
    "Subscriptions",
    "TradeEvent",
    "TradeType",
    "TransactionSummary",
    "UserEvent",
    "UserOrder",
]

_NO_JSON = Raw(b"")


class _Wire(msgspec.Struct, frozen=True, gc=False):
    pass


# -- enumerations ----------------------------------------------------------------------------------------------


class OrderSide(Enum):
    BUY = "BUY"
    SELL = "SELL"


class OrderState(Enum):
    """``status`` of an order. Strict."""

    PENDING = "PENDING"
    OPEN = "OPEN"
    FILLED = "FILLED"
    CANCELLED = "CANCELLED"
    EXPIRED = "EXPIRED"
    FAILED = "FAILED"
    UNKNOWN_ORDER_STATUS = "UNKNOWN_ORDER_STATUS"
    QUEUED = "QUEUED"
    CANCEL_QUEUED = "CANCEL_QUEUED"
    EDIT_QUEUED = "EDIT_QUEUED"

    @property
    def is_terminal(self) -> bool:
        return self in _TERMINAL


_TERMINAL = (OrderState.FILLED, OrderState.CANCELLED, OrderState.EXPIRED, OrderState.FAILED)


class TradeType(Enum):
    """``trade_type`` of a fill. Strict: only FILL is an execution."""

    FILL = "FILL"
    REVERSAL = "REVERSAL"
    CORRECTION = "CORRECTION"
    SYNTHETIC = "SYNTHETIC"


class BookSide(Enum):
    BID = "bid"
    OFFER = "offer"


class MarketSide(Enum):
    """``side`` of a public trade: the maker's. Descriptive."""

    BUY = "BUY"
    SELL = "SELL"
    UNKNOWN = "?"

    @classmethod
    def _missing_(cls, value: object) -> "MarketSide":
        return cls.UNKNOWN


# -- REST: what there is ---------------------------------------------------------------------------------------


class ApiError(_Wire, frozen=True):
    error: str = ""
    message: str = ""
    error_details: str = ""


class ServerTime(_Wire, frozen=True):
    epochMillis: str


class KeyPermissions(_Wire, frozen=True):
    can_view: bool
    can_trade: bool
    can_transfer: bool
    portfolio_uuid: str = ""


class Product(_Wire, frozen=True):
    product_id: str
    base_increment: str
    quote_increment: str
    base_currency_id: str
    quote_currency_id: str
    price_increment: str = ""
    base_min_size: str = ""
    base_max_size: str = ""
    quote_min_size: str = ""
    quote_max_size: str = ""
    status: str = ""
    alias: str = ""
    is_disabled: bool = False
    trading_disabled: bool = False
    cancel_only: bool = False
    limit_only: bool = False
    post_only: bool = False
    auction_mode: bool = False
    view_only: bool = False


class Products(_Wire, frozen=True):
    products: tuple[Product, ...]


class FeeTier(_Wire, frozen=True):
    pricing_tier: str = ""
    taker_fee_rate: str = ""
    maker_fee_rate: str = ""


class TransactionSummary(_Wire, frozen=True):
    fee_tier: FeeTier


class Money(_Wire, frozen=True):
    value: str
    currency: str = ""


class AccountInfo(_Wire, frozen=True):
    """One wallet. ``hold`` is not part of ``available_balance``."""

    currency: str
    available_balance: Money
    hold: Money | None = None


class AccountsPage(_Wire, frozen=True):
    accounts: tuple[AccountInfo, ...]
    has_next: bool = False
    cursor: str = ""


# -- REST: order entry -----------------------------------------------------------------------------------------


class ErrorResponse(_Wire, frozen=True):
    error: str = ""
    message: str = ""
    error_details: str = ""
    new_order_failure_reason: str = ""
    preview_failure_reason: str = ""
    edit_order_failure_reason: str = ""


class CreateSuccess(_Wire, frozen=True):
    order_id: str
    client_order_id: str = ""


class CreateAnswer(_Wire, frozen=True):
    success: bool
    order_id: str = ""
    success_response: CreateSuccess | None = None
    error_response: ErrorResponse | None = None


class CancelResult(_Wire, frozen=True):
    success: bool
    order_id: str
    failure_reason: str = ""


class CancelAnswer(_Wire, frozen=True):
    results: tuple[CancelResult, ...]


class EditError(_Wire, frozen=True):
    edit_failure_reason: str = ""
    preview_failure_reason: str = ""


class EditAnswer(_Wire, frozen=True):
    success: bool
    errors: tuple[EditError, ...] | EditError | None = None
    error_response: ErrorResponse | None = None


# -- REST: orders and fills ------------------------------------------------------------------------------------


class OrderShape(_Wire, frozen=True):
    """What stands under the one key of ``order_configuration``."""

    base_size: str = ""
    quote_size: str = ""
    limit_price: str = ""


class Edit(_Wire, frozen=True):
    """One element of ``edit_history``, oldest first: from then on price and whole size were these."""

    replace_accept_timestamp: str
    price: str = ""
    size: str = ""


class OrderInfo(_Wire, frozen=True):
    order_id: str
    product_id: str
    side: OrderSide
    status: OrderState
    client_order_id: str = ""
    order_configuration: dict[str, OrderShape] | None = None
    filled_size: str = ""
    created_time: str = ""
    last_update_time: str | None = None
    time_in_force: str = ""
    order_type: str = ""
    reject_reason: str = ""
    cancel_message: str = ""
    edit_history: tuple[Edit, ...] | None = None


class OrderAnswer(_Wire, frozen=True):
    order: OrderInfo


class OrdersPage(_Wire, frozen=True):
    orders: tuple[OrderInfo, ...]
    has_next: bool = False
    cursor: str = ""


class FillInfo(_Wire, frozen=True):
    trade_id: str
    order_id: str
    trade_time: str
    price: str
    size: str
    product_id: str
    side: OrderSide
    trade_type: TradeType = TradeType.FILL
    commission: str = "0"
    entry_id: str = ""
    sequence_timestamp: str = ""
    liquidity_indicator: str = ""
    size_in_quote: bool = False


class FillsPage(_Wire, frozen=True):
    fills: tuple[FillInfo, ...]
    cursor: str = ""


# -- WebSocket -------------------------------------------------------------------------------------------------


class SocketMessage(_Wire, frozen=True):
    """Any message: of a channel, or with ``type`` "error"."""

    channel: str = ""
    sequence_num: int = -1
    timestamp: str = ""
    events: Raw = _NO_JSON
    type: str = ""
    message: str = ""


class Subscriptions(_Wire, frozen=True):
    subscriptions: dict[str, tuple[str, ...]] = {}


class Heartbeat(_Wire, frozen=True):
    heartbeat_counter: int | str = 0


class UserOrder(_Wire, frozen=True):
    """An order's state as it is now, never what changed."""

    order_id: str
    product_id: str
    status: OrderState
    order_side: OrderSide
    cumulative_quantity: str
    client_order_id: str = ""
    leaves_quantity: str = ""
    limit_price: str = ""
    cancel_reason: str = ""
    reject_reason: str = ""
    time_in_force: str = ""
    creation_time: str = ""


class UserEvent(_Wire, frozen=True):
    type: str
    orders: tuple[UserOrder, ...] = ()


class BookLevel(_Wire, frozen=True):
    side: BookSide
    price_level: str
    new_quantity: str


class BookEvent(_Wire, frozen=True):
    """``type``: snapshot or update."""

    type: str
    product_id: str
    updates: tuple[BookLevel, ...]


class PublicTrade(_Wire, frozen=True):
    product_id: str
    price: str
    size: str
    side: MarketSide
    time: str
    trade_id: str = "0"


class TradeEvent(_Wire, frozen=True):
    type: str
    trades: tuple[PublicTrade, ...]
