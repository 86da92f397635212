"""Lease: an order reaches the venue only under a live lease, counted from the moment its holder asked.

Followed from outside: requests as they leave a holder, answers as they reach it, and the holder's own clock at both.
"""

from actors.runtime.virtual_host import VirtualActor
from cli.simulation.truth import Violation
from engine.messages import LeaseGrant, LeaseRefusal, LeaseRequest

__all__ = ["LeasePromise"]

_NAME = "Lease"


class _Held:
    """What one life of one holder may count on."""

    __slots__ = ("asked", "epoch", "expires_ns", "granted_sent_ns")

    def __init__(self) -> None:
        self.asked: dict[int, int] = {}
        self.epoch = self.expires_ns = 0
        self.granted_sent_ns = -1


class LeasePromise:
    """``grantors`` maps each grantor to whom it holds its own authority from; the root holds it from nobody."""

    def __init__(self, duration_ns: int) -> None:
        self._duration_ns = duration_ns
        self._held: dict[VirtualActor, _Held] = {}
        self._epochs: dict[str, tuple[VirtualActor, int]] = {}

    def _of(self, cell: VirtualActor) -> _Held:
        held = self._held.get(cell)
        if held is None:
            held = self._held[cell] = _Held()
        return held

    def asked(self, cell: VirtualActor, request: LeaseRequest) -> None:
        self._of(cell).asked[request.sent_ns] = cell.host.clock_ns()

    def granted(self, cell: VirtualActor, grant: LeaseGrant) -> None:
        """A grant has reached its holder."""
        held = self._of(cell)
        asked_ns = held.asked.get(grant.request_sent_ns)
        if asked_ns is None or grant.epoch < held.epoch or grant.request_sent_ns < held.granted_sent_ns:
            return
        expires_ns = asked_ns + min(grant.duration_ns, self._duration_ns)
        held.expires_ns = expires_ns if grant.epoch > held.epoch else max(expires_ns, held.expires_ns)
        held.epoch, held.granted_sent_ns = grant.epoch, grant.request_sent_ns
        self._forget(held, grant.request_sent_ns)

    def refused(self, cell: VirtualActor, refusal: LeaseRefusal) -> None:
        held = self._of(cell)
        if refusal.request_sent_ns not in held.asked or refusal.epoch < held.epoch:
            return
        if refusal.epoch > held.epoch or refusal.request_sent_ns >= held.granted_sent_ns:
            held.epoch, held.expires_ns = refusal.epoch, 0
        self._forget(held, refusal.request_sent_ns)

    @staticmethod
    def _forget(held: _Held, sent_ns: int) -> None:
        for each_ns in [each_ns for each_ns in held.asked if each_ns <= sent_ns]:
            del held.asked[each_ns]

    def granting(self, cell: VirtualActor, grant: LeaseGrant, is_root: bool) -> None:
        """A grant leaves its grantor: it may not outlast what the grantor holds itself."""
        last = self._epochs.get(cell.name)
        if last is not None and last[0] is not cell and grant.epoch <= last[1]:
            raise Violation(_NAME, f"{cell.name} grants in epoch {grant.epoch}, which an earlier life of it has used")
        self._epochs[cell.name] = (cell, grant.epoch)
        ends_ns = cell.host.clock_ns() + grant.duration_ns
        if grant.duration_ns > self._duration_ns:
            raise Violation(_NAME, f"{cell.name} grants {grant.duration_ns} ns, more than {self._duration_ns}")
        if not is_root and ends_ns > self._of(cell).expires_ns:
            raise Violation(
                _NAME, f"{cell.name} grants until {ends_ns}, its own authority ends {self._of(cell).expires_ns}"
            )

    def writes_order(self, cell: VirtualActor, client_order_id: str) -> None:
        """An order leaves for the venue."""
        held, now_ns = self._of(cell), cell.host.clock_ns()
        if now_ns >= held.expires_ns:
            raise Violation(
                _NAME, f"{client_order_id} left {cell.name} at {now_ns}, its lease ended at {held.expires_ns}"
            )
