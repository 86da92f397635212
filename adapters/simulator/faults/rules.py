"""The rules of a fault script: what goes wrong at a simulated venue, when, and how often.

One struct per kind of fault; ``do`` names it in a file. All times count from the first connection that the venue gets.
Every rule draws from its own seeded generator, so a run can be repeated. ``docs/faults.md`` has an example of each.
"""

from typing import Annotated, Literal

import msgspec

__all__ = [
    "BadChecksum",
    "Ban",
    "CancelMissing",
    "ClockSkew",
    "Delay",
    "Disconnect",
    "Drop",
    "Duplicate",
    "ExpireKey",
    "Fault",
    "FaultScript",
    "Fill",
    "FillLate",
    "FillOnCancel",
    "Gap",
    "HalfOpen",
    "InDoubt",
    "LinkKind",
    "LoseAck",
    "Maintenance",
    "MessageFault",
    "PartialBatch",
    "Refuse",
    "RefusedWhy",
    "Reorder",
    "RevokeKey",
    "SlowReader",
    "TimedFault",
    "families",
]

_DAY_MS = 86_400_000
Milliseconds = Annotated[int, msgspec.Meta(ge=0, le=_DAY_MS)]
Duration = Annotated[int, msgspec.Meta(ge=1, le=_DAY_MS)]
Count = Annotated[int, msgspec.Meta(ge=0, le=1_000_000)]
Positive = Annotated[int, msgspec.Meta(ge=1, le=1_000_000)]
Percent = Annotated[int, msgspec.Meta(ge=1, le=100)]
Skew = Annotated[int, msgspec.Meta(ge=-_DAY_MS, le=_DAY_MS)]

#: ``private``: the connection that has our orders' news; ``public``: market data; ``http``: requests that are not on a
#: WebSocket. On a venue that serves both on one path, what is asked for on a connection tells which it is.
LinkKind = Literal["any", "private", "public", "http"]
Request = Literal["order", "replace", "cancel", "query", "subscribe", "command", "request"]
Message = Literal[
    "any",
    "request",
    "order",
    "replace",
    "cancel",
    "query",
    "subscribe",
    "command",
    "answer",
    "order_answer",
    "replace_answer",
    "cancel_answer",
    "query_answer",
    "subscribe_answer",
    "push",
    "report",
    "fill",
    "balance",
    "book",
    "trade",
    "ticker",
]
#: A message, or nothing: then the clock says when.
After = Literal[
    "",
    "any",
    "request",
    "order",
    "replace",
    "cancel",
    "query",
    "subscribe",
    "command",
    "answer",
    "order_answer",
    "replace_answer",
    "cancel_answer",
    "query_answer",
    "subscribe_answer",
    "push",
    "report",
    "fill",
    "balance",
    "book",
    "trade",
    "ticker",
]
RefusedWhy = Literal["rate_limit", "ban", "clock", "key", "maintenance", "overload"]

#: What else a message of some kind is: a fill is a report, and pushed; an order, replace or cancel is a command.
_WIDER = {
    **dict.fromkeys(("order", "replace", "cancel"), "command"),
    **dict.fromkeys(("command", "query", "subscribe"), "request"),
    **dict.fromkeys(("order_answer", "replace_answer", "cancel_answer", "query_answer", "subscribe_answer"), "answer"),
    "fill": "report",
    **dict.fromkeys(("report", "balance", "book", "trade", "ticker"), "push"),
}


def families(kind: str) -> tuple[str, ...]:
    """Every name that a message of this kind goes by in a rule."""
    found = ["any", kind]
    while kind in _WIDER:
        kind = _WIDER[kind]
        found.append(kind)
    return tuple(found)


class _Rule(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="do", tag=str.lower):
    """``at_ms`` to ``until_ms`` (0: to the end): when it can happen. ``every``: to each n-th message that it is about;
    ``percent``: with this chance. ``times``: so often at most, 0 for without end. ``link``: only on such links."""

    at_ms: Milliseconds = 0
    until_ms: Milliseconds = 0
    every: Positive = 1
    percent: Percent = 100
    times: Count = 0
    link: LinkKind = "any"


