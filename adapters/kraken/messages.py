"""Kraken's wire messages under the venue's own names, with the fields that we read and no others.

Unknown fields are ignored. Enumerations that say what became of an order are strict: an unknown value is a
``msgspec.ValidationError``, loudly. Descriptive ones stay text, or have an ``UNKNOWN`` member. Numbers stay raw
JSON here, with all their digits; ``parse.py`` turns them into ticks and lots.
"""

from enum import Enum

import msgspec
from msgspec import Raw

__all__ = [
    "ApiKeyInfo",
    "AssetPair",
    "BalanceDetail",
    "BalanceEntry",
    "Batch",
    "BookData",
    "BookLevel",
    "BookMessage",
    "Envelope",
    "ExecType",
    "ExecutionReport",
    "Fee",
    "FeeTier",
    "Fees",
    "Liquidity",
    "MarketSide",
    "Message",
    "OrderAmend",
    "OrderAmends",
    "OrderDescription",
    "OrderInfo",
    "OrderSide",
    "OrderState",
    "Placed",
    "PublicTrade",
    "RestState",
    "ServerTime",
    "Subscribed",
    "SystemStatus",
    "Token",
    "TradeInfo",
    "TradeMessage",
]

_NO_JSON = Raw(b"")


class _Wire(msgspec.Struct, frozen=True, gc=False):
    pass


# -- enumerations ----------------------------------------------------------------------------------------------


class OrderSide(Enum):
    BUY = "buy"
    SELL = "sell"


class MarketSide(Enum):
    """``side`` of a public trade: who took. Descriptive."""

    BUY = "buy"
    SELL = "sell"
    UNKNOWN = "?"

    @classmethod
    def _missing_(cls, value: object) -> "MarketSide":
        return cls.UNKNOWN


class ExecType(Enum):
    PENDING_NEW = "pending_new"
    NEW = "new"
    TRADE = "trade"
    FILLED = "filled"
    ICEBERG_REFILL = "iceberg_refill"
    CANCELED = "canceled"
    EXPIRED = "expired"
    AMENDED = "amended"
    RESTATED = "restated"
    STATUS = "status"


class OrderState(Enum):
    PENDING_NEW = "pending_new"
    NEW = "new"
    PARTIALLY_FILLED = "partially_filled"
    FILLED = "filled"
    CANCELED = "canceled"
    EXPIRED = "expired"
    TRIGGERED = "triggered"


class RestState(Enum):
    PENDING = "pending"
    OPEN = "open"
    CLOSED = "closed"
    CANCELED = "canceled"
    EXPIRED = "expired"


class Liquidity(Enum):
    MAKER = "m"
    TAKER = "t"


# -- WebSocket -------------------------------------------------------------------------------------------------


class Message(_Wire, frozen=True):
    """Anything on a WebSocket: an answer has ``method``, a push has ``channel``."""

    channel: str = ""
    type: str = ""
    data: Raw = _NO_JSON
    sequence: int = 0
    method: str = ""
    req_id: int | None = None
    success: bool | None = None
    error: str | None = None
    result: Raw = _NO_JSON
    symbol: str | None = None
    time_in: str = ""
    time_out: str = ""


class Placed(_Wire, frozen=True):
    """``result`` of an order's request; an amend has its own id besides."""

    order_id: str = ""
    cl_ord_id: str | None = None
    amend_id: str = ""


class Batch(_Wire, frozen=True):
    count: int = 0


class Subscribed(_Wire, frozen=True):
    """``result`` of a subscription."""

    channel: str = ""
    symbol: str | None = None
    maxratecount: int | None = None


class SystemStatus(_Wire, frozen=True):
    system: str = ""


class Fee(_Wire, frozen=True):
    asset: str
    qty: Raw


