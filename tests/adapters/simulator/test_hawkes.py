"""Arrival times: the long-run rates asked for, bursts where asked for, and one seed, one sequence."""

import pytest

from adapters.simulator.hawkes import HawkesArrivals
from adapters.simulator.prng import SplitMix64
from engine.errors import UsageError

SECOND = 1_000_000_000


def arrivals(branching: float, seed: int = 1, count: int = 40_000) -> tuple[list[int], list[int]]:
    """(times in ns, number of events by kind) of a flow of 30, 60 and 10 a second."""
    process = HawkesArrivals([30, 60, 10], branching, 20, SplitMix64(seed))
    now_ns, times, kinds = 0, [], [0, 0, 0]
    for _ in range(count):
        wait_ns, kind = process.next()
        assert wait_ns >= 1
        now_ns += wait_ns
        times.append(now_ns)
        kinds[kind] += 1
    return times, kinds


@pytest.mark.parametrize("branching", [0.0, 0.6])
def test_long_run_rates_are_those_asked_for(branching: float) -> None:
    times, kinds = arrivals(branching)
    seconds = times[-1] / SECOND
    assert [kind / seconds for kind in kinds] == pytest.approx([30, 60, 10], rel=0.1)


def dispersion(times: list[int]) -> float:
    """Variance over mean of the counts per second: 1 for independent arrivals."""
    counts = [0] * (times[-1] // SECOND)
    for time_ns in times:
        if time_ns // SECOND < len(counts):
            counts[time_ns // SECOND] += 1
    mean = sum(counts) / len(counts)
    return sum((count - mean) ** 2 for count in counts) / len(counts) / mean


def test_excitement_makes_bursts() -> None:
    assert dispersion(arrivals(0.0)[0]) == pytest.approx(1, abs=0.25)
    # An exponential kernel with branching n has a long-run dispersion of 1 / (1 - n)**2 = 6.25.
    assert dispersion(arrivals(0.6)[0]) == pytest.approx(6.25, rel=0.3)


def test_one_seed_one_sequence() -> None:
    assert arrivals(0.6, 5, 1000) == arrivals(0.6, 5, 1000)
    assert arrivals(0.6, 5, 1000) != arrivals(0.6, 6, 1000)


@pytest.mark.parametrize(
    ("rates", "branching", "decay"), [([0, 0], 0.5, 1), ([-1, 2], 0.5, 1), ([1], 1, 1), ([1], -0.1, 1), ([1], 0.5, 0)]
)
def test_impossible_processes_are_refused(rates: list[float], branching: float, decay: float) -> None:
    with pytest.raises(UsageError):
        HawkesArrivals(rates, branching, decay, SplitMix64(1))


def test_the_generator_is_splitmix64() -> None:
    # The published reference outputs for the seed 1234567.
    prng = SplitMix64(1234567)
    assert [prng.next() for _ in range(3)] == [6457827717110365317, 3203168211198807973, 9817491932198370423]


def test_draws_stay_in_their_ranges_and_have_their_means() -> None:
    prng = SplitMix64(3)
    draws = [prng.below(10) for _ in range(20_000)]
    assert sorted(set(draws)) == list(range(10))
    assert all(0 <= prng.unit() < 1 for _ in range(1000))
    geometric = [prng.geometric(7) for _ in range(20_000)]
    assert min(geometric) == 0
    assert sum(geometric) / len(geometric) == pytest.approx(7, rel=0.05)
