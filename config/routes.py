"""What must hold between routes, venues and strategies; and what a strategy trades, directly or through routes."""

from typing import Any

from config.errors import KeyPath
from config.route_settings import ROUTE, RouteSettings
from config.settings import EngineConfig, StrategySettings
from config.shape import Report, tables

__all__ = ["check_routed_strategy", "check_routes", "instruments_traded_by", "is_routed", "routes_of", "venues_of"]

_Table = dict[str, Any]


def is_routed(strategy: StrategySettings) -> bool:
    """Whether it trades routes; then it trades nothing else."""
    return any(name.startswith(f"{ROUTE}:") for name in strategy.instruments)


def routes_of(config: EngineConfig, strategy: StrategySettings) -> tuple[RouteSettings, ...]:
    """The routes that it trades."""
    return tuple(route for route in config.routes if route.name in strategy.instruments)


def instruments_traded_by(config: EngineConfig, strategy: StrategySettings) -> tuple[str, ...]:
    """What its orders reach, as ``venue:SYMBOL``: its instruments, or those of its routes."""
    if not is_routed(strategy):
        return strategy.instruments
    return tuple(dict.fromkeys(name for route in routes_of(config, strategy) for name in route.instruments))


def venues_of(config: EngineConfig, strategy: StrategySettings) -> tuple[str, ...]:
    """The venues at which it may have orders, its own first."""
    venues = (name.partition(":")[0] for name in instruments_traded_by(config, strategy))
    return tuple(dict.fromkeys([strategy.venue, *venues]))


# -- relations -----------------------------------------------------------------------------------------------------


def check_routes(good: _Table, report: Report) -> None:
    """Report every broken relation of routes in a document that ``config.shape.checked`` returned."""
    for path, venue in tables(good, "venues"):
        if venue.get("name") == ROUTE:
            report((*path, "name"), f'is "{ROUTE}", which stands for all venues of a route', "choose another name")
    seen: set[Any] = set()
    for path, route in tables(good, "routes"):
        symbol = route.get("symbol")
        if isinstance(symbol, str) and symbol in seen:
            report((*path, "symbol"), f'"{symbol}" is there twice', "give each its own name, or remove one")
        seen.add(symbol)
        _check_members(good, route, path, report)


def _check_members(good: _Table, route: _Table, path: KeyPath, report: Report) -> None:
    venues = {venue.get("name"): venue for _, venue in tables(good, "venues")}
    accounts: dict[Any, str] = {}
    used: set[str] = set()
    for index, name in enumerate(route.get("instruments", ())):
        if not isinstance(name, str):
            continue
        where, venue_name = (*path, "instruments", index), name.partition(":")[0]
        venue = venues.get(venue_name)
        if venue is None:
            if None not in venues:
                shown = ", ".join(f'"{each}"' for each in venues) or "none"
                report(where, f'"{name}" is at no configured venue', f"name one of the venues' instruments ({shown})")
            continue
        symbols = [each.get("symbol") for _, each in tables(venue, "instruments")]
        if name.partition(":")[2] not in symbols and None not in symbols:
            shown = ", ".join(f'"{venue_name}:{symbol}"' for symbol in symbols) or "none"
            report(where, f'"{name}" is not among the instruments of its venue', f"name one that is ({shown})")
        if venue_name in used:
            report(where, f'"{venue_name}" is in this route already', "name one instrument of each venue")
        used.add(venue_name)
        accounts.setdefault(venue.get("account"), name)
    if len(accounts) > 1 and None not in accounts:
        shown = ", ".join(f'{name} trades account "{account}"' for account, name in accounts.items())
        report((*path, "instruments"), f"are of several accounts: {shown}", "route between venues of one account")


def check_routed_strategy(good: _Table, strategy: _Table, path: KeyPath, report: Report) -> bool:
    """Of a strategy that trades routes; False: it trades none."""
    names = [name for name in strategy.get("instruments", ()) if isinstance(name, str)]
    routed = [name for name in names if name.startswith(f"{ROUTE}:")]
    if not routed:
        return False
    routes = {f"{ROUTE}:{route.get('symbol')}": route for _, route in tables(good, "routes")}
    reached: dict[str, str] = {}
    for index, name in enumerate(strategy.get("instruments", ())):
        where = (*path, "instruments", index)
        if not isinstance(name, str):
            continue
        if name not in routed:
            report(
                where,
                f'"{name}" is at a venue, and this strategy trades routes',
                f'have a route of its own for it (policy = "fixed", instruments = ["{name}"])',
            )
        elif name not in routes:
            shown = ", ".join(f'"{each}"' for each in routes) or "none"
            report(where, f'"{name}" is no configured route', f"add [[routes]], or name one that is there ({shown})")
        else:
            _check_reach(routes[name], name, reached, where, report)
    venue = strategy.get("venue")
    at = {member.partition(":")[0] for member in reached}
    if isinstance(venue, str) and at and venue not in at:
        shown = ", ".join(f'"{each}"' for each in sorted(at))
        report((*path, "venue"), f'"{venue}" is at none of its routes', f"name one that is ({shown})")
    return True


def _check_reach(route: _Table, name: str, reached: dict[str, str], where: KeyPath, report: Report) -> None:
    for member in route.get("instruments", ()):
        if isinstance(member, str) and reached.setdefault(member, name) != name:
            report(
                where,
                f'"{name}" and "{reached[member]}" both trade "{member}": nobody could tell their positions apart',
                "trade one of them, or have two strategies",
            )
