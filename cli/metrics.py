"""The metrics of one host, made anew from its mapped pages at each scrape: no trading process hears of it.

    latency pages ─┐
    counter pages ─┼─ mapped read-only ─▶ HostCollector.collect() ─▶ prometheus-client
    latch page ────┘

A page that is missing or damaged is a metric of its own, ``haltline_page_unreadable``, and the others are shown.
"""

import time
from collections.abc import Callable, Iterable, Iterator
from importlib.metadata import version
from pathlib import Path
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    InfoMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector

from actors.places import (
    KILL_SWITCH,
    actors_of,
    actors_with_counters,
    counters_path,
    latch_path,
    latency_path,
    trading_names,
)
from cli.metrics_table import COUNTERS, FAMILIES, CounterMetric
from config.hashing import config_hash
from config.settings import EngineConfig
from engine.errors import UsageError
from risk.counters import CounterPage, CounterReading
from risk.latch import LatchPage
from risk.latch_layout import ANY, DAMAGED_RANK
from risk.latency import LatencyPage, bucket_bounds_ns
from risk.response import response_of
from risk.scope import GLOBAL_SCOPE, SCOPE_KINDS, Scope

__all__ = ["LATENCY_BOUNDS_NS", "RESPONSE_BOUNDS_NS", "HostCollector", "histogram"]

_SECOND_NS = 1_000_000_000
#: 1 µs to 60 s, three bounds to a power of ten.
RESPONSE_BOUNDS_NS = (*(step * 10**power for power in range(3, 11) for step in (1, 2, 5)), 60 * _SECOND_NS)
#: The same from 100 ns on.
LATENCY_BOUNDS_NS = (100, 200, 500, *RESPONSE_BOUNDS_NS)
#: Where the kill switch actor publishes when the last good drill was.
LAST_DRILL = "drill_wall_ns"
_UPPER_NS = bucket_bounds_ns()

Page = TypeVar("Page")


class HostCollector(Collector):
    """Of the engine that ``config`` describes, as far as it runs on this host."""

    def __init__(self, config: EngineConfig) -> None:
        self._config = config
        self._info = {
            "version": version("haltline"),
            "engine": config.engine.name,
            "runtime": config.engine.runtime,
            "config_hash": config_hash(config),
        }

    def collect(self) -> Iterator[Metric]:
        unreadable = GaugeMetricFamily(
            "haltline_page_unreadable", "1 when a page of this host is missing or damaged.", labels=["page"]
        )
        yield InfoMetricFamily("haltline", "The engine that this host's pages belong to.", self._info)
        yield self._latch(unreadable)
        yield from self._latencies(unreadable)
        yield from self._counters(unreadable)
        yield unreadable

    # -- latch page -----------------------------------------------------------------------------------------

    def _latch(self, unreadable: GaugeMetricFamily) -> Metric:
        """Every scope that the configuration has, and what is killed besides. A bad page reads as the gates read it."""
        state = GaugeMetricFamily(
            "kill_switch_state",
            "What the latch lets pass: 0 everything, 1 only what reduces, 2 halted, 3 cancelling, 4 flattening.",
            labels=["scope"],
        )
        page = _readable(_sound_latch, latch_path(self._config), unreadable)
        for scope, rank in self._ranks(page).items():
            state.add_metric([scope], rank)
        return state

    def _ranks(self, page: LatchPage | None) -> dict[str, int]:
        names = trading_names(self._config)
        orders = {"global": GLOBAL_SCOPE}
        for venue, account in names.venues.items():
            orders[f"venue:{venue}"] = Scope(venue, account)
        for account in names.accounts:
            orders[f"account:{account}"] = Scope("", account)
        for strategy, venue in names.strategies.items():
            orders[f"strategy:{strategy}"] = Scope(venue, names.venues[venue], strategy)
        for instrument in names.instruments:
            venue = instrument.partition(":")[0]
            orders[f"instrument:{instrument}"] = Scope(venue, names.venues[venue], "", instrument)
        if page is None:
            return dict.fromkeys(orders, DAMAGED_RANK)
        ranks = {scope: _rank(page, order) for scope, order in orders.items()}
        for kill in page.kills():
            if not kill.scope.is_drill:
                ranks.setdefault(kill.scope.text, kill.mode.rank)
        return ranks

    # -- latency pages --------------------------------------------------------------------------------------

    def _latencies(self, unreadable: GaugeMetricFamily) -> Iterator[Metric]:
        response = HistogramMetricFamily(
            "kill_switch_response_seconds",
            "From the press of a kill to each of its stages.",
            labels=["stage", "trigger"],
        )
        latency = HistogramMetricFamily(
            "haltline_latency_seconds", "How long each stage of an actor's work took.", labels=["actor", "stage"]
        )
        clamped = CounterMetricFamily(
            "haltline_latency_clamped", "Latencies below 1 ns, counted as 1: clocks that disagree.", labels=["actor"]
        )
        for actor in actors_of(self._config):
            path = latency_path(self._config, actor)
            page = _readable(LatencyPage.open, path, unreadable)
            if page is None:
                continue
            clamped.add_metric([actor], sum(page.clamped(stage) for stage in page.stages))
            for name in page.stages:
                found, buckets = response_of(name), page.buckets(name)
                if found is None:
                    latency.add_metric([actor, name], *histogram(buckets, page.sum_ns(name), LATENCY_BOUNDS_NS))
                elif buckets.any():  # a pair that never happened has no series, so that absent() can tell
                    response.add_metric(list(found), *histogram(buckets, page.sum_ns(name), RESPONSE_BOUNDS_NS))
        yield from (response, latency, clamped)

    # -- counter pages --------------------------------------------------------------------------------------

    def _counters(self, unreadable: GaugeMetricFamily) -> Iterator[Metric]:
        readings: dict[str, CounterReading] = {}
        for actor in actors_with_counters(self._config):
            page = _readable(CounterPage.open, counters_path(self._config, actor), unreadable)
            if page is not None:
                readings[actor] = page.read()
        yield from _counter_families(readings)
        updated = GaugeMetricFamily(
            "haltline_counters_updated_timestamp_seconds",
            "When an actor published its counters last: a venue actor does so ten times a second. 0: never.",
            labels=["actor"],
        )
        unnamed = GaugeMetricFamily(
            "haltline_counters_unnamed", "Numbers that an actor counts and its page has no name for.", labels=["actor"]
        )
        for actor, reading in readings.items():
            updated.add_metric([actor], reading.wall_ns / _SECOND_NS)
            unnamed.add_metric([actor], reading.unnamed)
        yield from (updated, unnamed)
        kill_switch = readings.get(KILL_SWITCH)
        if kill_switch is not None:
            yield GaugeMetricFamily(
                "kill_switch_drill_age_seconds",
                "Since the last drill that every venue actor acknowledged; infinite before the first.",
                _age_s(kill_switch.values.get(LAST_DRILL, 0)),
            )


