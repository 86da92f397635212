"""cli/metrics.py: what a scrape shows is what the pages hold, and a bad page hides nothing but itself."""

import math
import time
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from actors.account_exposure import exposure_names
from actors.kill_switch import KILL_COUNTERS
from actors.places import KILL_SWITCH, counters_path, latch_path, latency_path, run_dir, trading_names, venue_actor
from actors.venue_counters import venue_counter_names
from actors.wiring import counter_names_of, open_state, stages_of
from cli.metrics import LATENCY_BOUNDS_NS, RESPONSE_BOUNDS_NS, HostCollector, histogram
from cli.metrics_table import COUNTERS, FAMILIES
from config.loader import load_config
from config.settings import EngineConfig
from engine.codes import KillMode
from risk.counters import CounterPage
from risk.latch import LatchCause, LatchPage
from risk.latency import LatencyPage
from risk.scope import parse_scope

SECOND_NS = 1_000_000_000
VENUE = venue_actor("binance")
STRATEGY = """
[[strategies]]
id = "quoter"
account = "main"
source = "examples.quoter:Quoter"
placement = "co-located"
venue = "binance"
instruments = ["binance:BTCUSDT"]
parameters = { quantity = "0.01" }
[strategies.limits]
orders_per_second_max = 200
orders_burst_max = 200
position_notional_max = "50000"
gross_notional_max = "50000"
executions_max = 5000
executions_window_ms = 10000
"""


@pytest.fixture
def config(desk: Path) -> EngineConfig:
    """A configuration with a fresh state directory, and no engine."""
    with desk.open("a") as file:
        file.write(STRATEGY)
    loaded = load_config(desk, check_files=False)
    open_state(loaded)
    return loaded


def make_pages(config: EngineConfig) -> tuple[LatencyPage, LatencyPage, CounterPage, CounterPage]:
    """The kill switch's and the venue actor's pages, to be written."""
    return (
        LatencyPage.create(latency_path(config, KILL_SWITCH), stages_of(KILL_SWITCH)),
        LatencyPage.create(latency_path(config, VENUE), stages_of(VENUE)),
        CounterPage.create(counters_path(config, KILL_SWITCH), counter_names_of(config, KILL_SWITCH)),
        CounterPage.create(counters_path(config, VENUE), counter_names_of(config, VENUE)),
    )


