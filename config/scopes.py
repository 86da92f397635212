"""Whether a scope of a kill, as a configuration names one, is made of what the configuration has.

Pressed is the scope as it stands, so one that is misspelt, or covers nothing, must not be found out by the kill.
"""

from typing import Any

from config.errors import KeyPath
from config.route_settings import ROUTE
from config.shape import Report, tables

__all__ = ["check_scope"]

_REMEDY = "write global, or venue:NAME, account:ID, strategy:ID, instrument:VENUE:SYMBOL, joined by +"


def check_scope(good: dict[str, Any], text: Any, path: KeyPath, report: Report) -> None:
    """Report what is wrong with a scope in a document that ``config.shape.checked`` returned; nothing where the
    document itself is broken."""
    if not isinstance(text, str) or text == "global":
        return
    terms: dict[str, str] = {}
    for term in text.split("+"):
        kind, _, name = term.partition(":")
        if kind not in ("venue", "account", "strategy", "instrument") or not name:
            report(path, f'"{term}" is no scope', _REMEDY)
            return
        if kind in terms:
            report(path, f"names {kind} twice", "write one table for each")
            return
        terms[kind] = name
    if _all_known(good, terms, path, report) and not _covers_something(good, terms):
        report(path, f'"{text}" covers nothing: its parts have nothing in common', "leave one of them out")


def _all_known(good: dict[str, Any], terms: dict[str, str], path: KeyPath, report: Report) -> bool:
    """Silent, and False, where a name that is not there may be one that was already reported as broken."""
    instruments = [
        None if None in (symbol, venue.get("name")) else f"{venue['name']}:{symbol}"
        for _, venue in tables(good, "venues")
        for symbol in _names(venue, "instruments", "symbol")
    ]
    known = {
        "venue": _names(good, "venues", "name"),
        "account": _names(good, "accounts", "id"),
        "strategy": _names(good, "strategies", "id"),
        "instrument": instruments,
    }
    missing = [(kind, name) for kind, name in terms.items() if name not in known[kind]]
    for kind, name in missing:
        if None not in known[kind]:
            shown = ", ".join(f"{kind}:{one}" for one in known[kind]) or "none"
            report(path, f'"{kind}:{name}" is not configured', f"name one that is ({shown})")
    return not missing


def _covers_something(good: dict[str, Any], terms: dict[str, str]) -> bool:
    strategy: dict[str, Any] = next(
        (one for _, one in tables(good, "strategies") if one.get("id") == terms.get("strategy")), {}
    )
    trades_at = _venues_of(good, strategy)
    for _, venue in tables(good, "venues"):
        name = venue.get("name")
        wanted = (
            terms.get("venue", name),
            terms.get("account", venue.get("account")),
            terms.get("instrument", f"{name}:").partition(":")[0],
        )
        if wanted == (name, venue.get("account"), name) and (not trades_at or name in trades_at):
            return True
    return False


def _venues_of(good: dict[str, Any], strategy: dict[str, Any]) -> set[Any]:
    """Its own, and those of its routes; nothing: it is not said."""
    members = [
        name
        for _, route in tables(good, "routes")
        if f"{ROUTE}:{route.get('symbol')}" in strategy.get("instruments", ())
        for name in route.get("instruments", ())
        if isinstance(name, str)
    ]
    return {strategy["venue"], *(name.partition(":")[0] for name in members)} if "venue" in strategy else set()


def _names(good: dict[str, Any], key: str, name: str) -> list[str | None]:
    """Every name under ``key``; None for each that is missing or broken."""
    return [element.get(name) if isinstance(element, dict) else None for element in good.get(key, ())]
