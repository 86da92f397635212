"""That no two accounts share what must be one's own, and that whoever must be two people is.

Who has an account's key can trade it. So one key, or one file that holds a key, belongs to one venue table: with it in
two, two venue actors would each take the other's orders for a stranger's, and one's limits would be spent by the other.
"""

from collections.abc import Iterator
from os.path import realpath
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from config.errors import KeyPath
from config.files import secret_path_problem
from config.settings import CREDENTIAL_TABLES, EngineConfig, VenueSettings
from config.shape import Report, tables

__all__ = ["check_accounts", "check_keys", "request_share_percent"]

_Table = dict[str, Any]
#: An API key has no more.
_KEY_BYTES_MAX = 4_096


def check_accounts(good: _Table, report: Report) -> None:
    """Report what can be told from a document alone, as ``config.shape.checked`` returned it."""
    _check_people(good, report)
    _check_shares(good, report)


def _check_shares(good: _Table, report: Report) -> None:
    """What tables share, they must not give out twice. One that has none written takes an equal part."""
    given: dict[tuple[Any, str], int] = {}
    together: dict[tuple[Any, str], int] = {}
    venues = [(path, venue) for path, venue in tables(good, "venues") if venue.get("adapter") != "kraken"]
    for _, venue in venues:
        together[_host(venue)] = together.get(_host(venue), 0) + 1
    for path, venue in venues:
        place = _host(venue)
        percent = venue.get("request_share_percent", 0)
        given[place] = given.get(place, 0) + (percent or 100 // together[place])
        if percent and given[place] > 100:
            report(
                (*path, "request_share_percent"),
                f"is {percent}, and with it the tables of this venue may spend {given[place]} % of what they share",
                "lower it, or leave it out everywhere for equal parts",
            )


def _host(venue: _Table) -> tuple[Any, str]:
    return venue.get("adapter"), urlsplit(venue.get("rest_url", "")).netloc.lower()


def _check_people(good: _Table, report: Report) -> None:
    """With one person, every kill would be for ever; with none that may be what is wanted, and is said elsewhere."""
    people = [(path, person) for path, person in tables(good, "people")]
    if any("may" not in person or "name" not in person for _, person in people):
        return
    who = [(path, person) for path, person in people if "release" in person["may"]]
    if len(who) == 1:
        path, person = who[0]
        report(
            (*path, "may"),
            f'"{person["name"]}" is the only one who may release a kill, and two different people must',
            'add a second [[people]] with may = ["release"]',
        )


def check_keys(good: _Table, base: Path, report: Report) -> None:
    """Report key files that are the same file, or hold the same API key, in two places. Secrets are not read."""
    files: dict[Path, str] = {}
    keys: dict[bytes, tuple[str, Path]] = {}
    for where, table, own in _credentials(good):
        shared = False
        for name in ("api_key_file", "secret_file"):
            if name in table:
                holder = files.setdefault(Path(realpath(base / table[name])), own)
                if holder != own:
                    shared = True
                    report((*where, name), f"is the file that {holder} uses", _REMEDY)
        if not shared and "api_key_file" in table:
            _check_key(keys, Path(realpath(base / table["api_key_file"])), (*where, "api_key_file"), own, report)


_REMEDY = "give each a key of its own in files of its own: with one key, each would act on what is the other's"


def _check_key(keys: dict[bytes, tuple[str, Path]], path: Path, where: KeyPath, own: str, report: Report) -> None:
    """A venue's undertaker with the very file of its venue is told elsewhere (``config/relations.py``)."""
    if secret_path_problem(path) is not None:
        return
    with path.open("rb") as file:
        key = file.read(_KEY_BYTES_MAX).strip()
    holder, its_path = keys.setdefault(key, (own, path))
    if key and its_path != path:
        report(where, f"holds the API key that {holder} uses", _REMEDY)


def _credentials(good: _Table) -> Iterator[tuple[KeyPath, _Table, str]]:
    """Each credentials table, with whose it is."""
    for path, venue in tables(good, "venues"):
        for table in CREDENTIAL_TABLES:
            if isinstance(venue.get(table), dict):
                yield (*path, table), venue[table], f'venue "{venue.get("name", path[1])}"'


# -- request limits ----------------------------------------------------------------------------------------------


def request_share_percent(config: EngineConfig, venue: VenueSettings) -> int:
    """What one venue table may spend of the request limits that it shares with others.

    Binance counts requests per IP, and all venue actors of a configuration are taken to have the same; Coinbase per
    user, of whom every key here is taken to be. So the tables of one adapter and host share: each has what it was
    given, or an equal part. Kraken counts per key and per account: every table has all of its own.
    """
    if venue.adapter == "kraken":
        return 100
    place = _place(venue)
    together = sum(_place(each) == place for each in config.venues)
    return venue.request_share_percent or max(1, 100 // together)


def _place(venue: VenueSettings) -> tuple[str, str]:
    return venue.adapter, urlsplit(venue.rest_url).netloc.lower()
