"""Where people ask for the end of a kill: approvals come in, and what is missing goes out.

    KillApproval ──signature, person, window──▶ journal ──▶ counts
    KillRelease ──nothing missing──▶ KillCheck to every venue actor in scope ──all answer, none unknown──▶ the end

The venue actors are asked at that very moment, not believed from before: an order may have become unknown since.
"""

from collections.abc import Callable

import msgspec

from engine.actor import Context
from engine.messages import KillApproval, KillCheck, KillReceipt, KillRecords, KillRelease, KillStanding
from risk.kill_register import HeldKill, KillApproved, KillRegister

__all__ = ["ReleaseDesk"]

#: A venue actor that has not said by then how its orders stand keeps the kill.
_ANSWER_NS = 2_000_000_000

_Record = Callable[[KillApproved, int], bool]


class _Check:
    """One release that waits for the venue actors."""

    __slots__ = ("asker", "due_ns", "nonce", "waiting")

    def __init__(self, asker: str, nonce: int, waiting: set[str], due_ns: int) -> None:
        self.asker = asker
        self.nonce = nonce
        self.waiting = waiting
        self.due_ns = due_ns


class ReleaseDesk:
    """``record`` journals an approval, False when there is no room; ``end`` releases a kill, False likewise."""

    def __init__(
        self,
        ctx: Context,
        register: KillRegister,
        record: _Record,
        end: Callable[[HeldKill, tuple[str, ...], int], bool],
    ) -> None:
        self._ctx = ctx
        self._register = register
        self._record = record
        self._end = end
        self._checks: dict[str, _Check] = {}
        self._nonce = 0

    def on_approval(self, sender: str, approval: KillApproval, now_ns: int) -> None:
        wall_ns = self._ctx.wall_ns(now_ns)
        held = self._held(sender, approval.kill_id)
        if held is None:
            return
        refusal = held.release.refusal(approval, wall_ns)
        if not refusal and not self._record(KillApproved(approval, wall_ns), now_ns):
            refusal = "the journal has no room for the approval"
        if not refusal:
            held.release.approve(approval, wall_ns, now_ns)
        self._ctx.log("approval", kill_id=approval.kill_id, person=approval.person, refusal=refusal)
        self._answer(sender, held, refusal, now_ns)

    def on_release(self, sender: str, release: KillRelease, now_ns: int) -> None:
        held = self._held(sender, release.kill_id)
        if held is None:
            return
        missing = self._missing(held, now_ns)
        if missing:
            self._ctx.log("release refused", kill_id=release.kill_id, by=release.by, text=missing)
            self._answer(sender, held, missing, now_ns)
            return
        previous = self._checks.pop(release.kill_id, None)
        if previous is not None:
            self._answer(previous.asker, held, "another release of it was asked for", now_ns)
        self._nonce += 1
        actors = held.case.venue_actors
        check = _Check(sender, self._nonce, set(actors), now_ns + _ANSWER_NS)
        self._checks[release.kill_id] = check
        for actor in actors:
            self._ctx.send(actor, KillCheck(release.kill_id, held.kill.scope, check.nonce))
        self._end_if_all_answered(held, check, now_ns)

    def on_standing(self, standing: KillStanding, now_ns: int) -> None:
        check = self._checks.get(standing.kill_id)
        held = self._register.held.get(standing.kill_id)
        if check is None or held is None or check.nonce != standing.nonce:
            return
        if standing.failure:
            self._fail(held, check, f"{standing.venue_actor}: {standing.failure}", now_ns)
        elif standing.unknown_orders:
            text = f"{standing.unknown_orders} orders at {standing.venue_actor} whose outcome is not known"
            self._fail(held, check, text, now_ns)
        else:
            check.waiting.discard(standing.venue_actor)
            self._end_if_all_answered(held, check, now_ns)

    def sweep(self, now_ns: int) -> None:
        for kill_id, check in list(self._checks.items()):
            held = self._register.held.get(kill_id)
            if held is None:
                del self._checks[kill_id]
            elif now_ns >= check.due_ns:
                self._fail(held, check, f"no answer from {', '.join(sorted(check.waiting))}", now_ns)

    # -- inside ---------------------------------------------------------------------------------------------

    def _held(self, sender: str, kill_id: str) -> HeldKill | None:
        held = self._register.held.get(kill_id)
        if held is not None and held.end is None:
            return held
        known = ", ".join(self._register.held) or "none"
        self._ctx.send(sender, KillRecords((), f"no kill {kill_id[:64]!r} holds; those that do: {known}"))
        return None

    def _missing(self, held: HeldKill, now_ns: int) -> str:
        return "; ".join(self._register.missing(held, self._ctx.wall_ns(now_ns), now_ns))

    def _end_if_all_answered(self, held: HeldKill, check: _Check, now_ns: int) -> None:
        if check.waiting:
            return
        del self._checks[held.kill.kill_id]
        refusal = self._missing(held, now_ns)  # an approval may have run out while the venue actors were asked
        wall_ns = self._ctx.wall_ns(now_ns)
        people = tuple(each.person for each in held.release.approvers(wall_ns, now_ns))
        if not refusal and not self._end(held, people, now_ns):
            refusal = "the journal has no room to record the release"
        self._answer(check.asker, held, refusal, now_ns, released_ns=0 if refusal else wall_ns)

    def _fail(self, held: HeldKill, check: _Check, text: str, now_ns: int) -> None:
        del self._checks[held.kill.kill_id]
        self._ctx.log("release refused", kill_id=held.kill.kill_id, text=text)
        self._answer(check.asker, held, text, now_ns)

    def _answer(self, to: str, held: HeldKill, refusal: str, now_ns: int, *, released_ns: int = 0) -> None:
        receipt: KillReceipt = self._register.receipt(held, self._ctx.wall_ns(now_ns), now_ns, released_ns)
        if refusal:
            receipt = msgspec.structs.replace(receipt, missing=receipt.missing or (refusal,))
        self._ctx.send(to, KillRecords((receipt,), refusal))