def _sound_latch(path: Path) -> LatchPage:
    page = LatchPage.read(path)
    if page.is_damaged():
        raise UsageError(f"latch {path} is damaged, so everything is killed")
    return page


def _rank(page: LatchPage, order: Scope) -> int:
    """What holds for every order of these: an empty text stands for all of its kind."""
    kinds = zip(SCOPE_KINDS, order[:4], strict=True)
    return page.rank(*(page.names.index_of(kind, name) if name else ANY for kind, name in kinds))


def _age_s(wall_ns: int) -> float:
    return max(0, time.time_ns() - wall_ns) / _SECOND_NS if wall_ns else float("inf")


def _counter_families(readings: dict[str, CounterReading]) -> Iterator[Metric]:
    families: dict[str, CounterMetricFamily | GaugeMetricFamily] = {}
    for actor, reading in readings.items():
        for name, number in reading.values.items():
            family, between, word = name.partition("|")
            metric = FAMILIES.get(family) if between else COUNTERS.get(name)
            if metric is not None:
                made = families.setdefault(metric.name, _family(metric))
                value = number / metric.per_unit if metric.per_unit != 1 else number
                made.add_metric([actor, word] if metric.label else [actor], value)
    yield from families.values()


def _family(metric: CounterMetric) -> CounterMetricFamily | GaugeMetricFamily:
    labels = ["actor", metric.label] if metric.label else ["actor"]
    kind = CounterMetricFamily if metric.is_counter else GaugeMetricFamily
    return kind(metric.name, metric.text, labels=labels)


def histogram(
    buckets: NDArray[np.int64], sum_ns: int, bounds_ns: Iterable[int]
) -> tuple[list[tuple[str, float]], float]:
    """A latency page's buckets as Prometheus has them: cumulative counts by upper bound in seconds, and the sum.

    A bucket of the page counts under a bound when all of it is: a latency less than 0.8 % below a bound may count
    under the next, none ever counts under a bound that it exceeds.
    """
    cumulated = np.cumsum(buckets)
    counts = [(_le(bound_ns), int(_up_to(cumulated, bound_ns))) for bound_ns in bounds_ns]
    return [*counts, ("+Inf", int(cumulated[-1]))], sum_ns / _SECOND_NS


def _le(bound_ns: int) -> str:
    return repr(bound_ns / _SECOND_NS)


def _up_to(cumulated: NDArray[np.int64], bound_ns: int) -> int:
    last = int(np.searchsorted(_UPPER_NS, bound_ns, side="right")) - 1
    return int(cumulated[last])


def _readable(open_page: Callable[[Path], Page], path: Path, unreadable: GaugeMetricFamily) -> Page | None:
    try:
        page = open_page(path)
    except UsageError:
        unreadable.add_metric([path.name], 1)
        return None
    unreadable.add_metric([path.name], 0)
    return page
