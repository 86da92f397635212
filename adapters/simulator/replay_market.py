"""A market that replays a recording, with the clients' orders laid over it.

What is exact
    Every recorded message of the symbol is handed out once, in order, byte for byte, at its recorded distance from the
    first line divided by the speed. The public book is the recording's and is never changed by clients.

What is a model
    Client orders execute against the recording as follows; ``replay_queue`` keeps the places in the queues.

    - A taking order takes the live displayed quantity and the waiting orders of other clients, by price, then by place
      in the queue. What it took stays taken: a level has ``displayed - taken`` left. A rise of the displayed quantity
      is new liquidity; a fall uses up what was taken first. No displayed lot is ever given to clients twice.
    - A waiting order is filled as maker
        - by a recorded trade at its price, with what the trade has left after the queue ahead;
        - by a recorded trade through its price (the aggressor would have met us first), up to the trade's quantity;
        - by displayed quantity of the other side at or through its price: in the recording nobody stood in its way.
    - Self-trade prevention and price-time priority hold among the clients.

Honest limits
    The recording does not react. Others would have cancelled, followed or undercut; here they do not, and a taking
    client moves no price. So results flatter large orders, and mean little for orders that are large beside the
    displayed quantity. Cancels are assumed to be behind us as long as they can be, which flatters nobody. Orders that
    the venue hid (icebergs) show up only as trades. Without a snapshot in the recording the book begins empty, and
    a level is unknown, hence nothing is ahead of us there, until its first update. Client executions do not appear in
    the public stream, and their trade ids count from 1 beside the recording's own.
"""

from collections.abc import Iterator
from fractions import Fraction
from heapq import merge
from typing import NamedTuple

import msgspec

from adapters.simulator.grid import Grid
from adapters.simulator.market import (
    BookSnapshot,
    Ended,
    EndReason,
    Executed,
    Level,
    MarketEvent,
    Prevented,
    Public,
)
from adapters.simulator.matching import prevented_amounts, prevents
from adapters.simulator.order import SimOrder, StpMode
from adapters.simulator.recording import DepthSnapshot, RecordedLine, Recording, symbol_messages
from adapters.simulator.replay_book import Change, ReplayBook
from adapters.simulator.replay_queue import ClientQueues, QueueTape, Waiting
from engine.codes import Side, TimeInForce
from engine.errors import InvariantError, UsageError
from engine.instrument import Instrument

__all__ = ["ReplayMarket"]


class _DepthUpdate(msgspec.Struct):
    U: int
    u: int
    b: tuple[tuple[str, str], ...]
    a: tuple[tuple[str, str], ...]


class _BookTicker(msgspec.Struct):
    u: int
    b: str
    B: str
    a: str
    A: str


class _Trade(msgspec.Struct):
    p: str
    q: str
    m: bool


_decode_depth = msgspec.json.Decoder(_DepthUpdate).decode
_decode_ticker = msgspec.json.Decoder(_BookTicker).decode
_decode_trade = msgspec.json.Decoder(_Trade).decode


class _Offer(NamedTuple):
    """Something a taking order meets: ``waiting`` None is the displayed market."""

    price_ticks: int
    lots: int
    waiting: Waiting | None


def _other(side: Side) -> Side:
    return Side.SELL if side is Side.BUY else Side.BUY


