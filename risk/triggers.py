"""Triggers: what presses the kill switch without a person.

    telemetry ──▶ gauge ──value per subject──▶ streak ──fires──▶ Firing: scope, mode and evidence, for a Kill

A subject is a venue actor, an instrument or the account, and has a streak of its own: two instruments that are bad in
turn are not one that stays bad. A trigger fires once, however many of its subjects go bad, and is armed again when all
are well, or when its kill is released: then against further worsening, so that what was released is not without bound.
Time is an argument, nothing here sends anything.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

from engine.errors import UsageError
from risk.day_pnl import DayBook
from risk.trigger_gauges import (
    ConfigGauge,
    DayGauge,
    EventGauge,
    InstrumentGauge,
    SilenceGauge,
    VenueGauge,
    drift_of,
    quote_age_of,
    spread_of,
    spread_text,
)
from risk.trigger_reading import Gauge, Observation, Reading, TriggerSpec, millis_text, nanos_text
from risk.trigger_streak import Streak

__all__ = ["TRIGGER_KINDS", "Firing", "Trigger", "make_trigger"]

#: Evidence goes into messages, journals and receipts.
_EVIDENCE_CHARS = 2_000


class Firing(NamedTuple):
    """A trigger's word. ``subject`` is what went bad first; ``evidence`` the formula, the numbers and the inputs."""

    spec: TriggerSpec
    subject: str
    evidence: str


class Trigger:
    """``fired``: it has pressed, and waits until everything it watches is well again, or its kill is released."""

    def __init__(self, spec: TriggerSpec, gauge: Gauge[Any]) -> None:
        self.spec = spec
        self.fired = False
        self._gauge = gauge
        self._streaks: dict[str, Streak] = {}
        #: Whose values were the evidence of a kill.
        self._told: set[str] = set()

    def observe(self, observation: Observation) -> Firing | None:
        """Look at something; what this trigger does not look at changes nothing."""
        if not isinstance(observation, self._gauge.looks_at):
            return None
        firing = None
        for reading in self._gauge.read(observation):
            if self._streak(reading.subject).step(reading.value) and not self.fired:
                self.fired = True
                self._told.add(reading.subject)
                firing = Firing(self.spec, reading.subject, self._evidence(reading))
        if self.fired:
            self.fired = any(streak.tripped for streak in self._streaks.values())
        self._told = {subject for subject in self._told if self._streaks[subject].tripped}
        return firing

    def released(self) -> None:
        """People have released its kill, with the evidence before them: what it told of may stay as bad as it is, and
        grow worse by less than ``again_percent`` of the threshold. What has gone bad since was not told, so it counts
        anew. Of 0 percent: nothing fires again before all is well."""
        spec = self.spec
        if not self.fired or not spec.again_percent:
            return
        self.fired = False
        for subject, streak in self._streaks.items():
            if subject in self._told:
                streak.accept(max(spec.threshold * spec.again_percent // 100, 1))
            else:
                streak.rearm()

    def _streak(self, subject: str) -> Streak:
        streak = self._streaks.get(subject)
        if streak is None:
            spec = self.spec
            rearm_at = spec.threshold * spec.rearm_percent // 100
            streak = self._streaks[subject] = Streak(spec.threshold, rearm_at, spec.consecutive)
        return streak

    def _evidence(self, reading: Reading) -> str:
        spec, gauge = self.spec, self._gauge
        measured, allowed = gauge.text(reading.value), gauge.text(spec.threshold)
        text = (
            f"{spec.kind} of {reading.subject}: {measured}, allowed {allowed}, {spec.consecutive} in a row; "
            f"value = {gauge.formula}; {reading.inputs()}"
        )
        return text if len(text) <= _EVIDENCE_CHARS else text[: _EVIDENCE_CHARS - 1] + "…"


def make_trigger(spec: TriggerSpec, book: DayBook, config_hash: str) -> Trigger:
    """Build the trigger of a spec. ``book`` is shared by the triggers of one account; ``config_hash`` is the risk
    actor's own. Raises UsageError for a kind that does not exist."""
    make = _GAUGES.get(spec.kind)
    if make is None:
        raise UsageError(f"trigger kind {spec.kind!r} is unknown; there are {', '.join(_GAUGES)}")
    return Trigger(spec, make(spec, book, config_hash))


_Make = Callable[[TriggerSpec, DayBook, str], Gauge[Any]]

_GAUGES: dict[str, _Make] = {
    "loss_cap": lambda spec, book, _: DayGauge(spec, book, from_peak=False),
    "drawdown": lambda spec, book, _: DayGauge(spec, book, from_peak=True),
    "spread_widening": lambda spec, *_: InstrumentGauge(
        spec, "(ask - bid) / middle price of the last quote", spread_of, spread_text
    ),
    "latency_stall": lambda spec, *_: VenueGauge(
        spec, "time for which the oldest request has no answer", lambda seen: seen.answer_wait_ns
    ),
    "stale_market_data": lambda spec, *_: InstrumentGauge(spec, "time since the last quote", quote_age_of, millis_text),
    "gapped_market_data": lambda spec, *_: EventGauge(spec, "gaps in order books", lambda seen: seen.book_gaps),
    "reject_storm": lambda spec, *_: EventGauge(spec, "rejections by the venue", lambda seen: seen.rejects),
    "fill_storm": lambda spec, *_: EventGauge(spec, "fills", lambda seen: seen.fills),
    "position_mismatch": lambda spec, *_: InstrumentGauge(
        spec,
        "change of the venue's balance of the base asset - (bought - sold - fees in it), since they first agreed",
        drift_of,
        nanos_text,
    ),
    "authentication_failure": lambda spec, *_: EventGauge(
        spec, "requests refused for their key or signature", lambda seen: seen.authentication_failures
    ),
    "clock_offset": lambda spec, *_: VenueGauge(
        spec, "absolute difference of the venue's clock and ours", lambda seen: abs(seen.clock_offset_ns)
    ),
    "loop_lag": lambda spec, *_: VenueGauge(
        spec, "how late the venue actor's timer was", lambda seen: seen.loop_lag_ns
    ),
    "heartbeat_lost": lambda spec, *_: SilenceGauge(spec),
    "config_mismatch": lambda spec, _, config_hash: ConfigGauge(spec, config_hash),
}

#: Every kind, in the order of the documentation.
TRIGGER_KINDS = tuple(_GAUGES)
