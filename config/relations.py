"""What must hold between values, each with its reason. Works on what is right of a document, whatever else is wrong."""

from collections.abc import Iterator
from fractions import Fraction
from typing import Any

from config.accounts import check_accounts
from config.errors import KeyPath
from config.routes import check_routed_strategy, check_routes
from config.scopes import check_scope
from config.settings import CREDENTIAL_TABLES, KEY_TYPES, KillSettings, LeaseSettings
from config.shape import Report, tables
from engine.instrument import parse_decimal

__all__ = ["check_relations"]

_Table = dict[str, Any]

#: Points of small order, each without its sign bit: whoever wants to can sign for a key that is one of them.
_WEAK_KEYS = frozenset(
    bytes.fromhex(key)
    for key in (
        "00" * 32,
        "01" + "00" * 31,
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
        "ec" + "ff" * 30 + "7f",
        "ed" + "ff" * 30 + "7f",
        "ee" + "ff" * 30 + "7f",
    )
)
#: How the ids of a venue actor's own orders begin, which close positions under a kill.
_OWN_ORDERS = "flatten"
#: On whose behalf a venue actor holds what no strategy has made.
_NOBODYS = "adopted"

#: Each drill is a record in the kill switch's journal, which is read at each start.
DRILL_EVERY_S_MIN = 10


def check_relations(good: _Table, report: Report) -> None:
    """Report every broken relation of a document that ``config.shape.checked`` returned."""
    _check_times(good, report)
    _check_fence(good, report)
    _check_unique(good, report)
    for path, venue in tables(good, "venues"):
        _check_venue(good, venue, path, report)
    for path, person in tables(good, "people"):
        _check_key(person.get("public_key"), (*path, "public_key"), report)
    check_accounts(good, report)
    check_routes(good, report)
    for path, strategy in tables(good, "strategies"):
        _check_strategy(good, strategy, path, report)
    for index, name in _texts(good.get("kill", {}), "drill_strategies"):
        where = ("kill", "drill_strategies", index)
        _known(name, _names(good, "strategies", "id") if "strategies" in good else [], "strategies", where, report)
    for path, trigger in tables(good, "triggers"):
        check_scope(good, trigger.get("scope"), (*path, "scope"), report)
    for path, clutch in tables(good, "clutch"):
        check_scope(good, clutch.get("scope"), (*path, "scope"), report)


def _check_times(good: _Table, report: Report) -> None:
    lease, kill = good.get("lease", {}), good.get("kill", {})
    if not isinstance(lease, dict) or not isinstance(kill, dict):
        return
    duration = lease.get("duration_ms", LeaseSettings().duration_ms)
    renew = lease.get("renew_ms", LeaseSettings().renew_ms)
    acknowledge = kill.get("acknowledge_ms", KillSettings().acknowledge_ms)
    if renew * 2 >= duration:
        report(
            ("lease", "renew_ms"),
            f"is {renew}, and two renewals do not fit into the lease of {duration} ms: one lost renewal would halt",
            f"write less than {(duration + 1) // 2}, or raise lease.duration_ms",
        )
    drill_every = kill.get("drill_every_s", KillSettings().drill_every_s)
    if 0 < drill_every < DRILL_EVERY_S_MIN:
        report(
            ("kill", "drill_every_s"),
            f"is {drill_every}: the record of kills would be all drills",
            f"write 0 for none, or at least {DRILL_EVERY_S_MIN}",
        )
    if acknowledge >= duration:
        report(
            ("kill", "acknowledge_ms"),
            f"is {acknowledge}, not below the lease of {duration} ms, which ends trading by itself",
            f"write less than {duration}",
        )


def _check_fence(good: _Table, report: Report) -> None:
    engine, kill = good.get("engine", {}), good.get("kill", {})
    if kill.get("fence") and engine.get("runtime") == "local":
        report(
            ("kill", "fence"),
            'is true, and with engine.runtime "local" all actors are one process: none can be ended alone',
            'write engine.runtime = "ray", or fence = false',
        )


def _check_unique(good: _Table, report: Report) -> None:
    named = [
        *((path, "id", account) for path, account in tables(good, "accounts")),
        *((path, "name", venue) for path, venue in tables(good, "venues")),
        *((path, "id", strategy) for path, strategy in tables(good, "strategies")),
        *((path, "name", person) for path, person in tables(good, "people")),
        *((path, "public_key", person) for path, person in tables(good, "people")),
    ]
    seen: dict[tuple[Any, ...], str] = {}
    for path, key, table in named:
        _once(seen, path[0], table.get(key), (*path, key), report)
    for path, account in tables(good, "accounts"):
        for inner, asset in tables(account, "assets"):
            _once(seen, path, asset.get("asset"), (*path, *inner, "asset"), report)
    for path, venue in tables(good, "venues"):
        for inner, instrument in tables(venue, "instruments"):
            _once(seen, path, instrument.get("symbol"), (*path, *inner, "symbol"), report)
    for path, strategy in tables(good, "strategies"):
        for index, name in _texts(strategy, "instruments"):
            _once(seen, path, name, (*path, "instruments", index), report)


