"""One seed, one run: the same reports, byte for byte, on synthetic flow and on a real recording."""

import gzip
from fractions import Fraction
from functools import cache
from itertools import islice
from pathlib import Path

import pytest
from trading_desk import SIMULATOR, VENUE, Desk, MakeDesk, check_all, strategy

from adapters.simulator.recording import instrument_of, read_lines, scan
from adapters.simulator.replay_market import ReplayMarket

REAL = Path(__file__).parents[3] / "shared" / "data" / "binance" / "btcusdt_20240809.gz"
#: The first minute or so.
LINES = 12_000
EXAMPLES = (
    strategy("quoter", "examples.quoter:Quoter", quantity="0.01", half_spread_ticks=1),
    strategy("taker", "examples.taker:Taker", quantity="0.005", placement="co-located"),
)


def everything(desk: Desk) -> tuple[dict[str, list[bytes]], list[bytes], int]:
    """Reports, the venue actor's journal, and how many things happened."""
    journal = [payload for _, _, payload in desk._journals[VENUE].records()]
    return desk.reports, journal, desk.runtime.agenda.steps


def synthetic(make_desk: MakeDesk, seed: int) -> Desk:
    """Ten seconds of trading with a crash, a cut and a kill in it."""
    desk = make_desk(strategy("one", "Churner", seed=7), *EXAMPLES, seed=seed)
    desk.run_for(3)
    desk.restart(VENUE)
    desk.run_for(3)
    desk.storm.cut(VENUE, SIMULATOR)
    desk.run_for(0.05)
    desk.storm.clear()
    desk.run_for(3)
    desk.kill()
    desk.run_for(3)
    return desk


def test_the_same_seed_gives_the_same_run_byte_for_byte_and_another_another(make_desk: MakeDesk) -> None:
    first, again, other = (everything(synthetic(make_desk, seed)) for seed in (1, 1, 2))
    assert first == again
    assert sum(map(len, first[0].values())) > 500
    assert first[0] != other[0]


@cache
def recorded_lines() -> tuple[bytes, ...]:
    with gzip.open(REAL, "rb") as lines:
        return tuple(islice(lines, LINES))


def recorded_market() -> ReplayMarket:
    lines = recorded_lines()
    found = scan(iter(lines), REAL.name)
    (recorded,) = found.symbols.values()
    return ReplayMarket(instrument_of(recorded, 0), read_lines(iter(lines), REAL.name), found, Fraction(1))


@pytest.mark.skipif(not REAL.exists(), reason="the recording btcusdt_20240809.gz is not beside the repository")
def test_a_recording_replayed_twice_gives_the_same_reports_byte_for_byte(make_desk: MakeDesk) -> None:
    def replay() -> Desk:
        desk = make_desk(*EXAMPLES, market=recorded_market)
        desk.run_for(62)
        desk.settle(5)
        check_all(desk)
        return desk

    first, again = replay(), replay()
    assert everything(first) == everything(again)
    assert first.counters()["fills"] > 20
    assert first.counters()["messages"] > 0.99 * LINES
