"""A venue actor's part in kills: say at once that nothing more can leave, then cancel until the venue shows none.

    Kill ──▶ lease revoked, latch looked at ──▶ "halted" ──▶ ScopeKill ──▶ "cancel_sent" … "cancelled"
    in the latch, but nobody told us (no kill switch actor alive) ──two sweeps──▶ ScopeKill, all the same
    nothing open, and the kill flattens ──▶ Flattener ──▶ "flat"
    drill ──▶ as a kill, for the drill strategies alone, until its row is gone
    KillCheck (somebody wants to release it) ──▶ how its orders stand now

The latch is written before anybody is told, so the gate refuses already when a Kill arrives. Each kill touches its own
scope only; one that is no longer in the latch has been released, and is forgotten.
"""

from collections.abc import Callable
from itertools import count

from actors.flatten import Flattener
from actors.scope_kill import ScopeKill
from actors.venue_core import VenueCore
from actors.venue_orders import OrderEntry
from engine.codes import KillMode, Reason
from engine.messages import Kill, KillCheck, KillStanding
from engine.venue import CancelAllAnswered, OpenOrdersListed
from risk.latch_kernel import latch_mode
from risk.latch_layout import ANY, DRILL
from risk.scope import DRILL_SCOPE, GLOBAL_SCOPE, Scope, read_scope

__all__ = ["VenueKill"]

#: Stands for the button, or for a latch that is damaged: there is no row of it.
_NO_ROW = 0


