"""What a ``[[triggers]]`` table may say: one struct per kind, chosen by its key ``kind``.

Every kind has a scope, a mode and how many readings in a row count, ten a second. Thresholds have no default, because
what is normal is the user's to say; ``docs/triggers.md`` helps. A reading *above* ``*_max`` is a breach.
"""

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from engine.instrument import parse_decimal

__all__ = [
    "AuthenticationFailureSettings",
    "ClockOffsetSettings",
    "ConfigMismatchSettings",
    "DrawdownSettings",
    "FillStormSettings",
    "GappedMarketDataSettings",
    "HeartbeatLostSettings",
    "LatencyStallSettings",
    "LoopLagSettings",
    "LossCapSettings",
    "PositionMismatchSettings",
    "RejectStormSettings",
    "SpreadWideningSettings",
    "StaleMarketDataSettings",
    "TriggerSettings",
]

_NANOS_PER_MS = 1_000_000

_AMOUNT = {"amount": "positive"}
PositiveAmount = Annotated[str, Meta(extra=_AMOUNT, description='decimal text, as in "0.5"')]
Asset = Annotated[
    str, Meta(pattern=r"^[A-Z0-9]{1,20}\Z", description='the venue\'s own name in upper case, as in "USDT"')
]
#: In a configuration an instrument is named in full, so that a second venue never makes a scope ambiguous.
ScopeText = Annotated[
    str,
    Meta(
        pattern=r"^[^\s\x00-\x1f\x7f]{1,200}\Z",
        description="global, or venue:NAME, account:ID, strategy:ID, instrument:VENUE:SYMBOL, joined by +",
    ),
]
#: Of what one phantom price or one late look could make.
ReadingsInARow = Annotated[int, Meta(ge=2, le=1_000)]
#: Of what has certainly happened. The window outlasts ten readings, so a storm that fills it is never missed.
CountsInARow = Annotated[int, Meta(ge=1, le=10)]
Events = Annotated[int, Meta(ge=0, le=1_000_000)]
WindowMilliseconds = Annotated[int, Meta(ge=1_000, le=600_000)]
Milliseconds = Annotated[int, Meta(ge=1, le=86_400_000)]
#: Below the interval of telemetry nothing could be told.
SweptMilliseconds = Annotated[int, Meta(ge=100, le=86_400_000)]


