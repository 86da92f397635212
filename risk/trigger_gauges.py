"""What each kind of trigger measures, as gauges: in telemetry of one venue actor, over the account, and in its silence.

A value is as large as it is bad and is compared with the threshold of its ``[[triggers]]`` table by the trigger.
"""

from collections.abc import Callable, Iterator

from engine.instrument import decimal_text, plain
from engine.messages import InstrumentTelemetry, VenueTelemetry
from risk.day_pnl import DayBook
from risk.trigger_reading import (
    AccountRound,
    Reading,
    Silence,
    TriggerSpec,
    instrument_name,
    millis_text,
    nanos_text,
)
from risk.trigger_streak import EventWindow

__all__ = [
    "ConfigGauge",
    "DayGauge",
    "EventGauge",
    "InstrumentGauge",
    "SilenceGauge",
    "VenueGauge",
    "drift_of",
    "quote_age_of",
    "spread_of",
    "spread_text",
]

#: Wider than any spread can be of its own middle (two millions): an empty side has no price at all.
_EMPTY_SIDE_PPM = 2_000_001
#: A highest point is kept for a restart in steps of this part of the threshold.
_PEAK_STEPS = 16


class VenueGauge:
    """One number of a venue actor's telemetry."""

    looks_at = VenueTelemetry

    def __init__(self, spec: TriggerSpec, formula: str, value_of: Callable[[VenueTelemetry], int]) -> None:
        self.formula = formula
        self._venue_actors = frozenset(spec.venue_actors)
        self._value_of = value_of

    def read(self, seen: VenueTelemetry) -> Iterator[Reading]:
        if seen.venue_actor in self._venue_actors:
            value = self._value_of(seen)
            yield Reading(seen.venue_actor, value, lambda: f"value_ns={value} sent_ns={seen.sent_ns}")

    def text(self, value: int) -> str:
        return millis_text(value)


class EventGauge:
    """How many events of one counter there were in a window, by the venue actor's own clock."""

    looks_at = VenueTelemetry

    def __init__(self, spec: TriggerSpec, events: str, total_of: Callable[[VenueTelemetry], int]) -> None:
        self.formula = f"{events} in the last {millis_text(spec.window_ns)}"
        self._events = events
        self._total_of = total_of
        self._windows = {name: EventWindow(spec.window_ns) for name in spec.venue_actors}

    def read(self, seen: VenueTelemetry) -> Iterator[Reading]:
        window = self._windows.get(seen.venue_actor)
        if window is not None:
            total = self._total_of(seen)
            value = window.count(seen.started_ns, seen.sent_ns, total)
            yield Reading(
                seen.venue_actor, value, lambda: f"total={total} since_start_ns={seen.sent_ns - seen.started_ns}"
            )

    def text(self, value: int) -> str:
        return f"{value} {self._events}"


class ConfigGauge:
    """1 while a venue actor runs on another configuration than the risk actor, else 0."""

    looks_at = VenueTelemetry
    formula = "its configuration's hash differs from the risk actor's"

    def __init__(self, spec: TriggerSpec, config_hash: str) -> None:
        self._venue_actors = frozenset(spec.venue_actors)
        self._config_hash = config_hash

    def read(self, seen: VenueTelemetry) -> Iterator[Reading]:
        if seen.venue_actor in self._venue_actors:
            differs = int(seen.config_hash != self._config_hash)
            yield Reading(seen.venue_actor, differs, lambda: f"its={seen.config_hash} ours={self._config_hash}")

    def text(self, value: int) -> str:
        return "differs" if value else "the same"


class InstrumentGauge:
    """One number of an instrument's telemetry; None: it cannot be told now."""

    looks_at = VenueTelemetry

    def __init__(
        self,
        spec: TriggerSpec,
        formula: str,
        value_of: Callable[[InstrumentTelemetry], int | None],
        text: Callable[[int], str],
    ) -> None:
        self.formula = formula
        self._instruments = frozenset(spec.instruments)
        self._value_of, self._text = value_of, text

    def read(self, seen: VenueTelemetry) -> Iterator[Reading]:
        for instrument in seen.instruments:
            name = instrument_name(seen.venue_actor, instrument.symbol)
            if name in self._instruments and (value := self._value_of(instrument)) is not None:
                yield Reading(name, value, lambda instrument=instrument: _instrument_text(instrument))  # type: ignore[misc]  # bound here

    def text(self, value: int) -> str:
        return self._text(value)


