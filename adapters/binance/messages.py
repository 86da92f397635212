"""Binance's wire messages under the venue's own names, with the fields that we read and no others.

Unknown fields are ignored. Enumerations that say what became of an order are strict: an unknown value is a
``msgspec.ValidationError``, loudly. Descriptive ones have an ``UNKNOWN`` member instead. Decimals stay text here;
``parse.py`` turns them into ticks and lots.
"""

from enum import Enum
from typing import Annotated

import msgspec
from msgspec import Meta, Raw

__all__ = [
    "Account",
    "AccountPosition",
    "Ack",
    "AmendResult",
    "AmendedOrder",
    "ApiError",
    "BookTicker",
    "BookTickerEnvelope",
    "CommissionRates",
    "DepthEnvelope",
    "DepthUpdate",
    "ErrorData",
    "EventType",
    "ExchangeInfo",
    "ExecutionReport",
    "ExecutionType",
    "Filter",
    "ListPlaced",
    "ListedOrder",
    "MyTrade",
    "OrderInfo",
    "OrderKind",
    "OrderSide",
    "OrderState",
    "OrdersMessage",
    "RateLimit",
    "ReplaceHalf",
    "ReplaceResult",
    "ReportEnvelope",
    "ServerTime",
    "Snapshot",
    "StreamError",
    "StreamMessage",
    "SymbolInfo",
    "TradeEnvelope",
    "TradeEvent",
]

_Number = Annotated[int, Meta(ge=0, le=2**63 - 1)]
_NO_JSON = Raw(b"")


class _Wire(msgspec.Struct, frozen=True, gc=False):
    pass


# -- enumerations ----------------------------------------------------------------------------------------------


class OrderSide(Enum):
    BUY = "BUY"
    SELL = "SELL"


class OrderState(Enum):
    """``status``/``X``. Strict."""

    NEW = "NEW"
    PENDING_NEW = "PENDING_NEW"
    PARTIALLY_FILLED = "PARTIALLY_FILLED"
    FILLED = "FILLED"
    CANCELED = "CANCELED"
    PENDING_CANCEL = "PENDING_CANCEL"
    REJECTED = "REJECTED"
    EXPIRED = "EXPIRED"
    EXPIRED_IN_MATCH = "EXPIRED_IN_MATCH"


class ExecutionType(Enum):
    """``x``. Strict."""

    NEW = "NEW"
    CANCELED = "CANCELED"
    REPLACED = "REPLACED"
    REJECTED = "REJECTED"
    TRADE = "TRADE"
    EXPIRED = "EXPIRED"
    TRADE_PREVENTION = "TRADE_PREVENTION"


class OrderKind(Enum):
    """``type``/``o``. Descriptive."""

    LIMIT = "LIMIT"
    MARKET = "MARKET"
    LIMIT_MAKER = "LIMIT_MAKER"
    STOP_LOSS = "STOP_LOSS"
    STOP_LOSS_LIMIT = "STOP_LOSS_LIMIT"
    TAKE_PROFIT = "TAKE_PROFIT"
    TAKE_PROFIT_LIMIT = "TAKE_PROFIT_LIMIT"
    UNKNOWN = "?"

    @classmethod
    def _missing_(cls, value: object) -> "OrderKind":
        return cls.UNKNOWN

    #: An attribute of each member: it is asked for with every report of a new order.
    waits_for_a_trigger: bool


for _kind in OrderKind:
    _kind.waits_for_a_trigger = _kind.value.startswith(("STOP_LOSS", "TAKE_PROFIT"))


# -- REST ------------------------------------------------------------------------------------------------------


class ServerTime(_Wire, frozen=True):
    serverTime: _Number


class KeyRestrictions(_Wire, frozen=True):
    """What an API key may do."""

    enableWithdrawals: bool


class RateLimit(_Wire, frozen=True):
    """``count`` comes with WebSocket API answers only."""

    rateLimitType: str
    interval: str
    intervalNum: Annotated[int, Meta(ge=1, le=1_000_000)]
    limit: _Number
    count: _Number = 0


class Filter(_Wire, frozen=True):
    """Any symbol filter: the fields of those that concern us, empty where the filter has no such field."""

    filterType: str
    minPrice: str = "0"
    maxPrice: str = "0"
    tickSize: str = "0"
    minQty: str = "0"
    maxQty: str = "0"
    stepSize: str = "0"
    minNotional: str = "0"
    maxNotional: str = "0"
    applyToMarket: bool = False
    applyMinToMarket: bool = False
    maxNumOrders: _Number = 0
    multiplierUp: str = "0"
    multiplierDown: str = "0"
    bidMultiplierUp: str = "0"
    bidMultiplierDown: str = "0"
    askMultiplierUp: str = "0"
    askMultiplierDown: str = "0"
    limit: _Number = 0
    maxNumOrderAmends: _Number = 0
    minTrailingAboveDelta: _Number = 0
    maxTrailingAboveDelta: _Number = 0
    minTrailingBelowDelta: _Number = 0
    maxTrailingBelowDelta: _Number = 0


class SymbolInfo(_Wire, frozen=True):
    symbol: str
    status: str
    baseAsset: str
    quoteAsset: str
    orderTypes: tuple[OrderKind, ...]
    filters: tuple[Filter, ...]
    icebergAllowed: bool = False
    ocoAllowed: bool = False
    otoAllowed: bool = False
    allowTrailingStop: bool = False
    amendAllowed: bool = False
    allowedSelfTradePreventionModes: tuple[str, ...] = ()


