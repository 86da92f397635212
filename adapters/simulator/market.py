"""What a simulated venue asks of a market, and what the market tells back. One market trades one instrument.

A market is exact and passive: it does nothing until it is called, never reads a clock, and gives the same answers to
the same calls. The venue (the protocol server) calls it like this:

1. ``start(now_ns)`` once; the recording or the flow begins to run at that moment.
2. Before each command, and whenever ``next_event_ns()`` is due, ``advance(now_ns)``: it returns, in order, the client
   executions and the public messages up to now. ``next_event_ns()`` may move earlier after each call of any method.
3. ``place``, ``cancel``, ``reduce`` for the clients' orders. Their direct consequences come back from the call; the
   *public* messages they cause are handed out by the next ``advance`` (``next_event_ns()`` is then due at once).

Checking prices, quantities, funds and filters is the venue's work; a market takes an order that is valid.
"""

from typing import Literal, NamedTuple, Protocol

from adapters.simulator.order import SimOrder
from engine.codes import Side
from engine.instrument import Instrument

__all__ = [
    "BookSnapshot",
    "EndReason",
    "Ended",
    "Executed",
    "Level",
    "Market",
    "MarketEvent",
    "Prevented",
    "Public",
]

#: (price_ticks, quantity_lots)
Level = tuple[int, int]

#: (last update id, bids best first, asks best first)
BookSnapshot = tuple[int, tuple[Level, ...], tuple[Level, ...]]

#: Why the engine itself ended an order. ``expired_ioc`` and ``expired_fok``: the remainder of an IOC order, the whole
#: of a FOK order. ``expired_no_liquidity``: the remainder of a market order. ``expired_stp``: self-trade prevention.
#: ``would_take``: a post-only order that would have taken; it was never in the book and nothing was executed.
EndReason = Literal["expired_ioc", "expired_fok", "expired_no_liquidity", "expired_stp", "would_take"]


class Executed(NamedTuple):
    """One execution in which at least one client takes part. ``maker`` or ``taker`` is None for the anonymous market.

    The orders' ``cum_lots`` already contain *all* executions of the call that returned this event: whoever reports
    cumulative quantities one by one must count them up (``maker_cum_lots``, ``taker_cum_lots`` give them; 0 for None).
    ``price_ticks`` is the maker's price. ``trade_id`` grows strictly, from 1, per market.
    """

    trade_id: int
    price_ticks: int
    quantity_lots: int
    aggressor: Side
    maker: SimOrder | None
    taker: SimOrder | None
    now_ns: int
    maker_cum_lots: int = 0
    taker_cum_lots: int = 0


class Prevented(NamedTuple):
    """Self-trade prevention kept two orders of one account apart. ``quantity_lots`` is what would have executed.

    ``maker_prevented_lots`` and ``taker_prevented_lots`` were added to the orders' ``prevented_lots``: the whole rest
    of an order that expires, the matched quantity under DECREMENT, 0 for an order that is left alone. An ``Ended``
    (``expired_stp``) follows for each of the two that has nothing left; one that executes its rest afterwards is
    filled, with ``cum_lots`` below ``quantity_lots``. ``match_id`` grows strictly from 1 per market.
    """

    order_maker: SimOrder
    order_taker: SimOrder
    quantity_lots: int
    price_ticks: int
    maker_prevented_lots: int
    taker_prevented_lots: int
    match_id: int
    now_ns: int


class Ended(NamedTuple):
    """The engine ended an order that was not filled and not cancelled."""

    order: SimOrder
    why: EndReason
    now_ns: int


class Public(NamedTuple):
    """A market data message to fan out to the subscribers of ``stream`` (such as ``btcusdt@trade``).

    ``payload`` is the inner JSON; in a replay it is the recorded bytes, unchanged. ``due_ns`` is when it happened, on
    the caller's clock.
    """

    stream: str
    payload: bytes
    due_ns: int


MarketEvent = Executed | Prevented | Ended | Public


class Market(Protocol):
    """One instrument's market (``ReplayMarket``, ``SyntheticMarket``)."""

    @property
    def instrument(self) -> Instrument: ...

    @property
    def last_trade_ticks(self) -> int:
        """Price of the last public trade, 0 before the first."""
        ...

    def start(self, now_ns: int, wall_ns: int = 0) -> None:
        """The clock of the recording or flow starts now. ``wall_ns`` is the UTC time of ``now_ns``; generated messages
        carry it (recorded ones keep what they have)."""
        ...

    def place(self, order: SimOrder, now_ns: int) -> list[MarketEvent]:
        """Match the order and rest what remains of a GTC limit order (then ``order.is_resting``).

        Events are in the order in which they happened and contain no ``Public``. An order without events simply rests.
        """
        ...

    def cancel(self, order: SimOrder, now_ns: int) -> bool:
        """Take a resting order out of the book. False: it does not rest here (filled, ended, never placed)."""
        ...

    def reduce(self, order: SimOrder, quantity_lots: int, now_ns: int) -> bool:
        """Lower the *total* quantity of a resting order to ``quantity_lots``; it keeps its place in the queue.

        False, and nothing changes, unless executed + prevented < ``quantity_lots`` < the total quantity now.
        """
        ...

    def best(self) -> tuple[int, int, int, int]:
        """bid_ticks, bid_lots, ask_ticks, ask_lots as the public sees them; a side without orders is (0, 0)."""
        ...

    def snapshot(self, limit: int) -> BookSnapshot:
        """The book as the public sees it, at most ``limit`` levels a side, consistent with the depth messages: those
        with a higher update id follow it."""
        ...

    def next_event_ns(self) -> int | None:
        """When ``advance`` has something to do next; None: never (a finished recording) or not started."""
        ...

    def advance(self, now_ns: int) -> list[MarketEvent]:
        """Let everything up to and including ``now_ns`` happen, in order."""
        ...
