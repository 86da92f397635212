"""The enumerations that messages carry. Values of FIX fields are FIX's own where they are digits."""

from enum import IntEnum

__all__ = [
    "Contingency",
    "ExecType",
    "KillMode",
    "OrderStatus",
    "OrderType",
    "Reason",
    "SelfTradePrevention",
    "Side",
    "TimeInForce",
]


class Side(IntEnum):
    """FIX tag 54."""

    BUY = 1
    SELL = 2


class OrderType(IntEnum):
    """FIX tag 40. Those from STOP on wait at the venue for their trigger price (``engine/messages/orders.py``).

    A STOP fires when the market goes against it (a buy above, a sell below), an IF_TOUCHED when it comes its way
    (FIX J, *market if touched*; a venue may call it *take profit*), a TRAILING stop follows the market at a distance.
    Then it is a market order, or with LIMIT in its name a limit order.
    """

    MARKET = 1
    LIMIT = 2
    STOP = 3
    STOP_LIMIT = 4
    MARKET_IF_TOUCHED = 21
    LIMIT_IF_TOUCHED = 22
    TRAILING_STOP = 23
    TRAILING_STOP_LIMIT = 24

    #: Attributes of each member: they are asked for on the order path.
    is_triggered: bool
    #: Whether it has a price of its own, worse than which it does not trade.
    is_priced: bool
    is_trailing: bool
    #: Whether a buy fires above the market, and a sell below.
    fires_against: bool


for _type in OrderType:
    _type.is_triggered = _type >= OrderType.STOP
    _type.is_priced = "LIMIT" in _type.name
    _type.is_trailing = "TRAILING" in _type.name
    _type.fires_against = "STOP" in _type.name


class TimeInForce(IntEnum):
    """FIX tag 59. GTD is until a time (``expires_wall_ns``), whatever the venue's day is."""

    GTC = 1
    IOC = 3
    FOK = 4
    GTD = 6


class SelfTradePrevention(IntEnum):
    """FIX tag 2964 where it has one: what the venue does when an order would trade with one of the same account. The
    *aggressive* one is the one that comes, the *passive* one rests.

    ``DECREMENT`` takes what would have traded from both. ``TRANSFER`` moves it between accounts of one owner.
    """

    VENUE_DEFAULT = 0
    CANCEL_AGGRESSIVE = 1
    CANCEL_PASSIVE = 2
    CANCEL_BOTH = 3
    DECREMENT = 20
    TRANSFER = 21
    NONE = 22


class Contingency(IntEnum):
    """FIX tag 1385: what orders of a list have to do with each other. OTOCO is an OTO whose second order is an OCO."""

    NONE = 0
    OCO = 1
    OTO = 2
    OTOCO = 20


class OrderStatus(IntEnum):
    """FIX tag 39: the states of a spot order's life. ``UNKNOWN`` is FIX's *suspended*, used for an order whose
    outcome at the venue is not known: it may still fill, so its exposure stays reserved."""

    PENDING_NEW = 1
    NEW = 2
    PARTIALLY_FILLED = 3
    PENDING_CANCEL = 4
    PENDING_REPLACE = 5
    UNKNOWN = 6
    FILLED = 7
    CANCELLED = 8
    REPLACED = 9
    REJECTED = 10
    EXPIRED = 11

    #: Whether nothing can follow. An attribute of each member: it is asked for several times per event.
    is_terminal: bool


for _status in OrderStatus:
    _status.is_terminal = _status >= OrderStatus.FILLED


class ExecType(IntEnum):
    """FIX tag 150: what an execution report tells. ``CANCEL_REJECTED`` and ``REPLACE_REJECTED`` are FIX's
    OrderCancelReject (35=9), reported on the same callback so that a strategy has one place to look."""

    PENDING_NEW = 1
    NEW = 2
    TRADE = 3
    PENDING_CANCEL = 4
    CANCELLED = 5
    PENDING_REPLACE = 6
    REPLACED = 7
    REJECTED = 8
    EXPIRED = 9
    UNKNOWN = 10
    CANCEL_REJECTED = 11
    REPLACE_REJECTED = 12
    ORDER_STATUS = 13


