"""Bugs of the promise Lease: trading without the right to."""

from typing import Any

from actors import epochs, kill_switch, risk
from actors.venue_lease import VenueLease
from cli.simulation.bugs.planting import Bug, Patch
from engine.codes import Reason
from risk.gate import Gate
from risk.lease import FOREVER_NS, LeaseGrantor

__all__ = ["BUGS"]

_FAR_NS = 1 << 62


def _second_look_skipped() -> list[Patch]:
    return [(Gate, "may_send", lambda self, *arguments: Reason.NONE)]


def _lease_never_expires() -> list[Patch]:
    grant = Gate.grant
    return [(Gate, "grant", lambda self, epoch, expires_ns: grant(self, epoch, _FAR_NS))]


def _lease_counted_from_receipt() -> list[Patch]:
    taken = VenueLease.on_grant

    def on_grant(self: VenueLease, given: Any, now_ns: int) -> None:
        taken(self, given, now_ns)
        self._gate.grant(self.epoch, now_ns + given.duration_ns)

    return [(VenueLease, "on_grant", on_grant)]


def _grants_without_authority() -> list[Patch]:
    return [(LeaseGrantor, "authorize", lambda self, expires_ns: setattr(self, "_authority_expires_ns", FOREVER_NS))]


def _epoch_reused() -> list[Patch]:
    def begin(journal: Any, last_epoch: int, now_ns: int) -> int:
        return max(last_epoch, epochs.begin_epoch(journal, 0, now_ns))

    return [(risk, "begin_epoch", begin), (kill_switch, "begin_epoch", begin)]


BUGS = (
    Bug(
        "second-look-skipped",
        "latch and lease are not read again before the write",
        _second_look_skipped,
        ("Lease", "Halt"),
    ),
    Bug("lease-never-expires", "a lease once granted stands for ever", _lease_never_expires, ("Lease",)),
    Bug(
        "lease-counted-from-receipt",
        "a lease runs from when its grant arrived",
        _lease_counted_from_receipt,
        ("Lease",),
    ),
    Bug("grants-without-authority", "the risk actor grants more than it holds", _grants_without_authority, ("Lease",)),
    Bug("epoch-reused", "a new life grants in the epoch of the last", _epoch_reused, ("Lease",)),
)