class ExchangeInfo(_Wire, frozen=True):
    rateLimits: tuple[RateLimit, ...]
    symbols: tuple[SymbolInfo, ...]


class AssetBalance(_Wire, frozen=True):
    asset: str
    free: str
    locked: str


class CommissionRates(_Wire, frozen=True):
    """Shares of the notional, as decimal text."""

    maker: str
    taker: str


class Account(_Wire, frozen=True):
    balances: tuple[AssetBalance, ...]
    canTrade: bool = True
    updateTime: _Number = 0
    commissionRates: CommissionRates | None = None


class Snapshot(_Wire, frozen=True):
    lastUpdateId: _Number
    bids: Raw
    asks: Raw


# -- errors ----------------------------------------------------------------------------------------------------


class ReplaceHalf(_Wire, frozen=True):
    """One half of a cancelReplace: a cancel report, an order acknowledgement, or an error (``code`` < 0)."""

    code: int = 0
    msg: str = ""
    orderId: _Number = 0
    executedQty: str = "0"
    transactTime: _Number = 0


class ReplaceResult(_Wire, frozen=True):
    cancelResponse: ReplaceHalf
    newOrderResponse: ReplaceHalf


class ErrorData(_Wire, frozen=True):
    """``serverTime`` and ``retryAfter`` of a 429 or 418, or the halves of a failed cancelReplace."""

    retryAfter: _Number = 0
    cancelResult: str = ""
    newOrderResult: str = ""
    cancelResponse: ReplaceHalf | None = None
    newOrderResponse: ReplaceHalf | None = None
    serverTime: _Number = 0


class ApiError(_Wire, frozen=True):
    code: int
    msg: str = ""
    data: ErrorData | None = None


# -- WebSocket API ---------------------------------------------------------------------------------------------


class OrdersMessage(_Wire, frozen=True):
    """Anything on the WebSocket API: an answer (``status``), or a pushed event (``event`` not empty)."""

    id: str | int | None = None
    status: int = 0
    result: Raw = _NO_JSON
    error: ApiError | None = None
    rateLimits: tuple[RateLimit, ...] = ()
    event: Raw = _NO_JSON


class Ack(_Wire, frozen=True):
    """``order.place`` with newOrderRespType=ACK."""

    orderId: _Number
    clientOrderId: str
    transactTime: _Number


class ListedOrder(_Wire, frozen=True):
    orderId: _Number
    clientOrderId: str


class ListPlaced(_Wire, frozen=True):
    """The answer to a list of orders."""

    transactionTime: _Number
    orders: tuple[ListedOrder, ...]


class AmendedOrder(_Wire, frozen=True):
    orderId: _Number
    executedQty: str


class AmendResult(_Wire, frozen=True):
    transactTime: _Number
    amendedOrder: AmendedOrder


class OrderInfo(_Wire, frozen=True):
    """An element of ``openOrders.status``, or the result of ``order.status``."""

    symbol: str
    orderId: _Number
    clientOrderId: str
    price: str
    origQty: str
    executedQty: str
    status: OrderState
    side: OrderSide
    updateTime: _Number = 0
    time: _Number = 0
    stopPrice: str = "0"


class MyTrade(_Wire, frozen=True):
    id: _Number
    orderId: _Number
    price: str
    qty: str
    commission: str
    commissionAsset: str
    time: _Number
    isMaker: bool


# -- user data -------------------------------------------------------------------------------------------------


class EventType(_Wire, frozen=True):
    e: str


class ExecutionReport(_Wire, frozen=True):
    """``c`` is the order's client order id, except in a cancel's report: there it is in ``C``."""

    s: str
    c: str
    S: OrderSide
    o: OrderKind
    q: str
    C: str
    x: ExecutionType
    X: OrderState
    r: str
    i: _Number
    l: str  # noqa: E741  (the venue's name)
    z: str
    L: str
    n: str
    N: str | None
    T: _Number
    t: Annotated[int, Meta(ge=-1, le=2**63 - 1)]
    w: bool
    m: bool
    eR: str = ""


class ReportEnvelope(_Wire, frozen=True):
    """An execution report as the WebSocket API pushes it."""

    event: ExecutionReport


class PositionEntry(_Wire, frozen=True):
    a: str
    f: str
    l: str  # noqa: E741  (the venue's name)


class AccountPosition(_Wire, frozen=True):
    """``outboundAccountPosition``: absolute amounts of the assets that may have changed."""

    u: _Number
    B: tuple[PositionEntry, ...]


# -- market streams --------------------------------------------------------------------------------------------


class DepthUpdate(_Wire, frozen=True):
    E: _Number
    s: str
    U: _Number
    u: _Number
    b: Raw
    a: Raw


class TradeEvent(_Wire, frozen=True):
    s: str
    t: _Number
    p: str
    q: str
    T: _Number
    m: bool


class BookTicker(_Wire, frozen=True):
    u: _Number
    s: str
    b: str
    B: str
    a: str
    A: str


class DepthEnvelope(_Wire, frozen=True):
    data: DepthUpdate


class TradeEnvelope(_Wire, frozen=True):
    data: TradeEvent


class BookTickerEnvelope(_Wire, frozen=True):
    data: BookTicker


class StreamError(_Wire, frozen=True):
    code: int = 0
    msg: str = ""


class StreamMessage(_Wire, frozen=True):
    """Anything on a combined stream. Errors come bare (``code``, ``msg``) or wrapped (``error``)."""

    e: str = ""
    stream: str = ""
    data: Raw = _NO_JSON
    id: str | int | None = None
    error: StreamError | None = None
    code: int = 0
    msg: str = ""
