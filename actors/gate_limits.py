"""The limits of a configuration as a gate takes them: whole numbers in its units, rounded towards the stricter side."""

from config.settings import AccountSettings, InstrumentLimitSettings, StrategyLimitSettings
from engine.instrument import INT64_MAX, NANOS, Instrument, parse_decimal
from risk.limits import COUNT_MAX, AccountLimits, InstrumentLimits, StrategyLimits

__all__ = ["account_limits", "instrument_limits", "strategy_limits"]

_MICROS = 1_000_000


def account_limits(account: AccountSettings, venue_actors: int) -> AccountLimits:
    """What one of ``venue_actors`` may do at most. Limits that its lease shares out (``risk/budgets.py``) stand whole;
    concentration is looked at above an equal part of its threshold, so that it is never looked at too late."""
    limits = account.limits
    has_ratio = limits.messages_per_trade_max > 0
    return AccountLimits(
        open_orders=limits.open_orders_max,
        orders_per_second=limits.orders_per_second_max,
        orders_burst=limits.orders_burst_max,
        replaces_per_second=limits.replaces_per_second_max,
        replaces_burst=limits.replaces_burst_max,
        cancels_per_second=limits.cancels_per_second_max,
        cancels_burst=limits.cancels_burst_max,
        currency=limits.currency,
        gross_notional_micros=_floor(limits.gross_notional_max, _MICROS),
        net_notional_micros=_floor(limits.net_notional_max, _MICROS),
        concentration_ppm=limits.concentration_max_percent * 10_000,
        concentration_from_micros=_floor(limits.concentration_from, _MICROS) // venue_actors,
        daily_loss_micros=_floor(limits.daily_loss_max, _MICROS),
        drawdown_micros=_floor(limits.drawdown_max, _MICROS),
        messages_free=limits.messages_free if has_ratio else COUNT_MAX,
        messages_per_trade=limits.messages_per_trade_max,
        duplicate_window_ns=limits.duplicate_window_ns,
        assets={
            asset.asset: (_floor(asset.long_max, NANOS), _floor(asset.short_max, NANOS)) for asset in account.assets
        },
    )


def strategy_limits(limits: StrategyLimitSettings, venues: int) -> StrategyLimits:
    """What it may do at each of so many venues: an equal part, so that all together stay within the whole."""
    return StrategyLimits(
        orders_per_second=max(1, limits.orders_per_second_max // venues),
        orders_burst=max(1, limits.orders_burst_max // venues),
        position_notional_micros=_floor(limits.position_notional_max, _MICROS) // venues,
        gross_notional_micros=_floor(limits.gross_notional_max, _MICROS) // venues,
        executions=max(1, limits.executions_max // venues),
        executions_window_ns=limits.executions_window_ns,
    )


def instrument_limits(instrument: Instrument, settings: InstrumentLimitSettings) -> InstrumentLimits:
    """In the instrument's ticks and lots. Raises UsageError when an amount does not fit."""
    return InstrumentLimits(
        order_quantity_lots=instrument.lots_floor(settings.order_quantity_max, "order_quantity_max"),
        order_notional_tick_lots=instrument.tick_lots_floor(settings.order_notional_max, "order_notional_max"),
        long_position_lots=instrument.lots_floor(settings.long_position_max, "long_position_max"),
        short_position_lots=instrument.lots_floor(settings.short_position_max, "short_position_max"),
        price_collar_ppm=settings.price_collar_ppm,
        window_collar_ppm=settings.window_collar_ppm,
        window_ns=settings.window_ns,
        reference_age_ns=settings.reference_age_ns,
    )


def _floor(text: str, per_unit: int) -> int:
    """A decimal amount in parts of which ``per_unit`` make one. What exceeds 64 bits is more than there can be."""
    units, scale = parse_decimal(text)
    return min(int(units * per_unit // 10**scale), INT64_MAX)