def scrape(config: EngineConfig) -> dict[tuple[str, ...], float]:
    """(sample name, label values by label name) → value, as Prometheus would read it."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(HostCollector(config))
    text = generate_latest(registry).decode()
    samples: dict[tuple[str, ...], float] = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            key = (sample.name, *(value for _, value in sorted(sample.labels.items())))
            assert key not in samples, f"{key} twice"
            samples[key] = sample.value
    return samples


# -- histograms ----------------------------------------------------------------------------------------------------

latencies = st.lists(st.integers(1, 100 * SECOND_NS) | st.sampled_from(LATENCY_BOUNDS_NS), max_size=60)


@settings(deadline=None)
@given(latencies, st.sampled_from([LATENCY_BOUNDS_NS, RESPONSE_BOUNDS_NS]))
def test_buckets_are_cumulative_and_never_claim_to_be_faster(latencies_ns: list[int], bounds: tuple[int, ...]) -> None:
    page = LatencyPage.memory(["sent"])
    page.record_many("sent", np.array(latencies_ns, dtype=np.int64))
    buckets, sum_s = histogram(page.buckets("sent"), page.sum_ns("sent"), bounds)
    assert [float(bound) for bound, _ in buckets] == [*(bound / SECOND_NS for bound in bounds), math.inf]
    counts = [count for _, count in buckets]
    assert counts == sorted(counts)
    assert counts[-1] == len(latencies_ns)
    assert sum_s == sum(latencies_ns) / SECOND_NS
    for bound_ns, count in zip(bounds, counts, strict=False):
        assert sum(ns < bound_ns * 0.992 for ns in latencies_ns) <= count <= sum(ns <= bound_ns for ns in latencies_ns)


def test_bounds_reach_from_a_microsecond_to_a_minute() -> None:
    assert (RESPONSE_BOUNDS_NS[0], RESPONSE_BOUNDS_NS[-1]) == (1_000, 60 * SECOND_NS)
    assert list(RESPONSE_BOUNDS_NS) == sorted(set(RESPONSE_BOUNDS_NS))


# -- what is shown -------------------------------------------------------------------------------------------------


def test_a_kill_shows_by_stage_and_trigger(config: EngineConfig) -> None:
    kill_switch, *_ = make_pages(config)
    kill_switch.record("halted|person", 3_000)
    kill_switch.record("halted|person", 2_000_000)
    kill_switch.record("halted|loss_cap", 5)
    shown = scrape(config)
    assert shown["kill_switch_response_seconds_count", "halted", "person"] == 2
    assert shown["kill_switch_response_seconds_sum", "halted", "person"] == 0.002003
    assert shown["kill_switch_response_seconds_bucket", "5e-06", "halted", "person"] == 1
    assert shown["kill_switch_response_seconds_bucket", "0.001", "halted", "person"] == 1
    assert shown["kill_switch_response_seconds_bucket", "0.005", "halted", "person"] == 2
    assert shown["kill_switch_response_seconds_count", "halted", "loss_cap"] == 1
    # a pair that never happened has no series, so that absent() tells
    assert ("kill_switch_response_seconds_count", "halted", "drill") not in shown


def test_every_stage_of_an_order_shows_from_the_start(config: EngineConfig) -> None:
    _, venue, *_ = make_pages(config)
    venue.record("gate", 700)
    venue.record("gate", 0)
    shown = scrape(config)
    assert {shown["haltline_latency_seconds_count", VENUE, stage] for stage in stages_of(VENUE)} == {0, 2}
    assert shown["haltline_latency_seconds_bucket", VENUE, "1e-07", "gate"] == 1
    assert shown["haltline_latency_seconds_bucket", VENUE, "1e-06", "gate"] == 2
    assert shown["haltline_latency_clamped_total", VENUE] == 1


def test_counters_show_with_their_units_and_labels(config: EngineConfig) -> None:
    *_, venue = make_pages(config)
    published = {"orders": 12, "clock_offset_ns": -2_500_000, "refusals|HALTED": 3, "reports_behind|quoter": 7}
    venue.publish(published, 1_700_000_000 * SECOND_NS)
    shown = scrape(config)
    assert shown["haltline_orders_sent_total", VENUE] == 12
    assert shown["haltline_venue_clock_offset_seconds", VENUE] == -0.0025
    assert shown["haltline_refusals_total", VENUE, "HALTED"] == 3
    assert shown["haltline_reports_behind", VENUE, "quoter"] == 7
    assert shown["haltline_counters_updated_timestamp_seconds", VENUE] == 1_700_000_000
    assert shown["haltline_counters_unnamed", VENUE] == 0


def test_every_published_number_has_a_metric_and_every_metric_a_number() -> None:
    published = (*venue_counter_names(["s"]), *KILL_COUNTERS, *exposure_names(["account:a"]))
    names = {name.partition("|")[0] for name in published}
    assert names - {"drill_wall_ns"} == set(COUNTERS) | set(FAMILIES)
    metrics = [metric.name for metric in (*COUNTERS.values(), *FAMILIES.values())]
    assert len(metrics) == len(set(metrics))


def test_the_age_of_the_last_good_drill_is_infinite_before_the_first(config: EngineConfig) -> None:
    _, _, kill_switch, _ = make_pages(config)
    assert scrape(config)["kill_switch_drill_age_seconds",] == math.inf
    kill_switch.publish({"drill_wall_ns": time.time_ns() - 90 * SECOND_NS}, time.time_ns())
    assert 90 <= scrape(config)["kill_switch_drill_age_seconds",] < 100


# -- the latch -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("scope", "mode", "killed"),
    [
        ("global", KillMode.CANCEL, "all"),
        ("venue:binance", KillMode.HALT, ["venue:binance", "strategy:quoter", "instrument:binance:BTCUSDT"]),
        ("strategy:quoter", KillMode.FLATTEN, ["strategy:quoter"]),
        ("strategy:quoter+instrument:BTCUSDT", KillMode.REDUCE, ["strategy:quoter+instrument:binance:BTCUSDT"]),
        ("drill", KillMode.HALT, []),
    ],
)
def test_a_kill_shows_in_every_scope_that_it_covers_whole(
    config: EngineConfig, scope: str, mode: KillMode, killed: list[str] | str
) -> None:
    before = scrape(config)
    assert {value for key, value in before.items() if key[0] == "kill_switch_state"} == {0}
    covered = parse_scope(scope, trading_names(config))
    LatchPage.open(latch_path(config)).latch(covered, LatchCause("k1", "eve", "why", mode, 1))
    state = {key[1]: value for key, value in scrape(config).items() if key[0] == "kill_switch_state"}
    if killed == "all":
        assert set(state.values()) == {mode.rank}
    else:
        assert {name: rank for name, rank in state.items() if rank} == dict.fromkeys(killed, mode.rank)


# -- bad pages -----------------------------------------------------------------------------------------------------


def test_without_an_engine_every_page_is_missing_and_says_so(config: EngineConfig) -> None:
    shown = scrape(config)
    pages = {key[1]: value for key, value in shown.items() if key[0] == "haltline_page_unreadable"}
    assert pages.pop("latch") == 0
    assert {"kill-switch.latency", "kill-switch.counters", "venue.binance.latency"} < set(pages)
    assert set(pages.values()) == {1}
    assert ("kill_switch_drill_age_seconds",) not in shown


@pytest.mark.parametrize("damage", [b"", b"x" * 100_000, None], ids=["empty", "foreign", "a folder"])
def test_a_bad_page_is_named_and_the_others_are_shown(config: EngineConfig, damage: bytes | None) -> None:
    kill_switch, *_ = make_pages(config)
    kill_switch.record("halted|person", 3_000)
    for path in (counters_path(config, VENUE), latency_path(config, VENUE)):
        path.unlink()
        path.mkdir() if damage is None else path.write_bytes(damage)
    shown = scrape(config)
    assert shown["haltline_page_unreadable", "venue.binance.counters"] == 1
    assert shown["haltline_page_unreadable", "venue.binance.latency"] == 1
    assert shown["haltline_page_unreadable", "kill-switch.latency"] == 0
    assert shown["kill_switch_response_seconds_count", "halted", "person"] == 1


@pytest.mark.parametrize("damage", ["missing", "short", "row"])
def test_a_latch_that_cannot_be_trusted_shows_as_the_gates_read_it(config: EngineConfig, damage: str) -> None:
    path = latch_path(config)
    if damage == "missing":
        path.unlink()
    elif damage == "short":
        path.write_bytes(path.read_bytes()[:100])
    else:
        page = LatchPage.open(path)
        row = page.latch(
            parse_scope("venue:binance", trading_names(config)), LatchCause("k", "a", "b", KillMode.HALT, 1)
        )
        page.rows.cells[64 + 8 * row + 2] += 1  # another venue, with the check word of the first
    shown = scrape(config)
    state = {value for key, value in shown.items() if key[0] == "kill_switch_state"}
    assert state == {KillMode.CANCEL.rank}
    assert shown["haltline_page_unreadable", "latch"] == 1


def test_a_scrape_leaves_every_file_as_it_was(config: EngineConfig) -> None:
    make_pages(config)
    files = [latch_path(config), *sorted(run_dir(config).iterdir())]
    before = [(path.read_bytes(), path.stat().st_mtime_ns) for path in files]
    for path in files:
        path.chmod(0o400)
    scrape(config)
    assert [(path.read_bytes(), path.stat().st_mtime_ns) for path in files] == before


def test_every_metric_is_documented() -> None:
    page = (Path(__file__).parents[2] / "docs" / "observability.md").read_text()
    metrics = [*COUNTERS.values(), *FAMILIES.values()]
    names = {metric.name + "_total" * metric.is_counter for metric in metrics}
    assert not {name for name in names if f"`{name}`" not in page}
