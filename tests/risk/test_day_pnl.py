"""The PnL of the day: exact, deaf to single phantom prices, and unbroken by a restart."""

from fractions import Fraction
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from engine.messages import InstrumentTelemetry, VenueTelemetry
from risk.day_pnl import DayBegan, DayBook, DayPeak, pnl_nanos
from risk.trigger_reading import AccountRound

NANOS = 10**9
NAME = "venue.a:BTCUSDT"


def line(**more: Any) -> InstrumentTelemetry:
    """One lot is 0.01 of the base asset, one tick 1 of the quote asset."""
    fields: dict[str, Any] = {
        "instrument_id": 0,
        "symbol": "BTCUSDT",
        "quote_asset": "USDT",
        "position_lots": 100,
        "cost_tick_lots": 100 * 1_000,
        "bid_ticks": 999,
        "ask_ticks": 1_001,
        "tick_lot_units": 1,
        "tick_lot_scale": 2,
        "fees_nanos": 0,
        "quote_age_ns": 0,
        "drift_nanos": 0,
    }
    return InstrumentTelemetry(**{**fields, **more})


class Rounds:
    """Feeds a book, one telemetry of one venue actor at a time."""

    def __init__(self, book: DayBook) -> None:
        self.book, self.number, self.day = book, 0, 1

    def see(self, *lines: InstrumentTelemetry, times: int = 1) -> None:
        for _ in range(times):
            self.number += 1
            seen = VenueTelemetry("venue.a", 1, self.number, "", 0, 0, 0, 0, 0, 0, 0, lines)
            self.book.update(AccountRound(self.number, self.day, {"venue.a": seen}))

    def price(self, ticks: int, times: int = 1, **more: Any) -> None:
        self.see(line(bid_ticks=ticks - 1, ask_ticks=ticks + 1, **more), times=times)

    @property
    def pnl(self) -> int | None:
        nanos = self.book.pnl_nanos([NAME], "USDT")
        return None if nanos is None else nanos // NANOS


LOTS = st.integers(-(10**9), 10**9)


@given(
    position=LOTS,
    cost=st.integers(-(10**15), 10**15),
    bid=st.integers(0, 10**7),
    ask=st.integers(0, 10**7),
    units=st.integers(1, 1_000),
    scale=st.integers(0, 16),
    fees=st.integers(0, 10**12),
)
def test_pnl_is_the_exact_value_rounded_down(
    position: int, cost: int, bid: int, ask: int, units: int, scale: int, fees: int
) -> None:
    seen = line(
        position_lots=position,
        cost_tick_lots=cost,
        bid_ticks=bid,
        ask_ticks=ask,
        tick_lot_units=units,
        tick_lot_scale=scale,
        fees_nanos=fees,
    )
    marks = [Fraction(ticks) for ticks in (bid, ask) if ticks]
    nanos = pnl_nanos(seen)
    if not marks and position:
        assert nanos is None
        return
    mark = sum(marks) / len(marks) if marks else Fraction(0)
    assert nanos == (position * mark - cost) * Fraction(units * NANOS, 10**scale) // 1 - fees


def test_the_day_begins_where_it_is_first_known_and_a_new_one_begins_anew() -> None:
    rounds = Rounds(DayBook())
    rounds.price(1_050, times=2)
    assert rounds.pnl is None  # two prices do not tell which one is a phantom
    rounds.price(1_050)
    assert rounds.pnl == 0
    rounds.price(1_030, times=3)
    assert rounds.pnl == -20
    rounds.day += 1
    rounds.price(1_030)
    assert rounds.pnl == 0
    assert [record.pnl_nanos for record in rounds.book.records] == [50 * NANOS, 30 * NANOS]


def test_one_phantom_price_moves_nothing_neither_up_nor_down() -> None:
    rounds = Rounds(DayBook())
    rounds.price(1_000, times=3)
    for phantom in (1, 10**6):
        rounds.price(phantom)
        assert rounds.pnl == 0
        rounds.price(1_000, times=2)
    rounds.day += 1
    rounds.price(10**6)  # also not as the beginning of a day
    rounds.price(1_000, times=3)
    assert rounds.pnl == 0


def test_the_same_telemetry_seen_again_is_not_a_second_price() -> None:
    rounds = Rounds(DayBook())
    rounds.price(1_000, times=3)
    phantom = VenueTelemetry("venue.a", 1, 99, "", 0, 0, 0, 0, 0, 0, 0, (line(bid_ticks=1, ask_ticks=3),))
    for number in range(100, 110):  # the venue actor has died on a phantom; others make the rounds go on
        rounds.book.update(AccountRound(number, 1, {"venue.a": phantom}))
    assert rounds.pnl == 0


def test_a_restart_remembers_where_the_day_began_and_its_peak() -> None:
    first = Rounds(DayBook())
    first.price(1_000, times=3)
    assert first.book.peak_nanos("key", 70 * NANOS, NANOS) == 70 * NANOS
    second = Rounds(DayBook())
    for record in first.book.records:
        second.book.restore(record)
    second.price(900, times=3)
    assert second.pnl == -100
    assert second.book.peak_nanos("key", -100 * NANOS, NANOS) == 70 * NANOS
    assert not second.book.records


def test_yesterdays_records_are_of_no_use_today() -> None:
    book = DayBook()
    book.restore(DayBegan(0, NAME, 5 * NANOS))
    book.restore(DayPeak(0, "key", 5 * NANOS))
    book.restore(DayBegan(1, NAME, 0))
    book.restore(DayBegan(0, NAME, 9 * NANOS))  # a clock had gone back
    rounds = Rounds(book)
    rounds.price(900, times=3)
    assert rounds.pnl == -100
    assert book.peak_nanos("key", 0, 1) == 0


@given(st.lists(st.integers(-100, 100), min_size=1), st.integers(0, 40))
def test_a_peak_is_kept_in_steps_and_never_falls(values: list[int], step: int) -> None:
    book = DayBook()
    peaks = [book.peak_nanos("key", value, step) for value in values]
    assert peaks == [max(values[: at + 1]) for at in range(len(values))]
    kept = [record.pnl_nanos for record in book.records]
    assert kept == sorted(set(kept))
    assert peaks[-1] - kept[-1] < max(step, 1)


def test_other_quote_assets_and_unknown_prices_do_not_count() -> None:
    rounds = Rounds(DayBook())
    rounds.price(1_000, times=3, quote_asset="EUR")
    assert rounds.pnl is None
    rounds = Rounds(DayBook())
    rounds.see(line(bid_ticks=0, ask_ticks=0), times=5)
    assert rounds.pnl is None
    rounds.see(line(bid_ticks=0, ask_ticks=0, position_lots=0, cost_tick_lots=700), times=3)
    assert rounds.pnl == 0
