"""Bugs of the promise Halt: kills that do not hold, or end too easily."""

from typing import Any

from actors.cancel_until_none import CancelUntilNone
from actors.flatten import Flattener
from actors.kill_switch import KillSwitchActor
from actors.latch_keeper import LatchKeeper
from actors.venue import VenueActor
from actors.venue_kill import VenueKill
from cli.simulation.bugs.planting import Bug, Patch
from engine.codes import KillMode, Reason, Side
from engine.messages import Refusal
from engine.order import Approved, Order
from risk import release
from risk.gate import Gate
from risk.latch import LatchPage, LatchView
from risk.latch_names import fresh_page
from risk.latch_reader import LatchReader
from risk.lease import FOREVER_NS
from risk.release import ReleaseCase
from risk.scope import TradingNames
from risk.window import SendWindow

__all__ = ["BUGS"]


def _unkilled(page: LatchReader) -> bytes:
    names = page.names
    venues, strategies = dict.fromkeys(names.venues, ""), dict.fromkeys(names.strategies, "")
    return bytes(fresh_page(TradingNames(names.accounts, venues, strategies, names.instruments)))


def _latch_ignored_after_restart() -> list[Patch]:
    replay = VenueActor._replay_journal

    def blinded(self: VenueActor, now_ns: int) -> None:
        replay(self, now_ns)
        if self._restarts:
            view = self.core.latch
            page = LatchPage(bytearray(_unkilled(view._page)), None, -1)
            self.gate._latch = LatchView(page, view.venue, view.account)
            self.gate._words = self.gate._latch.words

    return [(VenueActor, "_replay_journal", blinded)]


def _told_before_latched() -> list[Patch]:
    """The kill switch tells the venue actors and forgets the page."""

    return [
        (LatchKeeper, "store", lambda self, *arguments: None),
        (LatchKeeper, "restore", lambda self: None),
        (LatchKeeper, "explain", lambda self, held: None),
        (KillSwitchActor, "_set_authority", lambda self: self._grantor.authorize(FOREVER_NS)),
        (VenueKill, "_is_latched", lambda self, *arguments: True),
    ]


def _reduce_by_side_only() -> list[Patch]:
    checked, looked = Gate.check, Gate.may_send

    def check(self: Gate, order: Order, now_ns: int) -> Any:
        """Whatever sells what is long, or buys what is short, counts as shrinking it, however much it is."""
        answer = checked(self, order, now_ns)
        position_lots = self.position_lots(order.instrument_id)
        shrinks = position_lots > 0 if order.side is Side.SELL else position_lots < 0
        if isinstance(answer, Refusal) and answer.reason is Reason.REDUCE_ONLY and shrinks:
            self.restore(order)
            return Approved(order)
        return answer

    def may_send(self: Gate, order: Approved, now_ns: int) -> Reason:
        reason = looked(self, order, now_ns)
        return Reason.NONE if reason is Reason.REDUCE_ONLY else reason

    return [(Gate, "check", check), (Gate, "may_send", may_send)]


def _reduce_ignored() -> list[Patch]:
    store = LatchPage.store

    def storing(self: LatchPage, kill_id: str, scope: Any, mode: KillMode) -> int:
        return 1 if mode is KillMode.REDUCE else store(self, kill_id, scope, mode)

    return [(LatchPage, "store", storing)]


def _wrong_index_in_scope() -> list[Patch]:
    index_of = LatchView.index_of

    def off_by_one(self: LatchView, kind: str, name: str) -> int:
        index = index_of(self, kind, name)
        return index + 1 if kind == "strategy" else index

    return [(LatchView, "index_of", off_by_one)]


def _released_by_one_person() -> list[Patch]:
    return [(release, "PEOPLE_NEEDED", 1)]


def _signature_unchecked() -> list[Patch]:
    return [(ReleaseCase, "refusal", lambda self, approval, wall_ns: "")]


def _release_frees_all() -> list[Patch]:
    released, settle = LatchPage.release, LatchPage.settle_button

    def releasing(self: LatchPage, kill_id: str) -> bool:
        for kill in self.kills():
            self.release_tag(kill.tag)
        return released(self, kill_id)

    return [
        (LatchPage, "release", releasing),
        (LatchKeeper, "restore", lambda self: None),
        (LatchPage, "settle_button", lambda self, least: settle(self, None)),
    ]