class ReplayMarket:
    """The replayed market of one instrument (``market.Market``).

    ``lines`` are the recording's lines, all symbols or this one only; ``recording`` is what ``recording.scan`` found in
    the same file. ``speed`` 2 replays twice as fast as recorded. Raises UsageError when the recording does not hold
    the instrument's symbol, and, from ``advance``, for a line that is not as Binance sends it.
    """

    def __init__(
        self, instrument: Instrument, lines: Iterator[RecordedLine], recording: Recording, speed: Fraction | int = 1
    ) -> None:
        found = recording.symbols.get(instrument.symbol)
        if found is None:
            known = ", ".join(recording.symbols) or "none"
            raise UsageError(f"the recording does not hold {instrument.symbol}; it holds: {known}")
        if speed <= 0:
            raise UsageError(f"speed {speed} must be above 0")
        self._instrument = instrument
        self._prices = Grid(instrument.tick_units, instrument.price_scale, "price")
        self._quantities = Grid(instrument.lot_units, instrument.quantity_scale, "quantity")
        self._lines = symbol_messages(lines, instrument.symbol)
        self._speed = Fraction(speed)
        self._first_recorded_ns = recording.first_time_ns
        self._start_ns: int | None = None
        self._next: RecordedLine | None = None
        self._next_ns = 0
        self._recorded_ns = 0
        self._book = ReplayBook(max(0, found.first_update_id - 1))
        if found.snapshot is not None:
            self._load(found.snapshot)
        self._queues = {side: ClientQueues(side) for side in Side}
        self._taken: dict[tuple[Side, int], int] = {}
        self._tape = QueueTape()
        self._last_trade_ticks = 0
        self._last_trade_id = 0
        self._last_match_id = 0
        self.messages_sent = 0

    # -- reading ------------------------------------------------------------------------------------------------

    @property
    def instrument(self) -> Instrument:
        return self._instrument

    @property
    def last_trade_ticks(self) -> int:
        return self._last_trade_ticks

    @property
    def gaps(self) -> int:
        """Depth updates so far that did not follow their predecessor."""
        return self._book.gaps

    def best(self) -> tuple[int, int, int, int]:
        return *self._book.best(Side.BUY), *self._book.best(Side.SELL)

    def snapshot(self, limit: int) -> BookSnapshot:
        """The depth updates' book: the newer tops that tickers tell are not in it, so that its update id is true."""
        book = self._book
        return book.update_id, book.public(Side.BUY).top(limit), book.public(Side.SELL).top(limit)

    def waiting(self, order: SimOrder) -> Waiting | None:
        """Where a client's order stands in its queue; None when it does not rest."""
        return next((w for w in self._queues[order.side].at(order.price_ticks) if w.order is order), None)

    # -- the recording ------------------------------------------------------------------------------------------

    def start(self, now_ns: int, wall_ns: int = 0) -> None:
        """See ``Market``. Recorded messages keep the times that they carry: ``wall_ns`` is not used."""
        if self._start_ns is not None:
            raise InvariantError("a replay is started once")
        self._start_ns = now_ns
        self._read_next()

    def next_event_ns(self) -> int | None:
        return self._next_ns if self._next is not None else None

    def advance(self, now_ns: int) -> list[MarketEvent]:
        events: list[MarketEvent] = []
        while self._next is not None and self._next_ns <= now_ns:
            line, due_ns = self._next, self._next_ns
            self.messages_sent += 1
            events.append(Public(line.stream, line.payload, due_ns))
            self._recorded_ns = line.time_ns
            self._apply(line, due_ns, events)
            self._read_next()
        return events

    def _read_next(self) -> None:
        self._next = next(self._lines, None)
        if self._next is None or self._start_ns is None:
            return
        # A clock that was set back while recording must not set ours back.
        distance = max(0, self._next.time_ns - self._first_recorded_ns)
        due_ns = self._start_ns + distance * self._speed.denominator // self._speed.numerator
        self._next_ns = max(self._next_ns, due_ns)

    def _apply(self, line: RecordedLine, now_ns: int, events: list[MarketEvent]) -> None:
        kind = line.stream.partition("@")[2]
        try:
            if kind == "bookTicker":
                changes = self._apply_ticker(_decode_ticker(line.payload))
            elif kind in ("depth", "depth@100ms"):
                changes = self._apply_depth(_decode_depth(line.payload))
            elif kind == "trade":
                self._apply_trade(_decode_trade(line.payload), now_ns, events)
                return
            else:
                return
        except (msgspec.MsgspecError, UsageError) as error:
            raise UsageError(f"recording line {line.number} ({line.stream}): {error}") from error
        for change in changes:
            self._follow(change)
        self._fill_crossed(now_ns, events)

    def _apply_ticker(self, ticker: _BookTicker) -> tuple[Change, ...]:
        return self._book.apply_ticker(ticker.u, self._level(ticker.b, ticker.B), self._level(ticker.a, ticker.A))

    def _apply_depth(self, update: _DepthUpdate) -> tuple[Change, ...]:
        return self._book.apply_diff(update.U, update.u, self._levels(update.b), self._levels(update.a))

    def _level(self, price: str, quantity: str) -> Level:
        return self._prices.steps(price), self._quantities.steps(quantity)

    def _levels(self, levels: tuple[tuple[str, str], ...]) -> list[Level]:
        return [self._level(price, quantity) for price, quantity in levels]

    def _load(self, snapshot: DepthSnapshot) -> None:
        self._book.load(snapshot.last_update_id, self._levels(snapshot.bids), self._levels(snapshot.asks))

    # -- waiting orders -----------------------------------------------------------------------------------------

    def _available(self, side: Side, price_ticks: int) -> int:
        """Displayed and not yet taken by clients."""
        return self._book.lots(side, price_ticks) - self._taken.get((side, price_ticks), 0)

    def _follow(self, change: Change) -> None:
        """A level's displayed quantity has changed: settle what was taken from it and the places in its queue."""
        side, price, old_lots, new_lots = change
        if new_lots > old_lots:
            return
        taken = self._taken.pop((side, price), 0)
        if taken > old_lots - new_lots:
            self._taken[side, price] = taken - (old_lots - new_lots)
        told = self._tape.fell(change, self._recorded_ns)
        available = self._available(side, price)
        for waiting in self._queues[side].at(price):
            waiting.cap(available, told, self._recorded_ns)

    def _apply_trade(self, trade: _Trade, now_ns: int, events: list[MarketEvent]) -> None:
        price, lots = self._level(trade.p, trade.q)
        maker_side = Side.BUY if trade.m else Side.SELL
        self._last_trade_ticks = price
        queues = self._queues[maker_side]
        fell_ns = self._tape.fall_owed_ns(maker_side, price, self._recorded_ns)
        left = lots
        for waiting in queues.better_than(price):
            if fell_ns is not None and waiting.joined_ns >= fell_ns:
                continue
            left -= self._fill(waiting, left, now_ns, events)
            waiting.ahead_lots = waiting.credit_lots = 0
        self._trade_at(queues.at(price), left, now_ns, events)
        self._tape.traded(maker_side, price, lots, self._recorded_ns)

    def _trade_at(self, queue: tuple[Waiting, ...], lots: int, now_ns: int, events: list[MarketEvent]) -> None:
        """Spend a trade's quantity along the queue of its price: market ahead, us, market between, the next of us…

        Places are counted as they were before the falls that told of this trade (``ahead + credit``)."""
        of_market, left = 0, lots
        for waiting in queue:
            waiting.expire_credit(self._recorded_ns)
            between = max(0, waiting.ahead_lots + waiting.credit_lots - of_market)
            taken = min(between, left)
            of_market += taken
            left -= taken
            waiting.traded_ahead(of_market)
            left -= self._fill(waiting, left, now_ns, events)

    def _fill_crossed(self, now_ns: int, events: list[MarketEvent]) -> None:
        """Displayed quantity at or through a waiting order's price executes against it."""
        for side, queues in self._queues.items():
            if not queues:
                continue
            other = _other(side)
            for price, _ in self._book.levels(other):
                if not queues or price * queues.sign > queues.best_ticks * queues.sign:
                    break
                self._fill_from_level(queues, other, price, now_ns, events)

    def _fill_from_level(
        self, queues: ClientQueues, other: Side, price: int, now_ns: int, events: list[MarketEvent]
    ) -> None:
        available = self._available(other, price)
        while available > 0 and queues and price * queues.sign <= queues.best_ticks * queues.sign:
            filled = self._fill(queues.at(queues.best_ticks)[0], available, now_ns, events)
            available -= filled
            self._take(other, price, filled)

    def _fill(self, waiting: Waiting, lots_max: int, now_ns: int, events: list[MarketEvent]) -> int:
        """Execute a waiting order against the anonymous market as far as possible; how much."""
        order = waiting.order
        lots = min(order.visible_lots, lots_max)
        if lots > 0:
            self._execute(order, None, _other(order.side), order.price_ticks, lots, now_ns, events)
        return max(0, lots)

    # -- commands -----------------------------------------------------------------------------------------------

    def place(self, order: SimOrder, now_ns: int) -> list[MarketEvent]:
        if order.is_resting or order.leaves_lots <= 0:
            raise InvariantError(f"order {order.order_id} cannot be placed: it rests already or has nothing open")
        if order.post_only and next(self._offers(order), None) is not None:
            return [Ended(order, "would_take", now_ns)]
        if order.time_in_force is TimeInForce.FOK and not self._can_fill_whole(order):
            return [Ended(order, "expired_fok", now_ns)]
        events: list[MarketEvent] = []
        for offer in self._offers(order):
            self._meet(order, offer, now_ns, events)
            if not order.leaves_lots:
                return events
        if order.is_market or order.time_in_force is not TimeInForce.GTC:
            why: EndReason = "expired_no_liquidity" if order.is_market else "expired_ioc"
            events.append(Ended(order, why, now_ns))
        else:
            self._rest(order)
        return events

    def cancel(self, order: SimOrder, now_ns: int) -> bool:
        if not order.is_resting:
            return False
        self._queues[order.side].remove(order)
        return True

    def reduce(self, order: SimOrder, quantity_lots: int, now_ns: int) -> bool:
        if not order.is_resting or not 0 < order.quantity_lots - quantity_lots < order.leaves_lots:
            return False
        order.quantity_lots = quantity_lots
        order.shown_lots = min(order.shown_lots, order.leaves_lots)
        return True

    # -- steps --------------------------------------------------------------------------------------------------

    def _offers(self, taker: SimOrder) -> Iterator[_Offer]:
        """What a taking order would meet, in price-time order. Each level is read when it is reached."""
        side = _other(taker.side)
        queues = self._queues[side]

        def rank(price: int) -> int:
            return -price * queues.sign

        previous = 0
        for price in merge((price for price, _ in self._book.levels(side)), queues.prices(), key=rank):
            if not taker.is_market and rank(price) > rank(taker.price_ticks):
                return
            if price != previous:
                yield from self._offers_at(side, price)
            previous = price

    def _offers_at(self, side: Side, price: int) -> Iterator[_Offer]:
        available, of_market = self._available(side, price), 0
        queue = [(waiting, waiting.ahead_lots) for waiting in self._queues[side].at(price)]
        for waiting, ahead in queue:
            between = min(ahead, available) - of_market
            if between > 0:
                of_market += between
                yield _Offer(price, between, None)
            yield _Offer(price, waiting.order.visible_lots, waiting)
        if available > of_market:
            yield _Offer(price, available - of_market, None)

    def _meet(self, taker: SimOrder, offer: _Offer, now_ns: int, events: list[MarketEvent]) -> None:
        if offer.waiting is None:
            lots = min(taker.leaves_lots, offer.lots)
            side = _other(taker.side)
            for waiting in self._queues[side].at(offer.price_ticks):
                waiting.ahead_lots = max(0, waiting.ahead_lots - lots)
            self._take(side, offer.price_ticks, lots)
            self._execute(None, taker, taker.side, offer.price_ticks, lots, now_ns, events)
        elif prevents(taker, offer.waiting.order):
            self._prevent(taker, offer.waiting.order, now_ns, events)
        else:
            lots = min(taker.leaves_lots, offer.lots)
            self._execute(offer.waiting.order, taker, taker.side, offer.price_ticks, lots, now_ns, events)

    def _take(self, side: Side, price_ticks: int, lots: int) -> None:
        self._taken[side, price_ticks] = self._taken.get((side, price_ticks), 0) + lots

    def _rest(self, order: SimOrder) -> None:
        """Behind everything that is available at its price."""
        ahead = max(0, self._available(order.side, order.price_ticks))
        owed = max(0, self._tape.balance(order.side, order.price_ticks, self._recorded_ns))
        order.show()
        self._queues[order.side].add(Waiting(order, ahead, owed, self._recorded_ns))

    def _can_fill_whole(self, taker: SimOrder) -> bool:
        missing = taker.leaves_lots
        for offer in self._offers(taker):
            if offer.waiting is not None and prevents(taker, offer.waiting.order):
                if taker.stp_mode is not StpMode.EXPIRE_MAKER:
                    return False
                continue
            missing -= offer.lots
            if missing <= 0:
                return True
        return False

    def _execute(
        self,
        maker: SimOrder | None,
        taker: SimOrder | None,
        aggressor: Side,
        price_ticks: int,
        lots: int,
        now_ns: int,
        events: list[MarketEvent],
    ) -> None:
        self._last_trade_id += 1
        for order in (maker, taker):
            if order is not None:
                order.cum_lots += lots
        if maker is not None and not maker.leaves_lots:
            self._queues[maker.side].remove(maker)
        elif maker is not None and maker.display_lots:
            self._show_next(maker, lots)
        maker_cum_lots, taker_cum_lots = maker.cum_lots if maker else 0, taker.cum_lots if taker else 0
        trade_id = self._last_trade_id
        events.append(
            Executed(trade_id, price_ticks, lots, aggressor, maker, taker, now_ns, maker_cum_lots, taker_cum_lots)
        )

    def _show_next(self, maker: SimOrder, lots: int) -> None:
        """``lots`` of what an iceberg shows are gone: when that was all, the next part waits behind everybody else."""
        maker.shown_lots -= lots
        if maker.shown_lots <= 0:
            self._queues[maker.side].remove(maker)
            self._rest(maker)

    def _prevent(self, taker: SimOrder, maker: SimOrder, now_ns: int, events: list[MarketEvent]) -> None:
        matched = min(taker.leaves_lots, maker.visible_lots)
        maker_lots, taker_lots = prevented_amounts(taker, maker)
        maker.prevented_lots += maker_lots
        taker.prevented_lots += taker_lots
        self._last_match_id += 1
        match_id = self._last_match_id
        events.append(Prevented(maker, taker, matched, maker.price_ticks, maker_lots, taker_lots, match_id, now_ns))
        if not maker.leaves_lots:
            self._queues[maker.side].remove(maker)
            events.append(Ended(maker, "expired_stp", now_ns))
        if not taker.leaves_lots:
            events.append(Ended(taker, "expired_stp", now_ns))
