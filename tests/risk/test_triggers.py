"""Every kind of trigger: what fires it, and what is close and must not."""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.codes import KillMode
from engine.errors import UsageError
from engine.messages import InstrumentTelemetry, VenueTelemetry
from risk.day_pnl import DayBook
from risk.trigger_reading import AccountRound, Observation, Silence, TriggerSpec
from risk.triggers import TRIGGER_KINDS, Firing, Trigger, make_trigger

MS = 1_000_000
SECOND = 1_000 * MS
NANOS = 10**9
A, B = "venue.a", "venue.b"
BTC, ETH = f"{A}:BTCUSDT", f"{A}:ETHUSDT"
HASH = "0123"


def spec(kind: str, threshold: int, **more: Any) -> TriggerSpec:
    fields: dict[str, Any] = {
        "scope": "global",
        "mode": KillMode.CANCEL,
        "consecutive": 3,
        "rearm_percent": 80,
        "venue_actors": (A, B),
        "instruments": (BTC, ETH),
        "asset": "USDT",
        "window_ns": SECOND,
        "start_ns": 30 * SECOND,
    }
    return TriggerSpec(kind=kind, threshold=threshold, **{**fields, **more})


def trigger(kind: str, threshold: int, **more: Any) -> Trigger:
    return make_trigger(spec(kind, threshold, **more), DayBook(), HASH)


def instrument(symbol: str = "BTCUSDT", **more: Any) -> InstrumentTelemetry:
    fields: dict[str, Any] = {
        "instrument_id": 0,
        "symbol": symbol,
        "quote_asset": "USDT",
        "position_lots": 100,
        "cost_tick_lots": 100_000,
        "bid_ticks": 999,
        "ask_ticks": 1_001,
        "tick_lot_units": 1,
        "tick_lot_scale": 2,
        "fees_nanos": 0,
        "quote_age_ns": 5 * MS,
        "drift_nanos": 0,
    }
    return InstrumentTelemetry(**{**fields, **more})


class Day:
    """A day of telemetry, every 100 ms of it as quiet as can be but for what a test says."""

    def __init__(self, tested: Trigger) -> None:
        self.tested = tested
        self.tick = 0
        self.firings: list[Firing] = []

    def see(self, observation: Observation) -> None:
        firing = self.tested.observe(observation)
        if firing is not None:
            self.firings.append(firing)

    def hear(self, *lines: InstrumentTelemetry, actor: str = A, times: int = 1, **more: Any) -> None:
        """Telemetry of one venue actor, which is a round of the account as well."""
        for _ in range(times):
            self.tick += 1
            fields: dict[str, Any] = {
                "venue_actor": actor,
                "started_ns": 1,
                "sent_ns": 1 + self.tick * 100 * MS,
                "config_hash": HASH,
                "rejects": 0,
                "fills": 0,
                "authentication_failures": 0,
                "book_gaps": 0,
                "answer_wait_ns": 0,
                "clock_offset_ns": 0,
                "loop_lag_ns": 0,
                "instruments": lines or (instrument(),),
            }
            telemetry = VenueTelemetry(**{**fields, **more})
            self.see(telemetry)
            self.see(AccountRound(self.tick, 1, {actor: telemetry}))
            self.see(Silence(self.tick * 100 * MS, 0, {A: self.tick * 100 * MS, B: self.tick * 100 * MS}))

    def price(self, ticks: int, times: int = 1, **more: Any) -> None:
        self.hear(instrument(bid_ticks=ticks - 1, ask_ticks=ticks + 1, **more), times=times)

    def count(self, counter: str, *totals: int, **more: Any) -> None:
        for total in totals:
            self.hear(**{counter: total}, **more)


# -- one that fires each -----------------------------------------------------------------------------------------
# A position of 100 lots of 0.01 BTC: a tick of price is one USDT of PnL.


def loss_cap() -> Day:
    day = Day(trigger("loss_cap", 50 * NANOS))
    day.price(1_000, times=4)
    day.price(949, times=5)
    return day


def drawdown() -> Day:
    day = Day(trigger("drawdown", 50 * NANOS))
    day.price(1_000, times=4)
    day.price(1_100, times=4)  # 100 up, so a fall to 1049 is a gain on the day and still a drawdown
    day.price(1_049, times=5)
    return day


def spread_widening() -> Day:
    day = Day(trigger("spread_widening", 5_000))
    day.hear(instrument(bid_ticks=997, ask_ticks=1_003), times=3)
    return day


def latency_stall() -> Day:
    day = Day(trigger("latency_stall", 200 * MS))
    for waited_ms in (201, 301, 401):
        day.hear(answer_wait_ns=waited_ms * MS)
    return day