class ExecutionReport(_Wire, frozen=True):
    """Sparse: most fields come once per order, and only some with each report."""

    order_id: str
    exec_type: ExecType
    order_status: OrderState
    timestamp: str = ""
    cl_ord_id: str | None = None
    symbol: str = ""
    side: OrderSide | None = None
    order_type: str = ""
    time_in_force: str = ""
    post_only: bool = False
    order_qty: Raw = _NO_JSON
    limit_price: Raw = _NO_JSON
    cum_qty: Raw = _NO_JSON
    exec_id: str = ""
    last_qty: Raw = _NO_JSON
    last_price: Raw = _NO_JSON
    liquidity_ind: Liquidity | None = None
    fees: tuple[Fee, ...] = ()
    reason: str = ""
    amended: bool = False
    ratecount: Raw = _NO_JSON
    rate_count: Raw = _NO_JSON
    ratecounter: Raw = _NO_JSON


class BalanceEntry(_Wire, frozen=True):
    """A row of the balances channel: the asset's total, in a snapshot and after a change."""

    asset: str
    balance: Raw


class BookLevel(_Wire, frozen=True):
    price: Raw
    qty: Raw


class BookData(_Wire, frozen=True):
    symbol: str
    bids: tuple[BookLevel, ...]
    asks: tuple[BookLevel, ...]
    checksum: int
    timestamp: str = ""


class BookMessage(_Wire, frozen=True):
    type: str
    data: tuple[BookData, ...]


class PublicTrade(_Wire, frozen=True):
    symbol: str
    side: MarketSide
    price: Raw
    qty: Raw
    trade_id: int
    timestamp: str


class TradeMessage(_Wire, frozen=True):
    type: str
    data: tuple[PublicTrade, ...]


# -- REST ------------------------------------------------------------------------------------------------------


class Envelope(_Wire, frozen=True):
    error: tuple[str, ...] = ()
    result: Raw = _NO_JSON


class ServerTime(_Wire, frozen=True):
    unixtime: int


class Token(_Wire, frozen=True):
    token: str
    expires: int = 0


class ApiKeyInfo(_Wire, frozen=True):
    permissions: tuple[str, ...]


class AssetPair(_Wire, frozen=True):
    altname: str
    base: str
    quote: str
    pair_decimals: int
    lot_decimals: int
    wsname: str = ""
    tick_size: str = ""
    ordermin: str = "0"
    costmin: str = "0"
    status: str = "online"


class BalanceDetail(_Wire, frozen=True):
    balance: str
    hold_trade: str = "0"
    credit: str = "0"
    credit_used: str = "0"


class FeeTier(_Wire, frozen=True):
    """In percent."""

    fee: str


class Fees(_Wire, frozen=True):
    """By pair id. A pair without maker fees of its own pays ``fees`` both ways."""

    fees: dict[str, FeeTier] = {}
    fees_maker: dict[str, FeeTier] = {}


class OrderDescription(_Wire, frozen=True):
    pair: str
    type: OrderSide
    price: str = "0"
    ordertype: str = ""


class OrderInfo(_Wire, frozen=True):
    """An element of OpenOrders, ClosedOrders and QueryOrders."""

    status: RestState
    descr: OrderDescription
    vol: str
    vol_exec: str
    cl_ord_id: str | None = None
    opentm: Raw = Raw(b"0")
    closetm: Raw = Raw(b"0")
    misc: str = ""
    oflags: str = ""
    reason: str | None = None
    trades: tuple[str, ...] = ()


class TradeInfo(_Wire, frozen=True):
    """An element of TradesHistory and QueryTrades."""

    ordertxid: str
    pair: str
    time: Raw
    type: OrderSide
    price: str
    vol: str
    fee: str = "0"
    maker: bool = False


class OrderAmend(_Wire, frozen=True):
    """An entry of an order's history: as it was made, and after each change."""

    amend_type: str
    order_qty: str
    remaining_qty: str
    limit_price: str = ""
    timestamp: Raw = Raw(b"0")


class OrderAmends(_Wire, frozen=True):
    amends: tuple[OrderAmend, ...] = ()
