"""What a kill covers: a conjunction of a venue, an account, a strategy and an instrument, or everything.

    global
    venue:binance
    account:main+instrument:binance:BTCUSDT

``instrument:SYMBOL`` will do when one venue has that symbol. A scope that is blank, misspelt, names something twice or
covers nothing at all is refused: it is never widened, and never silently empty.
"""

from collections.abc import Iterable
from typing import NamedTuple

import msgspec

from engine.errors import UsageError

__all__ = ["DRILL_SCOPE", "GLOBAL_SCOPE", "SCOPE_KINDS", "Scope", "TradingNames", "parse_scope", "read_scope"]

#: What a scope can name, in the order of ``Scope``.
SCOPE_KINDS = ("venue", "account", "strategy", "instrument")
_SHOWN_MAX = 40


class TradingNames(msgspec.Struct, frozen=True):
    """Everything that a scope can name, and how it belongs together: the part of a configuration that kills need.

    ``venues`` maps each venue to its account, ``strategies`` each strategy to its venue; ``routed`` has the venues of
    those that trade at several. Instruments are ``VENUE:SYMBOL``.
    """

    accounts: tuple[str, ...] = ()
    venues: dict[str, str] = {}
    strategies: dict[str, str] = {}
    instruments: tuple[str, ...] = ()
    routed: dict[str, tuple[str, ...]] = {}

    def trades_at(self, strategy: str, venue: str) -> bool:
        """Whether a strategy may have orders at a venue."""
        return venue == self.strategies.get(strategy) or venue in self.routed.get(strategy, ())


class Scope(NamedTuple):
    """An empty text covers all of its kind; ``instrument`` is ``VENUE:SYMBOL``. Drills cover nothing."""

    venue: str = ""
    account: str = ""
    strategy: str = ""
    instrument: str = ""
    is_drill: bool = False

    @property
    def is_global(self) -> bool:
        return not self.is_drill and not any(self[:4])

    @property
    def text(self) -> str:
        """As ``parse_scope`` reads it, in one spelling."""
        if self.is_drill:
            return "drill"
        return "+".join(f"{kind}:{name}" for kind, name in zip(SCOPE_KINDS, self[:4], strict=True) if name) or "global"

    def covers(self, venue: str, account: str, strategy: str, instrument: str) -> bool:
        """Whether an order of exactly these is covered."""
        order = (venue, account, strategy, instrument)
        return not self.is_drill and all(mine in ("", its) for mine, its in zip(self[:4], order, strict=True))

    def covers_all_of(self, venue: str, account: str) -> bool:
        """Whether everything of this venue's actor is covered, whatever strategy and instrument."""
        return self.reaches(venue, account) and not self.strategy and not self.instrument

    def reaches(self, venue: str, account: str) -> bool:
        """Whether anything of this venue's actor may be covered, as far as venue, account and instrument tell."""
        mine = self.instrument.partition(":")[0] if self.instrument else self.venue
        return not self.is_drill and mine in ("", venue) and self.account in ("", account)

    def venues(self, names: TradingNames) -> tuple[str, ...]:
        """The venues whose actors it reaches. A drill goes to all of them, and stops none."""
        return tuple(
            venue
            for venue, account in names.venues.items()
            if self.is_drill
            or (self.reaches(venue, account) and (not self.strategy or names.trades_at(self.strategy, venue)))
        )


GLOBAL_SCOPE = Scope()
#: Goes the whole way of a kill without stopping anybody.
DRILL_SCOPE = Scope(is_drill=True)


def parse_scope(text: str, names: TradingNames) -> Scope:
    """Read a scope. Raises UsageError that lists what is valid for anything but a known, non-empty scope, exactly."""
    if text == "global":
        return GLOBAL_SCOPE
    if text == "drill":
        return DRILL_SCOPE
    terms = dict.fromkeys(SCOPE_KINDS, "")
    for term in text.split("+"):
        kind, _, name = term.partition(":")
        if kind not in SCOPE_KINDS or not name:
            raise UsageError(f"kill scope {text!r} is unknown; valid scopes here: {_valid(names)}")
        if terms[kind]:
            raise UsageError(f"kill scope {text!r} names {kind} twice; press one kill for each")
        terms[kind] = _known(text, kind, name, names)
    scope = Scope(terms["venue"], terms["account"], terms["strategy"], terms["instrument"])
    venue = scope.instrument.partition(":")[0]
    if (scope.venue and venue not in ("", scope.venue)) or not scope.venues(names):
        raise UsageError(f"kill scope {text!r} covers nothing here: its terms have nothing in common")
    return scope


def read_scope(text: str) -> Scope:
    """A scope as ``Scope.text`` writes it, whatever its names: for what was checked when it was pressed.

    Raises UsageError for a text that is none.
    """
    if text == "global":
        return GLOBAL_SCOPE
    if text == "drill":
        return DRILL_SCOPE
    terms = dict.fromkeys(SCOPE_KINDS, "")
    for term in text.split("+"):
        kind, _, name = term.partition(":")
        if kind not in SCOPE_KINDS or not name or terms[kind]:
            raise UsageError(f"kill scope {text!r} cannot be read")
        terms[kind] = name
    return Scope(terms["venue"], terms["account"], terms["strategy"], terms["instrument"])


def _known(text: str, kind: str, name: str, names: TradingNames) -> str:
    known: Iterable[str] = {
        "venue": names.venues,
        "account": names.accounts,
        "strategy": names.strategies,
        "instrument": names.instruments,
    }[kind]
    if name in known:
        return name
    matches = [full for full in names.instruments if full.partition(":")[2] == name] if kind == "instrument" else []
    if len(matches) == 1:
        return matches[0]
    if matches:
        choice = ", ".join(f"instrument:{full}" for full in matches)
        raise UsageError(f"kill scope {text!r}: several venues have that symbol; name one of {choice}")
    raise UsageError(f"kill scope {text!r} is unknown; valid scopes here: {_valid(names)}")


def _valid(names: TradingNames) -> str:
    terms = [
        "global",
        *(f"venue:{name}" for name in sorted(names.venues)),
        *(f"account:{name}" for name in sorted(names.accounts)),
        *(f"strategy:{name}" for name in sorted(names.strategies)),
        *(f"instrument:{name}" for name in sorted(names.instruments)),
    ]
    shown = ", ".join(terms[:_SHOWN_MAX]) + (", …" if len(terms) > _SHOWN_MAX else "")
    return f"{shown}, or several of different kinds joined by +"
