"""Halt: once a kill is on, nothing in its scope leaves, whatever restarts; and what is said to be cancelled is."""

from collections.abc import Callable, Iterable

from cli.simulation.truth import OrderTruth, Violation
from engine.codes import KillMode
from engine.messages import KillApproval, KillProgress, KillReceipt
from risk.latch import LatchPage
from risk.release import PEOPLE_NEEDED

__all__ = ["HaltPromise", "PressedKill"]

_NAME = "Halt"


class PressedKill:
    """A kill as it was pressed. What it covers is read off the scope's text here, not asked of the engine."""

    def __init__(
        self,
        kill_id: str,
        scope: str,
        mode: KillMode,
        instruments: dict[int, str],
        accounts: dict[str, str],
        pressed_ns: int,
    ) -> None:
        self.kill_id, self.scope, self.mode, self.pressed_ns = kill_id, scope, mode, pressed_ns
        #: It stands on the latch page: until two people have released it, it has to stay there.
        self.is_latched = False
        self._terms = [] if scope == "global" else [term.split(":") for term in scope.split("+")]
        self._instruments, self._accounts = instruments, accounts
        self.acknowledged: set[str] = set()
        #: People whose true approvals have reached the kill switch, and until when each counts (its wall clock).
        self.approved: dict[str, int] = {}

    def covers(self, order: OrderTruth) -> bool:
        return all(self._matches(term, order) for term in self._terms)

    def reaches(self, venue: str, venue_of: Callable[[str], str]) -> bool:
        """Whether it may cover an order of this venue actor."""
        for kind, name, *_ in self._terms:
            there = {"venue": f"venue.{name}" == venue, "account": self._accounts[venue] == name}
            there["instrument"] = f"venue.{name}" == venue
            if kind == "strategy":
                there[kind] = venue_of(name) == venue
            if not there[kind]:
                return False
        return True

    def _matches(self, term: list[str], order: OrderTruth) -> bool:
        if term[0] == "venue":
            return order.venue == f"venue.{term[1]}"
        if term[0] == "account":
            return self._accounts[order.venue] == term[1]
        if term[0] == "strategy":
            return order.strategy_id == term[1]
        return term[0] == "instrument" and self._instruments[order.instrument_id].endswith(":".join(term[1:]))


