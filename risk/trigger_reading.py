"""What triggers are made of: what each is told by its configuration, what it is shown, and what it reads from that."""

from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple, Protocol, TypeVar

import msgspec

from engine.codes import KillMode
from engine.instrument import decimal_text, plain
from engine.messages import VenueTelemetry

__all__ = [
    "AccountRound",
    "Gauge",
    "Observation",
    "Reading",
    "Silence",
    "TriggerSpec",
    "instrument_name",
    "millis_text",
    "nanos_text",
]


class TriggerSpec(msgspec.Struct, frozen=True):
    """One ``[[triggers]]`` table, in the units of the code.

    ``threshold`` counts what its kind measures (``docs/triggers.md``): billionths of ``asset``, ns, millionths, events.
    ``venue_actors`` and ``instruments`` (by ``instrument_name``) are what is watched: all that ``scope`` covers.
    ``again_percent``: what may get worse after a release, of the threshold (``Trigger.released``).
    ``start_ns``: for how long after the watch began a venue actor may not have been heard of yet.
    """

    kind: str
    scope: str
    mode: KillMode
    consecutive: int
    rearm_percent: int
    venue_actors: tuple[str, ...]
    instruments: tuple[str, ...]
    threshold: int = 0
    window_ns: int = 0
    start_ns: int = 0
    asset: str = ""
    again_percent: int = 0


class AccountRound(NamedTuple):
    """The latest telemetry of every venue actor that was ever heard of; complete when each that is alive has spoken
    anew. ``number`` counts rounds, ``day`` is the UTC day since 1970."""

    number: int
    day: int
    latest: Mapping[str, VenueTelemetry]


class Silence(NamedTuple):
    """When each venue actor was heard of last, on the watch's own clock; one that never was is not in it."""

    now_ns: int
    began_ns: int
    heard_ns: Mapping[str, int]


Observation = VenueTelemetry | AccountRound | Silence


class Reading(NamedTuple):
    """``value`` as large as it is bad. ``inputs`` says what it was made of; asked only when it counts."""

    subject: str
    value: int
    inputs: Callable[[], str]


Seen = TypeVar("Seen", contravariant=True)


class Gauge(Protocol[Seen]):
    """Reads one kind of trouble. ``looks_at`` is the type of observation it reads; ``formula`` says how the value comes
    about; ``text`` writes a value or a threshold with its unit."""

    @property
    def looks_at(self) -> type: ...

    @property
    def formula(self) -> str: ...

    def read(self, observation: Seen) -> Iterable[Reading]:
        """One reading of each subject that can be measured now."""
        ...

    def text(self, value: int) -> str: ...


def instrument_name(venue_actor: str, symbol: str) -> str:
    """An instrument as triggers name it, in every life of everything: ids follow the order of a file."""
    return f"{venue_actor}:{symbol}"


def millis_text(value_ns: int) -> str:
    return f"{plain(decimal_text(value_ns, 6))} ms"


def nanos_text(nanos: int) -> str:
    return plain(decimal_text(nanos, 9))
