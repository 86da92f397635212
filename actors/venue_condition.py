"""Whether a new order could leave now, told to routers: who has other venues to choose from should not have to find out
by an order.

It is looked at on the sweep and told when it has changed. What only an order can show (limits, funds) is not in it, and
nothing here admits an order: each goes through the gate all the same.
"""

from collections.abc import Callable

from actors.venue_core import VenueCore
from engine.codes import KillMode, Reason
from engine.messages import InstrumentCondition

__all__ = ["ConditionTeller"]

_Key = tuple[str, int]


class ConditionTeller:
    """``has_lease(now_ns)``: whether the right to send is live."""

    def __init__(self, core: VenueCore, has_lease: Callable[[int], bool]) -> None:
        self._core, self._has_lease = core, has_lease
        self._told: dict[_Key, InstrumentCondition] = {}
        self._reference_age_ns = {number: limits.reference_age_ns for number, _, limits in core.settings.instruments}

    def sweep(self, now_ns: int) -> None:
        core = self._core
        for strategy_id in core.settings.routed:
            attachment = core.delivery.attachments[strategy_id]
            if not attachment.attached:
                continue
            for instrument_id, definition in core.definitions.items():
                name = f"{core.settings.venue}:{definition.instrument.symbol}"
                condition = self._condition(strategy_id, instrument_id, name, now_ns)
                key = attachment.actor, instrument_id
                if self._told.get(key) != condition and core.ctx.send(attachment.actor, condition):
                    self._told[key] = condition

    def forget(self, actor: str) -> None:
        """It is gone, and will know nothing when it comes back."""
        self._told = {key: told for key, told in self._told.items() if key[0] != actor}

    def _condition(self, strategy_id: str, instrument_id: int, name: str, now_ns: int) -> InstrumentCondition:
        reason, text = self._refusal(strategy_id, instrument_id, name, now_ns)
        fees = self._core.fees.get(instrument_id)
        if fees is None:
            told = (reason, text) if reason is not Reason.NONE else (Reason.NOT_READY, "has not told its fees")
            return InstrumentCondition(instrument_id, *told, 0, 0)
        return InstrumentCondition(instrument_id, reason, text, fees.maker_nanos, fees.taker_nanos)

    def _refusal(self, strategy_id: str, instrument_id: int, name: str, now_ns: int) -> tuple[Reason, str]:
        core = self._core
        latch = core.latch
        rank = latch.rank(latch.index_of("strategy", strategy_id), latch.index_of("instrument", name))
        if rank > KillMode.REDUCE.rank:  # what reduces may leave under that: the gate tells which order does
            return Reason.HALTED, "killed"
        if core.stopped is not None:
            return core.stopped.reason, core.stopped.text
        if core.delivery.attachments[strategy_id].stopped:
            return Reason.STRATEGY_STOPPED, "the strategy was stopped"
        if not core.ready or not core.positions_known:
            return Reason.NOT_READY, "not connected and reconciled"
        if not self._has_lease(now_ns):
            return Reason.LEASE_EXPIRED, "no right to send"
        reason = core.session.send_refusal(now_ns)
        if reason in (Reason.NONE, Reason.VENUE_LINK_BUSY):  # busy is over before this could be told
            reason, quote = Reason.NONE, core.quotes.get(instrument_id)
            age_ns = self._reference_age_ns[instrument_id]
            if instrument_id in core.books_lost:
                return Reason.NO_REFERENCE_PRICE, "its book is being got anew"
            if quote is None or now_ns - quote.received_ns > age_ns:
                return Reason.NO_REFERENCE_PRICE, "its market has said nothing lately"
        return reason, ""