class MessageFault(_Rule, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Happens to messages. Subclasses say to which: ``message``."""


class TimedFault(_Rule, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Happens at ``at_ms`` and, with ``every_ms``, again and again; or, with ``after``, whenever such a message has
    been handled. ``link``: which connections it befalls, where it befalls connections."""

    every_ms: Milliseconds = 0
    after: After = ""


# -- messages -----------------------------------------------------------------------------------------------------


class Drop(MessageFault, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="drop"):
    """It never arrives. Over HTTP nothing else does either, until the client gives the connection up."""

    message: Message


class Delay(MessageFault, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="delay"):
    """It arrives late. What the rule is about keeps its order; everything else overtakes it."""

    message: Message
    delay_ms: Duration
    jitter_ms: Milliseconds = 0


class Duplicate(MessageFault, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="duplicate"):
    """It arrives twice; a request is also carried out twice."""

    message: Message


class Reorder(MessageFault, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="reorder"):
    """The next one of its kind on the same kind of link overtakes it; it waits for that so long at most."""

    message: Message
    within_ms: Duration = 200


class LoseAck(MessageFault, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="lose_ack"):
    """It is carried out, and the answer is lost; with ``cut`` the connection too."""

    message: Literal["order", "replace", "cancel"] = "order"
    cut: bool = False


class InDoubt(MessageFault, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="in_doubt"):
    """It is answered with an error that says nothing about what became of it: which is carried out, or nothing."""

    message: Request = "order"
    performed: bool = True


class Refuse(MessageFault, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="refuse"):
    """It is refused, as the venue words that: HTTP 429 and its kind, a wrong clock, a key, maintenance, overload."""

    message: Request
    why: RefusedWhy


class FillLate(MessageFault, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="fill_late"):
    """Executions are told late, and so are the reports behind them."""

    delay_ms: Duration


class FillOnCancel(MessageFault, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="fill_on_cancel"):
    """Somebody trades against the order that a cancel or a replace is about, just before that arrives."""

    share_percent: Percent = 100


class BadChecksum(MessageFault, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="bad_checksum"):
    """A change of a book comes with what proves it wrong: its checksum, or else its sequence numbers."""


class Gap(MessageFault, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="gap"):
    """So many messages in a row are lost, and the numbering goes on."""

    message: Literal["book", "trade", "report", "balance"] = "book"
    lost: Positive = 1


class CancelMissing(MessageFault, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="cancel_missing"):
    """A cancel is answered as if it had been done, and the order stays."""


class PartialBatch(MessageFault, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="partial_batch"):
    """Of the orders that one cancel is about, every second stays."""


# -- moments ------------------------------------------------------------------------------------------------------


class Fill(TimedFault, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="fill"):
    """Somebody trades against one of our orders."""

    share_percent: Percent = 100


class Ban(TimedFault, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="ban"):
    """Every request and every new connection is refused for a while (HTTP 418 and its kind)."""

    for_ms: Duration


class ClockSkew(TimedFault, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="clock_skew"):
    """The venue's clock goes wrong by ``by_ms`` for a while."""

    by_ms: Skew
    for_ms: Duration


class Maintenance(TimedFault, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="maintenance"):
    """The venue is closed for a while: it says so, and refuses everything."""

    for_ms: Duration


class RevokeKey(TimedFault, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="revoke_key"):
    """Every API key is taken away for a while; who uses one is told as far as the venue does."""

    for_ms: Duration


class ExpireKey(TimedFault, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="expire_key"):
    """Every API key runs out for a while without a word: requests are refused, and reports just no longer come."""

    for_ms: Duration


class Disconnect(TimedFault, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="disconnect"):
    """Connections are closed, as after their 24 hours."""


class HalfOpen(TimedFault, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="half_open"):
    """Connections die without a word: nothing comes, and what is written goes nowhere, until they are closed after
    ``for_ms`` (0: never by the venue)."""

    for_ms: Milliseconds = 0


class SlowReader(TimedFault, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="slow_reader"):
    """The venue's messages get through as if the client read slowly; beyond a backlog it drops the client."""

    for_ms: Duration
    bytes_per_second: Positive


Fault = (
    Drop
    | Delay
    | Duplicate
    | Reorder
    | LoseAck
    | InDoubt
    | Refuse
    | FillLate
    | FillOnCancel
    | BadChecksum
    | Gap
    | CancelMissing
    | PartialBatch
    | Fill
    | Ban
    | ClockSkew
    | Maintenance
    | RevokeKey
    | ExpireKey
    | Disconnect
    | HalfOpen
    | SlowReader
)


class FaultScript(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A fault file. ``incident``: the row of the table of incidents that it replays, 0 for none. ``seconds``: how long
    a trial of it lasts before the kill. ``venues``: at which it makes sense; empty for all."""

    about: Annotated[str, msgspec.Meta(description="what happens, in a sentence")] = ""
    incident: Annotated[int, msgspec.Meta(ge=0, le=1_000)] = 0
    seconds: Annotated[int, msgspec.Meta(ge=1, le=3_600)] = 15
    seed: Annotated[int, msgspec.Meta(ge=0, le=2**32)] = 1
    venues: tuple[Literal["binance", "coinbase", "kraken"], ...] = ()
    fault: Annotated[tuple[Fault, ...], msgspec.Meta(min_length=1)]