class VenueKill:
    """``has_lease``: whether this actor has the right to send, at this moment. ``give_way``: that all may halt before
    anybody cancels, where there are fewer processors than actors."""

    def __init__(
        self,
        core: VenueCore,
        orders: OrderEntry,
        has_lease: Callable[[], bool],
        give_way: Callable[[], None],
    ) -> None:
        self._core, self._orders, self._has_lease, self._give_way = core, orders, has_lease, give_way
        self._scopes: dict[Scope, ScopeKill] = {}
        self._flatteners: dict[Scope, Flattener] = {}
        #: Kills in the latch that cancel, by tag: their scope. Those of the second set have been seen to.
        self._latched: dict[int, Scope] = {}
        self._seen_to: set[int] = set()
        #: Kills that came before the latch of this host showed them, which another actor keeps.
        self._unlatched: set[str] = set()
        #: The drill that cancels, while it lasts.
        self._drill_id = ""
        # Query ids of kills are negative, so that they never meet those of the reconciliation.
        self._query_ids = count(-1, -1)
        latch_mode(core.latch.words, DRILL, ANY, ANY, ANY)  # compiled by now: no kill shall wait for that

    # -- told by the kill switch actor ----------------------------------------------------------------------

    def on_kill(self, kill: Kill, now_ns: int) -> None:
        core, scope = self._core, read_scope(kill.scope)
        mode = KillMode(kill.mode)
        if scope.is_drill:
            self._on_drill(kill, scope, now_ns)
            return
        settings = core.settings
        if mode in (KillMode.HALT, KillMode.CANCEL) and scope.covers_all_of(settings.venue, settings.account_id):
            core.gate.revoke()
        if not self._is_latched(kill, scope, mode):
            # Not the page that the kill switch wrote. "Halted" must be true all the same.
            core.stop(Reason.HALTED, f"kill {kill.kill_id} came, but this host's latch does not show it")
            self._unlatched.add(kill.kill_id)
        here = self._scope(scope)
        here.progress(kill, "halted", core.ctx.clock_ns())
        self._give_way()
        if mode.cancels:
            here.add(kill)
            here.begin(now_ns)
            self._seen_to |= {tag for tag, latched in self._cancelling().items() if latched == scope}

    def _on_drill(self, kill: Kill, scope: Scope, now_ns: int) -> None:
        """The whole way of a kill, for the drill strategies alone: "halted" when this actor's view of the latch shows
        it, to the gate's own eyes too. Without such a strategy: an order of the venue that the row names, if there were
        one, would be refused."""
        failure = "" if self._sees_drill(kill) else "this host's latch does not show the drill"
        here = self._scope(scope)
        here.progress(kill, "halted", self._core.ctx.clock_ns(), failure)
        self._give_way()
        if KillMode(kill.mode).cancels and not failure:
            self._drill_id = kill.kill_id
            here.add(kill)
            here.begin(now_ns)

    def _end_drill(self) -> None:
        """A drill that is over, whether or not it came to its end, cancels nothing any more."""
        if self._drill_id and not self._core.latch.has(self._drill_id):
            self._drill_id = ""
            self._scopes.pop(DRILL_SCOPE, None)

    def _sees_drill(self, kill: Kill) -> bool:
        core, latch, halt = self._core, self._core.latch, KillMode.HALT.rank
        words, venue, account = latch.words, latch.venue, latch.account
        if latch_mode(words, DRILL, ANY, ANY, ANY) < halt or not latch.has(kill.kill_id):
            return False
        drilled = latch.drill_strategies & core.settings.strategies.keys()
        indices = [latch.index_of("strategy", each) for each in drilled]
        return all(latch_mode(words, venue, account, index, ANY) >= halt for index in indices)

    def _is_latched(self, kill: Kill, scope: Scope, mode: KillMode) -> bool:
        latch = self._core.latch
        strategy = latch.index_of("strategy", scope.strategy) if scope.strategy else ANY
        instrument = latch.index_of("instrument", scope.instrument) if scope.instrument else ANY
        least = min(mode.rank, KillMode.HALT.rank)  # a full table halts everything instead
        rank = latch_mode(latch.words, latch.venue, latch.account, strategy, instrument)
        return rank >= least or latch.has(kill.kill_id)

    def on_check(self, check: KillCheck) -> None:
        """How the scope's orders stand at this moment."""
        core = self._core
        here = self._scope(read_scope(check.scope))
        failure = "" if core.ready else "not connected to the venue and reconciled with it"
        standing = KillStanding(
            check.kill_id, core.ctx.name, check.nonce, len(here.open_orders()), here.unknown_orders(), failure
        )
        core.ctx.send(core.settings.kill_actor, standing)

    # -- told by the latch alone ----------------------------------------------------------------------------

    def on_reconciled(self, now_ns: int) -> None:
        """A session under a latch that cancels begins: nothing in scope may stay open, whoever left it there."""
        for scope in dict.fromkeys(self._cancelling().values()):
            here = self._scope(scope)
            if not here.cancelling.active:
                here.begin(now_ns)

    def sweep(self, now_ns: int) -> None:
        """The latch is enough: whoever wrote it need not be alive to see to the cancels.

        A kill has to be seen twice, which gives the kill switch actor the time to tell us of it first.
        """
        self._end_drill()
        if self._unlatched:
            self._unlatched = {kill_id for kill_id in self._unlatched if not self._core.latch.has(kill_id)}
            if not self._unlatched:
                self._core.go_on(Reason.HALTED)
        latched = self._cancelling()
        for tag in latched.keys() & self._latched.keys() - self._seen_to:
            self._seen_to.add(tag)
            here = self._scope(latched[tag])
            if not here.emptied and not here.cancelling.active:
                self._core.ctx.log("the latch is halted: cancelling", scope=here.scope.text)
                here.begin(now_ns)
        self._latched = latched
        self._seen_to &= latched.keys()
        for here in list(self._scopes.values()):
            here.cancelling.sweep(now_ns)
        for flattener in list(self._flatteners.values()):
            flattener.sweep(now_ns)
        self._forget()

    def _cancelling(self) -> dict[int, Scope]:
        """The scopes of every kill in the latch that reaches us and cancels, by tag."""
        latch = self._core.latch
        found = {kill.tag: kill.scope for kill in latch.kills() if kill.mode.cancels}
        button = latch.button()
        if (button is not None and button.cancels) or latch.is_damaged():
            found[_NO_ROW] = GLOBAL_SCOPE
        return found

    def _scope(self, scope: Scope) -> ScopeKill:
        here = self._scopes.get(scope)
        if here is None:
            here = self._scopes[scope] = ScopeKill(
                self._core, self._orders, scope, lambda: next(self._query_ids), self._on_emptied, self._give_way
            )
        return here

    def _forget(self) -> None:
        """Scopes that no kill in the latch names any more, once nothing of theirs is under way."""
        held = set(self._latched.values()) | ({DRILL_SCOPE} if self._drill_id else set())
        for scope, here in list(self._scopes.items()):
            if scope not in held and not here.cancelling.active:
                del self._scopes[scope]
                self._flatteners.pop(scope, None)

    def _on_emptied(self, here: ScopeKill, now_ns: int) -> None:
        """The venue has confirmed that none of the scope's orders is open: now its positions can be closed."""
        core = self._core
        core.ctx.log("nothing is open", scope=here.scope.text)
        if any(kill.scope == here.scope and kill.mode is KillMode.FLATTEN for kill in core.latch.kills()):
            flattener = Flattener(core, self._orders, here, self._has_lease, here.on_flattened)
            self._flatteners[here.scope] = flattener
            flattener.begin(now_ns)

    # -- the venue's answers --------------------------------------------------------------------------------

    def session_live(self, live: bool, now_ns: int) -> None:
        for here in self._scopes.values():
            here.cancelling.session_live(live, now_ns)

    def on_cancel_all_answered(self, event: CancelAllAnswered, now_ns: int) -> None:
        for here in list(self._scopes.values()):
            here.cancelling.on_cancel_all_answered(event, now_ns)

    def on_open_orders(self, event: OpenOrdersListed, now_ns: int) -> None:
        self._end_drill()
        for here in list(self._scopes.values()):
            here.cancelling.on_open_orders(event, now_ns)
