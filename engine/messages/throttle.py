"""Strategies that fired too often, and the people who let them go on."""

import msgspec

from engine.messages.shape import MessageBase

__all__ = ["StrategyEnable", "StrategyEnabled", "ThrottleQuery", "ThrottleRecords", "ThrottledStrategy"]


class ThrottledStrategy(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A strategy that fired too often in one instrument (``VENUE:SYMBOL``) at ``since_ns`` (UTC), and waits for a
    person."""

    strategy_id: str
    instrument: str
    since_ns: int


class ThrottleQuery(MessageBase, frozen=True, tag=85):
    """Asks a risk actor which strategies of its account wait for a person. Answered by ThrottleRecords."""


class ThrottleRecords(MessageBase, frozen=True, tag=86):
    """Who waits, and why what was asked for was not done (empty: it was)."""

    throttled: tuple[ThrottledStrategy, ...]
    refusal: str = ""


class StrategyEnable(MessageBase, frozen=True, tag=87):
    """A person lets a throttled strategy trade the instrument again; sent to the risk actor of its account, which
    checks who it is and passes it on to the venue actor. ``since_ns`` binds it to one throttling, so it is good for
    no later one. ``signature`` is Ed25519, in hex, over ``risk.enabling.enabling_text``. Answered by
    ThrottleRecords."""

    throttled: ThrottledStrategy
    person: str
    expires_ns: int
    signature: str


class StrategyEnabled(MessageBase, frozen=True, tag=88):
    """The venue actor's answer to its risk actor; ``refusal`` says why it was not done (empty: it was)."""

    throttled: ThrottledStrategy
    refusal: str = ""