def stale_market_data() -> Day:
    day = Day(trigger("stale_market_data", 2 * SECOND))
    for age_ms in (2_001, 2_101, 2_201):
        day.hear(instrument("ETHUSDT"), instrument(quote_age_ns=age_ms * MS))
    return day


def gapped_market_data() -> Day:
    day = Day(trigger("gapped_market_data", 2, consecutive=1))
    day.count("book_gaps", 7, 8, 9, 10)
    return day


def reject_storm() -> Day:
    day = Day(trigger("reject_storm", 10, consecutive=2))
    day.count("rejects", 0, 4, 11, 11)
    return day


def fill_storm() -> Day:
    day = Day(trigger("fill_storm", 100, consecutive=2))
    day.count("fills", 5_000, 5_060, 5_120, 5_180)
    return day


def position_mismatch() -> Day:
    day = Day(trigger("position_mismatch", NANOS // 1_000))
    day.hear(instrument(drift_nanos=-2 * NANOS // 1_000), times=3)
    return day


def authentication_failure() -> Day:
    day = Day(trigger("authentication_failure", 0, consecutive=1))
    day.count("authentication_failures", 0, 1)
    return day


def clock_offset() -> Day:
    day = Day(trigger("clock_offset", 500 * MS))
    day.hear(clock_offset_ns=-501 * MS, times=3)
    return day


def loop_lag() -> Day:
    day = Day(trigger("loop_lag", 30 * MS, consecutive=2))
    day.hear(loop_lag_ns=34 * MS, times=2)
    return day


def heartbeat_lost() -> Day:
    day = Day(trigger("heartbeat_lost", SECOND))
    for now_ms in (5_900, 6_001, 6_101, 6_201):
        day.see(Silence(now_ms * MS, 0, {A: 5 * SECOND, B: now_ms * MS}))
    return day


def config_mismatch() -> Day:
    day = Day(trigger("config_mismatch", 0, consecutive=2))
    day.hear(config_hash="4567", times=2)
    return day


FIRES: list[Callable[[], Day]] = [
    loss_cap,
    drawdown,
    spread_widening,
    latency_stall,
    stale_market_data,
    gapped_market_data,
    reject_storm,
    fill_storm,
    position_mismatch,
    authentication_failure,
    clock_offset,
    loop_lag,
    heartbeat_lost,
    config_mismatch,
]

#: What each evidence must let a reader check: the numbers it was made of.
EVIDENCE = {
    "loss_cap": ("51 USDT", "allowed 50 USDT", "bid_ticks=948", "position_lots=100", "cost - fees"),
    "drawdown": ("51 USDT", "highest=100", "PnL=49", "ask_ticks=1050"),
    "spread_widening": ("60 bps", "allowed 50 bps", "bid_ticks=997 ask_ticks=1003"),
    "latency_stall": ("401 ms", "allowed 200 ms"),
    "stale_market_data": ("2201 ms", "quote_age_ns=2201000000"),
    "gapped_market_data": ("3 gaps in order books", "allowed 2", "in the last 1000 ms"),
    "reject_storm": ("11 rejections by the venue", "total=11"),
    "fill_storm": ("180 fills", "total=5180"),
    "position_mismatch": ("0.002", "allowed 0.001", "drift=-0.002", "balance of the base asset"),
    "authentication_failure": ("1 requests refused", "total=1"),
    "clock_offset": ("501 ms", "allowed 500 ms"),
    "loop_lag": ("34 ms", "allowed 30 ms"),
    "heartbeat_lost": ("1201 ms", "allowed 1000 ms", "heard_ns=5000000000"),
    "config_mismatch": ("its=4567 ours=0123",),
}


def test_every_kind_has_a_test_that_fires_it_and_evidence() -> None:
    assert [fires.__name__ for fires in FIRES] == list(TRIGGER_KINDS) == list(EVIDENCE)


@pytest.mark.parametrize("fires", FIRES, ids=lambda fires: fires.__name__)
def test_it_fires_once_with_its_evidence(fires: Callable[[], Day]) -> None:
    day = fires()
    (firing,) = day.firings
    assert day.tested.fired
    assert firing.spec.kind == fires.__name__
    assert firing.evidence.startswith(f"{fires.__name__} of {firing.subject}: ")
    assert [part for part in EVIDENCE[fires.__name__] if part not in firing.evidence] == []


# -- one that must not -------------------------------------------------------------------------------------------


def no_loss_cap() -> Day:
    day = Day(trigger("loss_cap", 50 * NANOS))
    day.price(1_000, times=4)
    for _ in range(5):
        day.price(1)  # phantom prices, each followed by the true one
        day.price(1_000, times=2)
    day.price(950, times=20)  # exactly the cap is allowed
    return day


def no_drawdown() -> Day:
    day = Day(trigger("drawdown", 50 * NANOS))
    day.price(1_000, times=4)
    day.price(100_000)  # a phantom is no highest point to fall from
    day.price(951, times=20)
    return day


def no_spread_widening() -> Day:
    day = Day(trigger("spread_widening", 5_000))
    day.hear(instrument(quote_age_ns=-1, bid_ticks=0, ask_ticks=0), times=10)  # no quote yet
    for _ in range(5):
        day.hear(instrument(bid_ticks=900, ask_ticks=1_100), instrument("ETHUSDT"))
        day.hear(instrument(ask_ticks=0), instrument("ETHUSDT", bid_ticks=0))  # a side is empty for a moment
        day.hear(instrument(), instrument("ETHUSDT"))
    return day


def no_latency_stall() -> Day:
    day = Day(trigger("latency_stall", 200 * MS))
    for waited_ms in (150, 250, 350, 20) * 5:
        day.hear(answer_wait_ns=waited_ms * MS)
    return day


def no_stale_market_data() -> Day:
    day = Day(trigger("stale_market_data", 2 * SECOND))
    day.hear(instrument(quote_age_ns=-1), times=50)  # still connecting
    for stale, fresh in (("BTCUSDT", "ETHUSDT"), ("ETHUSDT", "BTCUSDT")) * 5:  # in turn is not in a row
        day.hear(instrument(stale, quote_age_ns=9 * SECOND), instrument(fresh), times=2)
    day.hear(instrument("NOTOURS", quote_age_ns=9 * SECOND), times=9)
    return day


def no_gapped_market_data() -> Day:
    day = Day(trigger("gapped_market_data", 2, consecutive=1))
    for total in range(0, 100, 2):  # two a second, for ever
        day.count("book_gaps", *[total] * 10)
    return day


def no_reject_storm() -> Day:
    day = Day(trigger("reject_storm", 10, consecutive=2))
    for total in range(0, 100, 10):
        day.count("rejects", *[total] * 10)
        day.count("rejects", *[total] * 10, actor=B)  # each venue actor has its own count
    return day


def no_fill_storm() -> Day:
    day = Day(trigger("fill_storm", 100, consecutive=2))
    day.count("fills", 10, 20)
    day.count("fills", 90_000, 90_001, started_ns=250 * MS)  # a new life that has replayed its journal
    return day


def no_position_mismatch() -> Day:
    day = Day(trigger("position_mismatch", NANOS // 1_000))
    for _ in range(10):  # the balance comes a moment after its fill
        day.hear(instrument(drift_nanos=-NANOS), times=2)
        day.hear(instrument(drift_nanos=NANOS // 1_000))
    return day


def no_authentication_failure() -> Day:
    day = Day(trigger("authentication_failure", 0, consecutive=1))
    day.count("authentication_failures", 3, 3, 3)  # of before it was watched
    return day


def no_clock_offset() -> Day:
    day = Day(trigger("clock_offset", 500 * MS))
    for offset_ms in (-500, 500, 501, -501, 0) * 5:
        day.hear(clock_offset_ns=offset_ms * MS)
    return day


def no_loop_lag() -> Day:
    day = Day(trigger("loop_lag", 30 * MS, consecutive=2))
    for lag_ms in (34, 0) * 10:  # a collection now and then
        day.hear(loop_lag_ns=lag_ms * MS)
    return day


def no_heartbeat_lost() -> Day:
    day = Day(trigger("heartbeat_lost", SECOND))
    for now_ms in range(100, 30_001, 100):  # B takes its time to start
        day.see(Silence(now_ms * MS, 0, {A: now_ms * MS - SECOND}))
    # This process was paused: one look back over a long silence, then the telemetry that had waited.
    day.see(Silence(60 * SECOND, 0, {A: 30 * SECOND, B: 30 * SECOND}))
    day.see(Silence(60 * SECOND + 100 * MS, 0, {A: 60 * SECOND, B: 60 * SECOND}))
    return day


def no_config_mismatch() -> Day:
    day = Day(trigger("config_mismatch", 0, consecutive=2))
    day.hear(times=20)
    day.hear(actor="venue.of-another-account", config_hash="4567", times=20)
    return day


MUST_NOT: list[Callable[[], Day]] = [globals()[f"no_{kind}"] for kind in TRIGGER_KINDS]


@pytest.mark.parametrize("quiet", MUST_NOT, ids=lambda quiet: quiet.__name__)
def test_what_is_close_does_not_fire(quiet: Callable[[], Day]) -> None:
    day = quiet()
    assert not day.firings
    assert not day.tested.fired


@pytest.mark.parametrize("kind", TRIGGER_KINDS)
def test_a_quiet_day_fires_nothing(kind: str) -> None:
    day = Day(trigger(kind, 0 if kind == "config_mismatch" else 10 * NANOS))
    day.hear(instrument(), instrument("ETHUSDT"), times=200)
    assert not day.firings


# -- firing once, and again ---------------------------------------------------------------------------------------


def test_it_fires_again_only_after_it_was_well() -> None:
    day = Day(trigger("clock_offset", 500 * MS))
    day.hear(clock_offset_ns=501 * MS, times=10)
    day.hear(clock_offset_ns=450 * MS, times=10)  # below the threshold, above what re-arms
    day.hear(clock_offset_ns=501 * MS, times=10)
    assert len(day.firings) == 1
    day.hear(clock_offset_ns=400 * MS, times=3)
    assert not day.tested.fired
    day.hear(clock_offset_ns=501 * MS, times=3)
    assert len(day.firings) == 2


def test_a_second_subject_that_goes_bad_presses_no_second_time() -> None:
    day = Day(trigger("clock_offset", 500 * MS))
    day.hear(clock_offset_ns=501 * MS, times=3)
    day.hear(clock_offset_ns=501 * MS, times=3, actor=B)
    day.hear(times=5)  # A is well, B is not
    assert day.tested.fired
    assert [firing.subject for firing in day.firings] == [A]
    day.hear(times=3, actor=B)
    assert not day.tested.fired


def test_a_side_that_stays_empty_is_wider_than_any_spread() -> None:
    day = Day(trigger("spread_widening", 2_000_000))
    day.hear(instrument(ask_ticks=0), times=3)
    assert "a side is empty" in day.firings[0].evidence


def test_a_venue_actor_that_never_comes_is_a_lost_heartbeat() -> None:
    day = Day(trigger("heartbeat_lost", SECOND))
    for now_ms in (30_001, 30_101, 30_201):
        day.see(Silence(now_ms * MS, 0, {A: now_ms * MS}))
    assert "never heard" in day.firings[0].evidence
    assert day.firings[0].subject == B


def test_a_trigger_watches_only_what_its_scope_covers() -> None:
    day = Day(trigger("stale_market_data", SECOND, instruments=(ETH,)))
    day.hear(instrument(quote_age_ns=9 * SECOND), instrument("ETHUSDT"), times=9)
    assert not day.firings
    day = Day(trigger("reject_storm", 1, venue_actors=(B,), consecutive=1))
    day.count("rejects", 0, 100, 200)
    assert not day.firings


def test_losses_of_all_venues_add_up() -> None:
    tested = trigger("loss_cap", 50 * NANOS, instruments=(BTC, f"{B}:BTCUSDT"))
    day = Day(tested)
    for ticks in [1_000] * 4 + [970] * 5:
        latest = {}
        for actor in (A, B):
            day.tick += 1
            line = instrument(bid_ticks=ticks - 1, ask_ticks=ticks + 1)
            latest[actor] = VenueTelemetry(actor, 1, day.tick, HASH, 0, 0, 0, 0, 0, 0, 0, (line,))
        day.see(AccountRound(day.tick, 1, latest))
    (firing,) = day.firings
    assert "60 USDT" in firing.evidence
    assert f"{A}:BTCUSDT" in firing.evidence
    assert f"{B}:BTCUSDT" in firing.evidence


def test_evidence_has_a_bound() -> None:
    names = tuple(f"{A}:S{number}" for number in range(300))
    day = Day(trigger("loss_cap", 50 * NANOS, instruments=names))
    for ticks in [1_000] * 3 + [900] * 5:
        day.hear(*(instrument(name.partition(":")[2], bid_ticks=ticks, ask_ticks=ticks) for name in names))
    (firing,) = day.firings
    assert len(firing.evidence) <= 2_000
    assert firing.evidence.endswith("…")


@given(values=st.lists(st.integers(-(2**62), 2**62), min_size=1, max_size=40))
def test_any_number_is_taken(values: list[int]) -> None:
    for kind in TRIGGER_KINDS:
        day = Day(trigger(kind, NANOS))
        for value in values:
            line = instrument(
                position_lots=value,
                cost_tick_lots=-value,
                bid_ticks=abs(value),
                ask_ticks=abs(value) // 2,
                fees_nanos=value,
                quote_age_ns=value,
                drift_nanos=value,
            )
            day.hear(line, answer_wait_ns=value, clock_offset_ns=value, loop_lag_ns=value, rejects=value, fills=value)


def test_an_unknown_kind_is_refused() -> None:
    with pytest.raises(UsageError, match="loss_cap"):
        trigger("loss-cap", 1)