def _once(seen: dict[tuple[Any, ...], str], among: Any, name: Any, path: KeyPath, report: Report) -> None:
    if not isinstance(name, str):
        return
    if (among, name) in seen:
        report(path, f'"{name}" is there twice', "give each its own name, or remove one")
    seen[(among, name)] = name


def _check_venue(good: _Table, venue: _Table, path: KeyPath, report: Report) -> None:
    _known(venue.get("account"), _names(good, "accounts", "id"), "accounts", (*path, "account"), report)
    for key in CREDENTIAL_TABLES:
        credentials = venue.get(key) or {}
        files = [credentials.get("api_key_file"), credentials.get("secret_file")]
        if None not in files and files[0] == files[1]:
            report((*path, key, "secret_file"), "is the api_key_file", "name the file that holds the secret")
        key_type, known = credentials.get("key_type"), KEY_TYPES.get(venue.get("adapter", ""))
        if known is not None and key_type is not None and key_type not in known:
            report((*path, key, "key_type"), f"{venue['adapter']} has no such keys", f"use {' or '.join(known)}")
    for inner, instrument in tables(venue, "instruments"):
        _check_limits(instrument.get("limits", {}), (*path, *inner, "limits"), report)

    _check_undertaker(venue, path, report)


def _check_undertaker(venue: _Table, path: KeyPath, report: Report) -> None:
    """A key of its own, or none: one that is said to be able to cancel only, and is not, is worse than neither."""
    trading, undertaker = (venue.get(key) or {} for key in CREDENTIAL_TABLES)
    for key in ("api_key_file", "secret_file"):
        if key in undertaker and undertaker[key] == trading.get(key):
            report(
                (*path, "undertaker_credentials", key),
                f"is that of credentials, a key that may trade: {key} of the undertaker must be another",
                "name a key of its own, which may only cancel, or leave the table out: then it uses the trading key",
            )


def _check_key(key: Any, path: KeyPath, report: Report) -> None:
    if not isinstance(key, str):
        return
    point = bytearray.fromhex(key)
    point[-1] &= 0x7F
    if bytes(point) in _WEAK_KEYS:
        report(
            path,
            "is no person's key: anybody could sign for it",
            "have the person make one with: haltline kill keygen",
        )


def _check_limits(limits: _Table, path: KeyPath, report: Report) -> None:
    order, long, short = (
        _amount(limits.get(key)) for key in ("order_quantity_max", "long_position_max", "short_position_max")
    )
    if order is not None and long is not None and short is not None and order > long + short:
        report(
            (*path, "order_quantity_max"),
            "is above long_position_max and short_position_max together: an order of that size could never pass",
            "lower it, or raise a position limit",
        )


def _check_strategy(good: _Table, strategy: _Table, path: KeyPath, report: Report) -> None:
    if strategy.get("id") == _OWN_ORDERS:
        report((*path, "id"), f'is "{_OWN_ORDERS}", which names the closing orders of kills', "choose another name")
    if strategy.get("id") == _NOBODYS:
        report((*path, "id"), f'is "{_NOBODYS}", which names what no strategy has made', "choose another name")
    account, venue_name = strategy.get("account"), strategy.get("venue")
    _known(account, _names(good, "accounts", "id"), "accounts", (*path, "account"), report)
    if not _known(venue_name, _names(good, "venues", "name"), "venues", (*path, "venue"), report):
        return
    venue = next(venue for _, venue in tables(good, "venues") if venue.get("name") == venue_name)
    if account is not None and "account" in venue and venue["account"] != account:
        report(
            (*path, "venue"),
            f'"{venue_name}" trades account "{venue["account"]}", and this strategy was given "{account}"',
            "name a venue of its own account",
        )
    if check_routed_strategy(good, strategy, path, report):
        return
    symbols = [instrument.get("symbol") for _, instrument in tables(venue, "instruments")]
    for index, name in _texts(strategy, "instruments"):
        where = (*path, "instruments", index)
        if name.partition(":")[0] != venue_name:
            report(where, f'"{name}" is not of its venue "{venue_name}"', f'name one as "{venue_name}:SYMBOL"')
        elif None not in symbols:
            known = [f"{venue_name}:{symbol}" for symbol in symbols]
            _known(name, known, f'the instruments of venue "{venue_name}"', where, report)


def _known(name: Any, known: list[Any], what: str, path: KeyPath, report: Report) -> bool:
    """Whether the name is one of those; silent where the name, or one of those, was already reported as broken."""
    if not isinstance(name, str):
        return False
    if name in known:
        return True
    if None not in known:
        shown = ", ".join(f'"{one}"' for one in known) or "none"
        report(path, f'"{name}" is not among {what}', f"name one that is configured ({shown})")
    return False


# -- reading a document of which parts may be missing ----------------------------------------------------------


def _texts(table: _Table, key: str) -> Iterator[tuple[int, str]]:
    for index, element in enumerate(table.get(key, ())):
        if isinstance(element, str):
            yield index, element


def _names(good: _Table, key: str, name: str) -> list[Any]:
    """Every name under ``key``; None for each that is missing or broken, so that nothing is said about the rest."""
    if key not in good:
        return [None]
    return [element.get(name) if isinstance(element, dict) else None for element in good[key]]


def _amount(text: Any) -> Fraction | None:
    if text is None:
        return None
    units, scale = parse_decimal(text)
    return Fraction(units, 10**scale)