def _nanos_floor(amount: str) -> int:
    """Rounded towards the stricter side."""
    units, scale = parse_decimal(amount)
    return int(units * 1_000_000_000 // 10**scale)


class _Trigger(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind"):
    """``rearm_percent``: of the threshold; armed again once as many readings in a row are not above it.

    ``again_percent``: of the threshold; when people have released its kill and all is not well yet, it fires again once
    the value is worse than at the release by more than that. 0: not before all is well.
    """

    scope: ScopeText
    mode: Literal["reduce", "halt", "cancel", "flatten"]
    rearm_percent: Annotated[int, Meta(ge=0, le=100)] = 80
    again_percent: Annotated[int, Meta(ge=0, le=10_000)] = 50

    @property
    def threshold(self) -> int:
        """In the units of the code: billionths, ns, millionths or events."""
        return 0

    @property
    def window_ns(self) -> int:
        return 0

    @property
    def start_ns(self) -> int:
        return 0


class LossCapSettings(_Trigger, frozen=True, kw_only=True, tag="loss_cap"):
    """``loss_max`` in ``asset``: over the instruments in scope that are quoted in it, since the UTC day began."""

    consecutive: ReadingsInARow
    asset: Asset
    loss_max: PositiveAmount

    @property
    def threshold(self) -> int:
        return _nanos_floor(self.loss_max)


class DrawdownSettings(_Trigger, frozen=True, kw_only=True, tag="drawdown"):
    """``drawdown_max`` in ``asset``, below the highest PnL of the UTC day."""

    consecutive: ReadingsInARow
    asset: Asset
    drawdown_max: PositiveAmount

    @property
    def threshold(self) -> int:
        return _nanos_floor(self.drawdown_max)


class SpreadWideningSettings(_Trigger, frozen=True, kw_only=True, tag="spread_widening"):
    """In hundredths of a percent of the middle price. A side without orders is wider than any."""

    consecutive: ReadingsInARow
    spread_bps_max: Annotated[int, Meta(ge=1, le=20_000)]

    @property
    def threshold(self) -> int:
        return self.spread_bps_max * 100


class LatencyStallSettings(_Trigger, frozen=True, kw_only=True, tag="latency_stall"):
    consecutive: ReadingsInARow
    answer_ms_max: SweptMilliseconds

    @property
    def threshold(self) -> int:
        return self.answer_ms_max * _NANOS_PER_MS


class StaleMarketDataSettings(_Trigger, frozen=True, kw_only=True, tag="stale_market_data"):
    consecutive: ReadingsInARow
    age_ms_max: SweptMilliseconds

    @property
    def threshold(self) -> int:
        return self.age_ms_max * _NANOS_PER_MS


class PositionMismatchSettings(_Trigger, frozen=True, kw_only=True, tag="position_mismatch"):
    """``mismatch_max`` in the base asset of each instrument in scope."""

    consecutive: ReadingsInARow
    mismatch_max: PositiveAmount

    @property
    def threshold(self) -> int:
        return _nanos_floor(self.mismatch_max)


class ClockOffsetSettings(_Trigger, frozen=True, kw_only=True, tag="clock_offset"):
    consecutive: ReadingsInARow
    offset_ms_max: Milliseconds

    @property
    def threshold(self) -> int:
        return self.offset_ms_max * _NANOS_PER_MS


class LoopLagSettings(_Trigger, frozen=True, kw_only=True, tag="loop_lag"):
    consecutive: Annotated[int, Meta(ge=1, le=1_000)]
    lag_ms_max: Milliseconds

    @property
    def threshold(self) -> int:
        return self.lag_ms_max * _NANOS_PER_MS


class HeartbeatLostSettings(_Trigger, frozen=True, kw_only=True, tag="heartbeat_lost"):
    """``start_ms_max``: how long a venue actor may take to be heard for the first time after a start."""

    consecutive: ReadingsInARow
    silence_ms_max: Annotated[int, Meta(ge=200, le=86_400_000)]
    start_ms_max: Annotated[int, Meta(ge=200, le=86_400_000)]

    @property
    def threshold(self) -> int:
        return self.silence_ms_max * _NANOS_PER_MS

    @property
    def start_ns(self) -> int:
        return self.start_ms_max * _NANOS_PER_MS


class ConfigMismatchSettings(_Trigger, frozen=True, kw_only=True, tag="config_mismatch"):
    consecutive: CountsInARow


class _Events(_Trigger, frozen=True, kw_only=True):
    consecutive: CountsInARow
    window_ms: WindowMilliseconds

    @property
    def window_ns(self) -> int:
        return self.window_ms * _NANOS_PER_MS


class GappedMarketDataSettings(_Events, frozen=True, kw_only=True, tag="gapped_market_data"):
    gaps_max: Events

    @property
    def threshold(self) -> int:
        return self.gaps_max


class RejectStormSettings(_Events, frozen=True, kw_only=True, tag="reject_storm"):
    rejects_max: Events

    @property
    def threshold(self) -> int:
        return self.rejects_max


class FillStormSettings(_Events, frozen=True, kw_only=True, tag="fill_storm"):
    fills_max: Events

    @property
    def threshold(self) -> int:
        return self.fills_max


class AuthenticationFailureSettings(_Events, frozen=True, kw_only=True, tag="authentication_failure"):
    failures_max: Events

    @property
    def threshold(self) -> int:
        return self.failures_max


TriggerSettings = (
    LossCapSettings
    | DrawdownSettings
    | SpreadWideningSettings
    | LatencyStallSettings
    | StaleMarketDataSettings
    | GappedMarketDataSettings
    | RejectStormSettings
    | FillStormSettings
    | PositionMismatchSettings
    | AuthenticationFailureSettings
    | ClockOffsetSettings
    | LoopLagSettings
    | HeartbeatLostSettings
    | ConfigMismatchSettings
)