def _flatten_over_halt() -> list[Patch]:
    """Closing orders ask whether some kill wants that closed, and not whether another lets nothing leave."""
    closing, looked = Gate.check_closing, Gate.may_send

    def passes(self: Gate, reason: Reason) -> bool:
        return reason is Reason.HALTED and any(kill.mode is KillMode.FLATTEN for kill in self._latch.kills())

    def check_closing(self: Gate, order: Order, now_ns: int) -> Approved | Refusal:
        answer = closing(self, order, now_ns)
        if isinstance(answer, Refusal) and passes(self, answer.reason):
            self.restore(order)
            return Approved(order)
        return answer

    def may_send(self: Gate, order: Approved, now_ns: int) -> Reason:
        reason = looked(self, order, now_ns)
        is_closing = order.client_order_id.startswith("flatten-")
        return Reason.NONE if is_closing and passes(self, reason) else reason

    return [
        (Flattener, "_halted_by", lambda self, strategy_id, instrument_id: ""),
        (Gate, "check_closing", check_closing),
        (Gate, "may_send", may_send),
    ]


def _flatten_overshoots() -> list[Patch]:
    """Closing takes the position as it was, and not what may already be sold of it."""
    looked = Gate.may_send

    def check_closing(self: Gate, order: Order, now_ns: int) -> Approved:
        order.quantity_lots *= 3
        self.restore(order)
        return Approved(order)

    def may_send(self: Gate, order: Approved, now_ns: int) -> Reason:
        is_closing = order.client_order_id.startswith("flatten-")
        return Reason.NONE if is_closing else looked(self, order, now_ns)

    return [(Gate, "check_closing", check_closing), (Gate, "may_send", may_send)]


def _cancel_all_once() -> list[Patch]:
    def sweep(self: CancelUntilNone, now_ns: int) -> None:
        """No second round."""

    return [(CancelUntilNone, "sweep", sweep)]


def _confirmed_without_asking() -> list[Patch]:
    answered = CancelUntilNone.on_cancel_all_answered

    def on_answered(self: CancelUntilNone, event: Any, now_ns: int) -> None:
        answered(self, event, now_ns)
        if self.active and not self._waiting:
            self.active, self.orders_listed = False, 0
            self._confirmed(now_ns)

    return [(CancelUntilNone, "on_cancel_all_answered", on_answered)]


def _window_not_entered() -> list[Patch]:
    return [(SendWindow, "enter", lambda self: None)]


BUGS = (
    Bug("window-not-entered", "orders leave while a kill would find them sealed", _window_not_entered, ("Halt",)),
    Bug("latch-ignored-after-restart", "a new life does not see the latch", _latch_ignored_after_restart, ("Halt",)),
    Bug(
        "told-before-latched", "halted is acknowledged, and the page was never written", _told_before_latched, ("Halt",)
    ),
    Bug("reduce-by-side-only", "reduce compares sides, not quantities", _reduce_by_side_only, ("Halt",)),
    Bug("reduce-ignored", "a kill of mode reduce is not latched", _reduce_ignored, ("Halt",)),
    Bug("wrong-index-in-scope", "a strategy is looked up under another's index", _wrong_index_in_scope, ("Halt",)),
    Bug("released-by-one-person", "one approval is enough for a release", _released_by_one_person, ("Halt",)),
    Bug("signature-unchecked", "anybody may approve in anybody's name", _signature_unchecked, ("Halt",)),
    Bug("release-frees-all", "the release of one kill ends the others", _release_frees_all, ("Halt",)),
    Bug("flatten-overshoots", "closing orders are larger than the position", _flatten_overshoots, ("Halt", "Limit")),
    Bug("flatten-over-halt", "a flatten closes on under a halt that covers it", _flatten_over_halt, ("Halt",)),
    Bug("cancel-all-once", "a kill cancels once and hopes", _cancel_all_once, ("Halt",)),
    Bug(
        "confirmed-without-asking",
        "cancelled is confirmed without the venue's list",
        _confirmed_without_asking,
        ("Halt",),
    ),
)
