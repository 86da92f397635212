"""Daily loss and drawdown are what they would be had the venue actor never been restarted."""

from typing import Any

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from actors.venue_day import VenueDay
from actors.venue_records import DayBest, DayStarted, VenueJournal, decode_record
from engine.codes import OrderType, Side, TimeInForce
from engine.instrument import Instrument
from engine.messages import NewOrder
from engine.order import Order
from risk.gate import Gate
from risk.latch import LatchPage
from risk.limits import COUNT_MAX, MICROS_MAX, AccountLimits, InstrumentLimits, StrategyLimits
from risk.scope import TradingNames
from store.segment import MemoryJournal

DAY_NS = 86_400 * 10**9
SYMBOLS = {"BTCUSDT": 0, "ETHUSDT": 1}
NAMES = TradingNames(("a",), {"v": "a"}, {"s": "v"}, tuple(f"v:{symbol}" for symbol in SYMBOLS))


#: Tick 0.01 USDT, lot 0.001 of the base asset; no limit in the way.
INSTRUMENT = Instrument(0, "v", "", "", "USDT", 1, 2, 1, 3, 1, 10**6, 1, 10**6)
LIMITS = InstrumentLimits(10**6, 10**12, 10**6, 10**6, 10**6, 10**6, 10**9, 10**9)


class Fill(msgspec.Struct, frozen=True, array_like=True, tag=1):
    """Stands for the journal's order records."""

    instrument_id: int
    side: Side
    lots: int
    ticks: int


class Life:
    """One life of what a venue actor has to do with days. ``wall_ns`` is its clock."""

    def __init__(self, journal: MemoryJournal, wall_ns: int) -> None:
        self._wall_ns = wall_ns
        self._journal = journal
        numbers = {
            field: MICROS_MAX if field.endswith("_micros") else COUNT_MAX for field in AccountLimits.__struct_fields__
        }
        more: Any = {"currency": "USDT", "assets": {}, "concentration_ppm": 10**6, "duplicate_window_ns": 0}
        account = AccountLimits(**{**numbers, **more, "messages_per_trade": 0})
        self.gate = Gate(account, LatchPage.memory(NAMES).view("v"), 2)
        self.gate.define_strategy("s", StrategyLimits(COUNT_MAX, COUNT_MAX, MICROS_MAX, MICROS_MAX, COUNT_MAX, DAY_NS))
        for symbol, instrument_id in SYMBOLS.items():
            instrument = msgspec.structs.replace(
                INSTRUMENT, instrument_id=instrument_id, symbol=symbol, base_asset=symbol.removesuffix("USDT")
            )
            self.gate.define(instrument, LIMITS)
        self.day = VenueDay(self, self.gate, VenueJournal(journal), SYMBOLS, 1)  # type: ignore[arg-type]  # as much of a context as it asks for
        for _, at_ns, payload in list(journal.records()):
            record = _decode(bytes(payload))
            if isinstance(record, Fill):
                self._book(record, at_ns)
            else:
                assert isinstance(record, DayStarted | DayBest)
                self.day.replay(record)
        self.day.begin(0)

    def wall_ns(self, now_ns: int) -> int:
        return self._wall_ns

    def at(self, wall_ns: int) -> None:
        self._wall_ns = wall_ns
        self.day.sweep(0)

    def fill(self, fill: Fill) -> None:
        self._journal.append(msgspec.msgpack.encode(fill), 0)
        self._book(fill, 0)
        self.day.sweep(0)

    def quote(self, instrument_id: int, ticks: int) -> None:
        self.gate.on_quote(instrument_id, ticks, ticks, 0)
        self.day.sweep(0)

    def _book(self, fill: Fill, at_ns: int) -> None:
        new = NewOrder(
            "c", "a", "s", fill.instrument_id, fill.side, OrderType.LIMIT, TimeInForce.GTC, fill.lots, fill.ticks
        )
        self.gate.filled(Order.from_new(new), fill.lots, fill.ticks, at_ns)

    def losses(self) -> tuple[int, int]:
        return self.gate.pnl_micros(), self.gate.drawdown_micros()


def _decode(payload: bytes) -> object:
    try:
        return msgspec.msgpack.decode(payload, type=Fill)
    except msgspec.ValidationError:
        return decode_record(payload)


IDS, PRICES = st.integers(0, 1), st.integers(9_000, 11_000)
FILLS = st.builds(Fill, IDS, st.sampled_from(list(Side)), st.integers(1, 50), PRICES)
STEPS = st.lists(st.one_of(FILLS, st.tuples(IDS, PRICES), st.just("midnight"), st.just("restart")), max_size=30)


class Story:
    """The same things happen to two venue actors: one is restarted now and then, its twin never."""

    def __init__(self, steps: list[Any]) -> None:
        self.journal, self.wall_ns = MemoryJournal(), DAY_NS
        self.life, self.twin = Life(self.journal, DAY_NS), Life(MemoryJournal(), DAY_NS)
        self.prices: dict[int, int] = {}
        for step in [(0, 10_000), (1, 10_000), *steps]:
            self.take(step)

    def take(self, step: Any) -> None:
        both = (self.life, self.twin)
        if isinstance(step, Fill):
            for each in both:
                each.fill(step)
        elif isinstance(step, tuple):
            self.prices[step[0]] = step[1]
            for each in both:
                each.quote(*step)
        elif step == "midnight":
            self.wall_ns += DAY_NS
            for each in both:
                each.at(self.wall_ns)
        else:
            self.restart()

    def restart(self) -> None:
        self.life = Life(self.journal, self.wall_ns)
        for instrument_id, ticks in self.prices.items():
            self.life.quote(instrument_id, ticks)


IDS, PRICES = st.integers(0, 1), st.integers(9_000, 11_000)
FILLS = st.builds(Fill, IDS, st.sampled_from(list(Side)), st.integers(1, 50), PRICES)
STEPS = st.lists(st.one_of(FILLS, st.tuples(IDS, PRICES), st.just("midnight"), st.just("restart")), max_size=30)


@settings(deadline=None, max_examples=150)
@given(steps=STEPS)
def test_a_restart_forgets_neither_where_the_day_began_nor_its_best(steps: list[Any]) -> None:
    story = Story(steps)
    story.restart()
    assert story.life.losses() == story.twin.losses()


def test_a_loss_since_midnight_outlives_a_restart() -> None:
    """Bought at 100, worth 110 at midnight, 100 again now: that is a loss of today, whatever was paid."""
    story = Story([Fill(0, Side.BUY, 10, 10_000), (0, 11_000), "midnight", (0, 10_000), "restart"])
    assert story.life.losses() == (-100_000, 100_000)


def test_a_best_that_only_a_price_has_made_outlives_a_restart() -> None:
    story = Story([Fill(0, Side.BUY, 10, 10_000), (0, 11_000), (0, 10_500), "restart"])
    assert story.life.losses() == (50_000, 50_000)


def test_a_day_that_comes_while_nobody_runs_begins_at_the_first_price_not_at_the_last_fill() -> None:
    story = Story([Fill(0, Side.BUY, 10, 10_000), (0, 11_000)])
    life = Life(story.journal, 2 * DAY_NS)
    life.quote(1, 10_000)
    assert life.losses()[0] == 0, "no price of the position yet: the day before goes on"
    life.quote(0, 10_800)
    assert life.losses() == (0, 0)
    life.quote(0, 10_700)
    assert life.losses() == (-10_000, 10_000)