class KillMode(IntEnum):
    """What a kill does to its scope. The numbers are names, not an order: ``rank`` is, and the largest wins: it says
    what may leave. So a halt over a flatten ends the closing, and whoever wants less to leave has it at once.

    ``HALT`` no new order. ``REDUCE`` only what provably shrinks the worst-case position. ``CANCEL`` halt, and cancel
    until the venue confirms none is left. ``FLATTEN`` cancel, then close in paced reduce-only slices.
    """

    HALT = 1
    REDUCE = 2
    CANCEL = 3
    FLATTEN = 4

    @property
    def rank(self) -> int:
        """How little may leave. 1 reduce: what reduces; 2 flatten: our closing orders; 3 halt, 4 cancel: nothing."""
        return _KILL_RANKS[self]

    @property
    def cancels(self) -> bool:
        """Whether open orders in scope are cancelled."""
        return self in (KillMode.CANCEL, KillMode.FLATTEN)


_KILL_RANKS = {KillMode.REDUCE: 1, KillMode.FLATTEN: 2, KillMode.HALT: 3, KillMode.CANCEL: 4}


class Reason(IntEnum):
    """Why an order, cancel or replace was refused or ended. The hundreds tell who said so."""

    NONE = 0

    # 1xx: the message itself is wrong
    UNKNOWN_INSTRUMENT = 100
    BAD_SIDE = 101
    BAD_ORDER_TYPE = 102
    BAD_TIME_IN_FORCE = 103
    BAD_PRICE = 104
    PRICE_OFF_TICK = 105
    PRICE_OUT_OF_RANGE = 106
    BAD_QUANTITY = 107
    QUANTITY_OFF_LOT = 108
    QUANTITY_OUT_OF_RANGE = 109
    NOTIONAL_TOO_SMALL = 110
    NOTIONAL_TOO_LARGE = 111
    DUPLICATE_CLIENT_ORDER_ID = 112
    BAD_CLIENT_ORDER_ID = 113
    UNKNOWN_ORDER = 114
    ORDER_NOT_OPEN = 115
    NUMBER_OVERFLOW = 116
    UNSUPPORTED = 117
    OPEN_ORDERS_AT_VENUE = 118
    INSUFFICIENT_FUNDS = 119
    PRICE_OUTSIDE_VENUE_BAND = 120
    BAD_TRIGGER = 121
    TRIGGER_WOULD_FIRE = 122
    BAD_DISPLAY_QUANTITY = 123
    BAD_EXPIRE_TIME = 124
    BAD_ORDER_LIST = 125

    # 2xx: nobody may trade now
    HALTED = 200
    LEASE_EXPIRED = 201
    NO_LEASE = 202
    WRONG_ACCOUNT = 203
    WRONG_STRATEGY = 204
    STRATEGY_STOPPED = 205
    NOT_READY = 206
    LEDGER_IN_DOUBT = 207
    REDUCE_ONLY = 208

    # 3xx: a risk limit
    ORDER_QUANTITY = 300
    ORDER_NOTIONAL = 301
    PRICE_COLLAR = 302
    NO_REFERENCE_PRICE = 303
    OPEN_ORDERS = 304
    ORDER_RATE = 305
    LONG_POSITION = 306
    SHORT_POSITION = 307
    REPLACE_RATE = 308
    GROSS_NOTIONAL = 309
    NET_NOTIONAL = 310
    CONCENTRATION = 311
    DAILY_LOSS = 312
    DRAWDOWN = 313
    DUPLICATE_ORDER = 314
    PRICE_COLLAR_WINDOW = 315
    ORDER_TO_TRADE = 316
    EXECUTION_THROTTLE = 317
    STRATEGY_RATE = 318
    STRATEGY_POSITION = 319
    STRATEGY_NOTIONAL = 320
    ASSET_LONG = 321
    ASSET_SHORT = 322

    # 4xx: the way is blocked
    ORDER_QUEUE_FULL = 400
    VENUE_LINK_DOWN = 401
    VENUE_LINK_BUSY = 402
    VENUE_RATE_LIMIT = 403
    REPORT_QUEUE_FULL = 404
    JOURNAL_FULL = 405
    NEVER_RECEIVED = 406
    CANCEL_IN_FLIGHT = 407

    # 5xx: the venue said so
    VENUE_REJECTED = 500
    VENUE_POST_ONLY_WOULD_TAKE = 501
    VENUE_SELF_TRADE = 502
    VENUE_EXPIRED = 503
    VENUE_CANCELLED = 504
    NEVER_REACHED_VENUE = 505
    OUTCOME_UNKNOWN = 506

    # 6xx: a person or a strategy asked for it
    CANCEL_REQUESTED = 600
    KILLED = 601
    STRATEGY_FAILED = 602
    REPLACE_REQUESTED = 603
    SHADOW_OVER = 604
