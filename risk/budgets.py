"""The limits of an account that its venue actors share through the escrow, by name: between gate and lease.

open_orders                                     orders
orders_, replaces_, cancels_per_second, _burst  messages
gross_notional_micros                           millionths of the account's currency
net_long_micros, net_short_micros               the same; signed: being short 5 is a long worst case of -5
daily_loss_micros                               the same; signed: a profit is a negative loss; the sum is exact
drawdown_micros                                 the same; each from its own best: the sum is no less
messages_free                                   the day's messages not paid for by executions; if limited
long:ASSET, short:ASSET                         billionths of the asset; signed like net
"""

from collections.abc import Mapping

from risk.escrow import CEILING_MOST
from risk.limits import COUNT_MAX, AccountLimits, Ceilings, Usage

__all__ = ["PACES", "as_ceilings", "shared_budgets", "worst_case"]

_LONG, _SHORT = "long:", "short:"
_MESSAGES = "messages_free"
#: What is paced, in the order of ``Gate.paced``: each has a rate and a burst.
PACES = ("orders", "replaces", "cancels")


def shared_budgets(limits: AccountLimits) -> dict[str, int]:
    """Every budget of the account with its whole limit."""
    budgets = {
        "open_orders": limits.open_orders,
        "gross_notional_micros": limits.gross_notional_micros,
        "net_long_micros": limits.net_notional_micros,
        "net_short_micros": limits.net_notional_micros,
        "daily_loss_micros": limits.daily_loss_micros,
        "drawdown_micros": limits.drawdown_micros,
    }
    for pace in PACES:
        budgets |= {name: getattr(limits, name) for name in _paced(pace)}
    if limits.messages_free < COUNT_MAX:
        budgets[_MESSAGES] = limits.messages_free
    for asset, (long_nanos, short_nanos) in limits.assets.items():
        budgets |= {_LONG + asset: long_nanos, _SHORT + asset: short_nanos}
    return {name: min(limit, CEILING_MOST) for name, limit in budgets.items()}


def as_ceilings(ceilings: Mapping[str, int]) -> Ceilings:
    assets = [name.removeprefix(_LONG) for name in ceilings if name.startswith(_LONG)]
    numbers = {name: ceilings[name] for name in Ceilings.__struct_fields__ if name in ceilings}
    return Ceilings(
        **{_MESSAGES: COUNT_MAX, **numbers},
        assets={asset: (ceilings[_LONG + asset], ceilings[_SHORT + asset]) for asset in assets},
    )


def worst_case(usage: Usage, lately: Mapping[str, int], ceilings: Mapping[str, int]) -> dict[str, int]:
    """What a gate uses of each budget in ``ceilings``. A rate has no worst case of its own: what was used of it in the
    last second, by pace in ``lately``, stands for what will be, and never more than there is."""
    used = {
        "open_orders": usage.open_orders,
        "gross_notional_micros": usage.gross_notional_micros,
        "net_long_micros": usage.net_long_micros,
        "net_short_micros": usage.net_short_micros,
        "daily_loss_micros": usage.daily_loss_micros,
        "drawdown_micros": usage.drawdown_micros,
        _MESSAGES: usage.messages,
    }
    for asset, (long_nanos, short_nanos) in usage.assets.items():
        used |= {_LONG + asset: long_nanos, _SHORT + asset: short_nanos}
    for pace in PACES:
        used |= {name: max(min(lately[pace], ceilings[name]), 0) for name in _paced(pace)}
    return {name: used.get(name, 0) for name in ceilings}


def _paced(pace: str) -> tuple[str, str]:
    return f"{pace}_per_second", f"{pace}_burst"
