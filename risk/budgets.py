"""The limits of an account that its venue actors share through the escrow, by name: between gate and lease.

open_orders, orders_per_second, orders_burst    orders
gross_notional_micros                           millionths of the account's currency
long:ASSET, short:ASSET                         billionths of the asset; the worst case of one side is signed:
                                                being short 5 is a long worst case of -5
"""

from collections.abc import Mapping

from risk.escrow import CEILING_MOST
from risk.limits import AccountLimits, Ceilings, Usage

__all__ = ["as_ceilings", "shared_budgets", "worst_case"]

_LONG, _SHORT = "long:", "short:"
_PACED = ("orders_per_second", "orders_burst")


def shared_budgets(limits: AccountLimits) -> dict[str, int]:
    """Every budget of the account with its whole limit."""
    budgets = {
        "open_orders": limits.open_orders,
        "orders_per_second": limits.orders_per_second,
        "orders_burst": limits.orders_burst,
        "gross_notional_micros": limits.gross_notional_micros,
    }
    for asset, (long_nanos, short_nanos) in limits.assets.items():
        budgets |= {_LONG + asset: long_nanos, _SHORT + asset: short_nanos}
    return {name: min(limit, CEILING_MOST) for name, limit in budgets.items()}


def as_ceilings(ceilings: Mapping[str, int]) -> Ceilings:
    assets = [name.removeprefix(_LONG) for name in ceilings if name.startswith(_LONG)]
    return Ceilings(
        open_orders=ceilings["open_orders"],
        orders_per_second=ceilings["orders_per_second"],
        orders_burst=ceilings["orders_burst"],
        gross_notional_micros=ceilings["gross_notional_micros"],
        assets={asset: (ceilings[_LONG + asset], ceilings[_SHORT + asset]) for asset in assets},
    )


def worst_case(usage: Usage, orders_lately: int, ceilings: Mapping[str, int]) -> dict[str, int]:
    """What a gate uses of each budget in ``ceilings``. A rate has no worst case of its own: what was used of it in the
    last second stands for what will be, and never more than there is."""
    used = {"open_orders": usage.open_orders, "gross_notional_micros": usage.gross_notional_micros}
    for asset, (long_nanos, short_nanos) in usage.assets.items():
        used |= {_LONG + asset: long_nanos, _SHORT + asset: short_nanos}
    used |= {name: min(orders_lately, max(ceilings[name], 0)) for name in _PACED}
    return {name: used.get(name, 0) for name in ceilings}