def _instrument_text(seen: InstrumentTelemetry) -> str:
    return (
        f"bid_ticks={seen.bid_ticks} ask_ticks={seen.ask_ticks} quote_age_ns={seen.quote_age_ns} "
        f"position_lots={seen.position_lots} drift={nanos_text(seen.drift_nanos)}"
    )


def spread_of(seen: InstrumentTelemetry) -> int | None:
    """Millionths of the middle; more than any while a side is empty; None before the first quote."""
    if seen.quote_age_ns < 0:
        return None
    if not seen.bid_ticks or not seen.ask_ticks:
        return _EMPTY_SIDE_PPM
    return (seen.ask_ticks - seen.bid_ticks) * 2_000_000 // (seen.ask_ticks + seen.bid_ticks)


def spread_text(value_ppm: int) -> str:
    return "a side is empty" if value_ppm == _EMPTY_SIDE_PPM else f"{plain(decimal_text(value_ppm, 2))} bps"


def quote_age_of(seen: InstrumentTelemetry) -> int | None:
    """None while no quote is due: a venue actor that has not finished connecting trades nothing."""
    return seen.quote_age_ns if seen.quote_age_ns >= 0 else None


def drift_of(seen: InstrumentTelemetry) -> int | None:
    return abs(seen.drift_nanos)


class DayGauge:
    """The account's loss of the UTC day, or how far its PnL is below its highest of the day."""

    looks_at = AccountRound

    def __init__(self, spec: TriggerSpec, book: DayBook, *, from_peak: bool) -> None:
        pnl = "PnL = position at the middle price - cost - fees, the middle one of the last three, since the day began"
        self.formula = f"highest PnL of the UTC day - PnL; {pnl}" if from_peak else f"-PnL; {pnl}"
        self._spec, self._book, self._from_peak = spec, book, from_peak
        self._key = " ".join((spec.asset, *sorted(spec.instruments)))

    def read(self, seen: AccountRound) -> Iterator[Reading]:
        self._book.update(seen)
        spec = self._spec
        nanos = self._book.pnl_nanos(spec.instruments, spec.asset)
        if nanos is not None:
            peak = self._book.peak_nanos(self._key, nanos, spec.threshold // _PEAK_STEPS) if self._from_peak else 0
            yield Reading("account", peak - nanos, lambda: self._inputs(nanos, peak))

    def _inputs(self, nanos: int, peak_nanos: int) -> str:
        highest = f" highest={nanos_text(peak_nanos)}" if self._from_peak else ""
        return f"PnL={nanos_text(nanos)}{highest}; {self._book.inputs_text(self._spec.instruments, self._spec.asset)}"

    def text(self, value: int) -> str:
        return f"{nanos_text(value)} {self._spec.asset}"


class SilenceGauge:
    """How long nothing has been heard of a venue actor. One that never was may be silent for ``start_ns`` first."""

    looks_at = Silence
    formula = "time since its last telemetry"

    def __init__(self, spec: TriggerSpec) -> None:
        self._spec = spec

    def read(self, seen: Silence) -> Iterator[Reading]:
        for name in self._spec.venue_actors:
            heard_ns = seen.heard_ns.get(name)
            if heard_ns is None:
                heard_ns = seen.began_ns + self._spec.start_ns - self._spec.threshold
                inputs = f"never heard; the watch began {millis_text(seen.now_ns - seen.began_ns)} ago"
            else:
                inputs = f"heard_ns={heard_ns} now_ns={seen.now_ns}"
            yield Reading(name, seen.now_ns - heard_ns, lambda inputs=inputs: inputs)  # type: ignore[misc]  # bound here

    def text(self, value: int) -> str:
        return millis_text(value)
