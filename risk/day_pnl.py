"""Profit and loss of the UTC day, per instrument, from telemetry: what loss caps and drawdowns are measured on.

    PnL of an instrument = position at the middle price - cost - fees          exact, in billionths of the quote asset
    PnL of the day       = PnL now - PnL when the day began

"Now" is the middle one of the last three telemetries, so a single phantom price moves neither the PnL nor its highest
point. What a restart must not forget, the day's beginnings and highest points, is given out as records to be kept.
"""

from collections import deque
from collections.abc import Collection, Iterator

import msgspec

from engine.messages import InstrumentTelemetry
from risk.trigger_reading import AccountRound, instrument_name, nanos_text

__all__ = ["DayBegan", "DayBook", "DayPeak", "pnl_nanos"]

_NANOS = 1_000_000_000
_SAMPLES = 3


class DayBegan(msgspec.Struct, frozen=True, array_like=True, gc=False, tag=155):
    """An instrument's PnL when the day began, or when the day first saw it."""

    day: int
    instrument: str
    pnl_nanos: int


class DayPeak(msgspec.Struct, frozen=True, array_like=True, gc=False, tag=156):
    """The highest that the day's PnL of some set of instruments has been."""

    day: int
    key: str
    pnl_nanos: int


def pnl_nanos(seen: InstrumentTelemetry) -> int | None:
    """Billionths of the quote asset, rounded down. None: there is a position and nothing to mark it with.

    A book with one side is marked at that side.
    """
    marks = [ticks for ticks in (seen.bid_ticks, seen.ask_ticks) if ticks]
    if not marks and seen.position_lots:
        return None
    twice_ticks = sum(marks) * 2 // len(marks) if marks else 0
    twice_tick_lots = seen.position_lots * twice_ticks - 2 * seen.cost_tick_lots
    return int(twice_tick_lots * seen.tick_lot_units * _NANOS // (2 * 10**seen.tick_lot_scale)) - seen.fees_nanos


class _Line:
    """One instrument's last samples, and where its day began."""

    __slots__ = ("began_nanos", "samples", "seen", "sent_ns")

    def __init__(self, began_nanos: int | None) -> None:
        self.began_nanos = began_nanos
        self.samples: deque[int] = deque(maxlen=_SAMPLES)
        self.seen: InstrumentTelemetry | None = None
        self.sent_ns = (-1, -1)

    @property
    def pnl_nanos(self) -> int | None:
        return sorted(self.samples)[_SAMPLES // 2] if len(self.samples) == _SAMPLES else None


class DayBook:
    """``records`` is what is to be kept of it: whoever keeps it takes them out, and in a later life gives them to
    ``restore``, oldest first."""

    def __init__(self) -> None:
        self.records: list[DayBegan | DayPeak] = []
        self._day = -1
        self._round = -1
        self._lines: dict[str, _Line] = {}
        self._peaks: dict[str, int] = {}
        self._kept_peaks: dict[str, int] = {}

    def restore(self, record: DayBegan | DayPeak) -> None:
        self._turn(record.day)
        if record.day < self._day:
            return
        if isinstance(record, DayBegan):
            self._lines[record.instrument] = _Line(record.pnl_nanos)
        else:
            self._peaks[record.key] = self._kept_peaks[record.key] = record.pnl_nanos

    def update(self, seen: AccountRound) -> None:
        """Take in a round; the same one again changes nothing. A clock that goes back does not bring a day back."""
        if seen.number == self._round:
            return
        self._round = seen.number
        self._turn(seen.day)
        for telemetry in seen.latest.values():
            for instrument in telemetry.instruments:
                name = instrument_name(telemetry.venue_actor, instrument.symbol)
                line = self._lines.get(name)
                if line is None:
                    line = self._lines[name] = _Line(None)
                self._sample(name, line, instrument, (telemetry.started_ns, telemetry.sent_ns))

    def _sample(self, name: str, line: _Line, seen: InstrumentTelemetry, sent_ns: tuple[int, int]) -> None:
        nanos = pnl_nanos(seen)
        if nanos is not None and sent_ns != line.sent_ns:
            line.samples.append(nanos)
            line.seen, line.sent_ns = seen, sent_ns
        now_nanos = line.pnl_nanos
        if line.began_nanos is None and now_nanos is not None:
            line.began_nanos = now_nanos
            self.records.append(DayBegan(self._day, name, now_nanos))

    def _turn(self, day: int) -> None:
        if day <= self._day:
            return
        self._day = day
        self._peaks.clear()
        self._kept_peaks.clear()
        for line in self._lines.values():
            line.began_nanos = None

    def pnl_nanos(self, instruments: Collection[str], asset: str) -> int | None:
        """The day's PnL of those that are quoted in ``asset``. None: it cannot be told yet."""
        known = [now_nanos - began_nanos for _, _, now_nanos, began_nanos in self._known(instruments, asset)]
        return sum(known) if known else None

    def peak_nanos(self, key: str, nanos: int, keep_step_nanos: int) -> int:
        """The highest that ``nanos`` has been today under this key. It is kept in steps, not at every move."""
        peak = max(nanos, self._peaks.get(key, nanos))
        self._peaks[key] = peak
        kept = self._kept_peaks.get(key)
        if kept is None or peak - kept >= max(keep_step_nanos, 1):
            self._kept_peaks[key] = peak
            self.records.append(DayPeak(self._day, key, peak))
        return peak

    def inputs_text(self, instruments: Collection[str], asset: str) -> str:
        """What the day's PnL is made of, for people."""
        return "; ".join(
            f"{name}: position_lots={seen.position_lots} cost_tick_lots={seen.cost_tick_lots} "
            f"bid_ticks={seen.bid_ticks} ask_ticks={seen.ask_ticks} fees={nanos_text(seen.fees_nanos)} "
            f"PnL={nanos_text(now_nanos)} at the start of the day={nanos_text(began_nanos)}"
            for name, seen, now_nanos, began_nanos in self._known(instruments, asset)
        )

    def _known(self, instruments: Collection[str], asset: str) -> Iterator[tuple[str, InstrumentTelemetry, int, int]]:
        for name in instruments:
            line = self._lines.get(name)
            if line is None or line.seen is None or line.seen.quote_asset != asset:
                continue
            now_nanos = line.pnl_nanos
            if now_nanos is not None and line.began_nanos is not None:
                yield name, line.seen, now_nanos, line.began_nanos