class HaltPromise:
    """``orders_of(venue)`` are the orders that a venue actor has ever written; ``accounts`` maps it to its account;
    ``shrinks(order)``: whether one that has just left can only bring positions nearer to nothing;
    ``venue_of(strategy_id)``: where a strategy trades; ``is_sealed(venue)``: whether a kill would find at this moment
    that nothing more can leave there."""

    def __init__(
        self,
        orders_of: Callable[[str], Iterable[OrderTruth]],
        accounts: dict[str, str],
        shrinks: Callable[[OrderTruth], bool],
        venue_of: Callable[[str], str],
        is_sealed: Callable[[str], bool],
    ) -> None:
        self._is_sealed = is_sealed
        self._orders_of, self._accounts, self._shrinks, self._venue_of = orders_of, accounts, shrinks, venue_of
        self.kills: dict[str, PressedKill] = {}
        self._sent: dict[str, PressedKill] = {}
        #: May be over by now, or not yet.
        self._ended: list[PressedKill] = []
        self._ever: dict[str, PressedKill] = {}

    def pressed(
        self, kill_id: str, scope: str, mode: KillMode, instruments: dict[int, str], now_ns: int, *, latched: bool
    ) -> None:
        """``latched``: the page has been written; in virtual time every gate of the host sees it at once. Otherwise
        the kill switch actor has to get the kill first."""
        kill = self._ever[kill_id] = PressedKill(kill_id, scope, mode, instruments, self._accounts, now_ns)
        kill.is_latched = latched
        (self.kills if latched else self._sent)[kill_id] = kill

    def reached(self, kill_id: str) -> None:
        """The kill switch actor is about to take a kill in."""
        kill = self._sent.pop(kill_id, None) or self.kills.get(kill_id)
        if kill is not None:
            self.kills[kill_id] = kill

    def approved(self, approval: KillApproval, is_true: bool) -> None:
        """An approval has reached the kill switch; ``is_true``: by a person who may, and signed by that person."""
        kill = self.kills.get(approval.kill_id)
        if kill is not None and is_true:
            kill.approved[approval.person] = max(approval.expires_ns, kill.approved.get(approval.person, 0))

    def release_asked(self, kill_id: str, wall_ns: int) -> None:
        """From here on, if two people stand behind it, the kill may end at any moment."""
        kill = self.kills.get(kill_id)
        if kill is not None and sum(wall_ns < expires_ns for expires_ns in kill.approved.values()) >= PEOPLE_NEEDED:
            self._ended.append(self.kills.pop(kill_id))

    def check_page(self, page: LatchPage) -> None:
        """Whatever the kill switch has been told, every kill that nobody could release stands on the page."""
        for kill in self.kills.values():
            if kill.is_latched:
                found = page.kill(kill.kill_id)
                if found is None or found.mode is not kill.mode:
                    raise Violation(_NAME, f"the latch page does not say that {kill.kill_id} is on: {found}")

    def writes_order(self, order: OrderTruth) -> None:
        if self._is_sealed(order.venue):
            raise Violation(_NAME, f"{order.client_order_id} left {order.venue} while its page said that nothing can")
        covering = [kill for kill in self.kills.values() if kill.covers(order)]
        if order.closes:
            wanted = any(kill.mode is KillMode.FLATTEN for kill in (*covering, *self._ended) if kill.covers(order))
            if not wanted or not self._shrinks(order):
                raise Violation(_NAME, f"{order.client_order_id} left {order.venue}, and no kill wants that closed")
            for kill in covering:
                if kill.mode in (KillMode.HALT, KillMode.CANCEL):
                    raise Violation(_NAME, f"{order.client_order_id} closed at {order.venue} under kill {kill.kill_id}")
            return
        for kill in covering:
            if kill.mode is not KillMode.REDUCE or not self._shrinks(order):
                told = "acknowledged" if order.venue in kill.acknowledged else "latched"
                raise Violation(_NAME, f"{order.client_order_id} left {order.venue} under kill {kill.kill_id}, {told}")

    def progress(self, progress: KillProgress) -> None:
        """A venue actor says how far it is."""
        kill = self._ever.get(progress.kill_id)
        if kill is None or progress.failure:
            return
        if progress.stage == "halted":
            kill.acknowledged.add(progress.venue_actor)
            kill.is_latched = True
            return
        is_through = progress.stage == "cancelled" and not progress.open_orders and not progress.unknown_orders
        if is_through and kill.kill_id in self.kills:
            self._check_cancelled(kill, progress.venue_actor)

    def receipt(self, receipt: KillReceipt) -> None:
        """The kill switch says how far everybody is: whoever counts as halted has said so, or was ended."""
        kill = self._ever.get(receipt.kill_id)
        for state in receipt.actors if kill is not None else ():
            if kill is not None and state.stage and state.venue_actor not in kill.acknowledged:
                raise Violation(
                    _NAME, f"{state.venue_actor} counts as {state.stage} for {kill.kill_id}, and nobody has said so"
                )

    def fenced(self, progress: KillProgress, lives_since_ns: int | None) -> None:
        """The node agent says that a venue actor has halted: it has died since the kill. ``lives_since_ns``: when its
        present life began; None: it has none."""
        kill = self._ever.get(progress.kill_id)
        if kill is None or progress.failure or lives_since_ns is None or lives_since_ns >= kill.pressed_ns:
            return
        raise Violation(_NAME, f"{progress.venue_actor} is said to have been ended for {kill.kill_id}, and lives on")

    def acts_for(self, venue: str, what: str) -> None:
        """Somebody does something to a venue actor, or in its place: only a kill that reaches it is a reason to."""
        if not any(kill.reaches(venue, self._venue_of) for kill in self._ever.values()):
            raise Violation("Isolation", f"{venue} is {what}, and no kill has ever reached it")

    def _check_cancelled(self, kill: PressedKill, venue: str) -> None:
        for order in self._orders_of(venue):
            if kill.covers(order) and (order.open_lots or order.in_flight_lots):
                raise Violation(_NAME, f"{venue} says that all is cancelled for {kill.kill_id}: {order} is not")
