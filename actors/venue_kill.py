"""A venue actor's part in a kill: say at once that nothing more can leave, then cancel until the venue shows none.

    Kill ──▶ lease revoked, latch looked at ──▶ "halted" ──▶ CancelUntilNone ──▶ "cancel_sent" … "cancelled"
    latch halted, but nobody said why (no kill switch actor alive) ──two sweeps──▶ CancelUntilNone, all the same

The latch is written before anybody is told, so the gate refuses already when a Kill arrives.
"""

from actors.cancel_until_none import CancelUntilNone
from actors.drill import is_drill
from actors.venue_core import VenueCore
from engine.codes import OrderStatus, Reason
from engine.messages import Kill, KillProgress
from risk.latch_kernel import latch_mode
from risk.latch_layout import ANY, DRILL

__all__ = ["VenueKill"]

_IN_DOUBT = (OrderStatus.PENDING_NEW, OrderStatus.UNKNOWN)


class VenueKill:
    def __init__(self, core: VenueCore) -> None:
        self._core = core
        self._kills: dict[str, Kill] = {}
        self._noticed = False
        self._emptied = False
        self.cancelling = CancelUntilNone(
            core.session,
            core.settings.instrument_ids,
            self._nothing_in_doubt,
            self._on_cancel_sent,
            self._on_cancel_failed,
            self._on_cancel_confirmed,
        )

    def on_kill(self, kill: Kill, now_ns: int) -> None:
        core = self._core
        if is_drill(kill):
            # Looked for with the gate's own eyes: an order of the drill's venue, if there were one, would be refused.
            sees = latch_mode(core.latch.words, DRILL, ANY, ANY, ANY)
            self._progress(kill, "halted", core.ctx.clock_ns(), "" if sees else "this host's latch does not show it")
            return
        core.gate.revoke()
        if core.latch.cause() is None:
            # Not the page that the kill switch wrote. "Halted" must be true all the same.
            core.stop(Reason.HALTED, f"kill {kill.kill_id} came, but this host's latch reads as trading")
        self._progress(kill, "halted", core.ctx.clock_ns())
        if kill.mode.cancels:
            self._kills[kill.kill_id] = kill
            self._begin(now_ns)
            if not core.session_live:
                self._on_cancel_failed("the venue is not connected; confirmation waits for it", now_ns)

    def on_reconciled(self, now_ns: int) -> None:
        """A session under a halted latch begins: nothing of ours may stay open, whoever left it there."""
        if self._latch_wants_cancels() and not self.cancelling.active:
            self._begin(now_ns)

    def sweep(self, now_ns: int) -> None:
        """The latch alone is enough: whoever wrote it need not be alive to see to the cancels.

        It has to be seen twice: between the word and the cause that is written after it, the mode is not known.
        """
        if self._core.latch.is_trading():
            self._noticed = self._emptied = False
        elif not self._noticed:
            self._noticed = True
        elif not self._emptied and not self.cancelling.active and self._latch_wants_cancels():
            self._core.ctx.log("the latch is halted: cancelling")
            self._begin(now_ns)
        self.cancelling.sweep(now_ns)

    def _begin(self, now_ns: int) -> None:
        self._emptied = False
        self.cancelling.begin(now_ns, live=self._core.session_live)

    def _latch_wants_cancels(self) -> bool:
        cause = self._core.latch.cause()
        return cause is not None and cause.mode.cancels

    def _nothing_in_doubt(self) -> bool:
        return not any(order.status in _IN_DOUBT and order.ending is None for order in self._core.blotter.open_orders())

    # -- progress -------------------------------------------------------------------------------------------

    def _on_cancel_sent(self, now_ns: int) -> None:
        for kill in self._kills.values():
            self._progress(kill, "cancel_sent", self._core.ctx.clock_ns())

    def _on_cancel_failed(self, text: str, now_ns: int) -> None:
        self._core.ctx.log("cancel failed", text=text)
        for kill in self._kills.values():
            self._progress(kill, "cancel_sent", now_ns, failure=text)

    def _on_cancel_confirmed(self, now_ns: int) -> None:
        self._emptied = True
        for kill in self._kills.values():
            self._progress(kill, "cancelled", now_ns)
        self._kills.clear()

    def _progress(self, kill: Kill, stage: str, at_ns: int, failure: str = "") -> None:
        """Open orders as the venue last listed them, once it has been asked; before, as we believe."""
        core = self._core
        open_orders = self.cancelling.orders_listed if stage == "cancelled" else len(core.blotter.open_orders())
        # One that has ended and only owes fills is not open at the venue, and nothing that a cancel could change.
        unknown = sum(order.ending is None for order in core.blotter.unknown_orders())
        core.ctx.send(
            core.settings.kill_actor,
            KillProgress(kill.kill_id, core.ctx.name, stage, at_ns, open_orders, unknown, failure),
        )
