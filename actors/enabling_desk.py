"""Where a person lets a throttled strategy trade again: in the risk actor, which checks, records and passes on.

    StrategyEnable ──person, signature, window──▶ journal ──▶ venue actor ──StrategyEnabled──▶ journal ──▶ the person

The venue actor does it and keeps it (``venue_throttle.py``); here is the record of who wanted it, also when it failed.
"""

from collections.abc import Callable, Mapping

import msgspec

from actors.places import venue_actor
from engine.actor import Context
from engine.journal import JournalFull
from engine.messages import StrategyEnable, StrategyEnabled, ThrottledStrategy, ThrottleRecords, VenueTelemetry
from risk.enabling import EnablingRules

__all__ = ["EnablingAsked", "EnablingDesk", "EnablingEnded"]


class EnablingAsked(msgspec.Struct, frozen=True, array_like=True, gc=False, tag=162):
    """A person's word that counted, before it was passed on."""

    enable: StrategyEnable
    wall_time_ns: int


class EnablingEnded(msgspec.Struct, frozen=True, array_like=True, gc=False, tag=163):
    """What the venue actor said to it."""

    enabled: StrategyEnabled
    wall_time_ns: int


_encode = msgspec.msgpack.Encoder().encode


class EnablingDesk:
    """``latest`` is the account's newest telemetry by venue actor, which says who is throttled."""

    def __init__(
        self, rules: EnablingRules, venue_actors: tuple[str, ...], latest: Callable[[], Mapping[str, VenueTelemetry]]
    ) -> None:
        self._rules, self._venue_actors, self._latest = rules, venue_actors, latest
        self._askers: dict[ThrottledStrategy, str] = {}

    def start(self, ctx: Context) -> None:
        self._ctx = ctx

    def throttled(self) -> tuple[ThrottledStrategy, ...]:
        return tuple(each for telemetry in self._latest().values() for each in telemetry.throttled)

    def on_query(self, sender: str) -> None:
        self._answer(sender, "")

    def on_enable(self, sender: str, enable: StrategyEnable, now_ns: int) -> None:
        wall_ns = self._ctx.wall_ns(now_ns)
        actor = venue_actor(enable.throttled.instrument.partition(":")[0])
        refusal = self._rules.refusal(enable, wall_ns)
        if not refusal and actor not in self._venue_actors:
            refusal = f"{enable.throttled.instrument} is not of this account"
        if not refusal and not self._record(EnablingAsked(enable, wall_ns), now_ns):
            refusal = "the journal has no room to record it"
        if not refusal and not self._ctx.send(actor, enable):
            refusal = f"{actor} cannot be reached"
        throttled = enable.throttled
        self._ctx.log(
            "enabling", strategy=throttled.strategy_id, instrument=throttled.instrument, person=enable.person,
            refusal=refusal,
        )  # fmt: skip
        if refusal:
            self._answer(sender, refusal)
        else:
            self._askers[throttled] = sender

    def on_enabled(self, sender: str, enabled: StrategyEnabled, now_ns: int) -> None:
        """A venue actor's answer. One that was not asked for is no record: nobody's word stood behind it."""
        if sender != venue_actor(enabled.throttled.instrument.partition(":")[0]):
            return
        asker = self._askers.pop(enabled.throttled, None)
        if asker is not None:
            self._record(EnablingEnded(enabled, self._ctx.wall_ns(now_ns)), now_ns)
            self._ctx.send(asker, ThrottleRecords((enabled.throttled,), enabled.refusal))

    def _record(self, record: EnablingAsked | EnablingEnded, now_ns: int) -> bool:
        try:
            self._ctx.journal.append(_encode(record), now_ns)
        except JournalFull as error:
            self._ctx.log("enabling not recorded", error=str(error))
            return False
        return True

    def _answer(self, to: str, refusal: str) -> None:
        self._ctx.send(to, ThrottleRecords(self.throttled(), refusal))
