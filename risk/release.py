"""Release: a kill ends by the agreement of two people, or not at all.

    pressed ──cooling off──┐
    approval of one person ┼──▶ nothing missing ──▶ standing asked: no order unknown ──▶ released
    approval of another    ┘

An approval is bound to one kill (its id, scope and mode) and to a time that lies within the release window; both must
count at the same moment. What is checked here is everything but the standing of the orders, which only venue actors
know. Wall clocks can be set: so the time since an approval came, and since the kill, also counts on the monotonic clock
as far as this process has seen it, and the less favourable of the two decides.
"""

from typing import NamedTuple

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from engine.errors import UsageError
from engine.messages import KillApproval, KillApprover

__all__ = ["PEOPLE_NEEDED", "ReleaseCase", "ReleaseRules", "approval_text", "is_signed"]

#: So many different people release a kill.
PEOPLE_NEEDED = 2
#: Approvals that one kill keeps at most, newest first by person.
_PEOPLE_MAX = 64


def approval_text(kill_id: str, scope: str, mode: str, expires_ns: int) -> bytes:
    """What a person signs. No part can be read as another: none of them contains a line break."""
    return "\n".join(("haltline release", kill_id, scope, mode, str(expires_ns))).encode()


def is_signed(public_key: str, signature: str, text: bytes) -> bool:
    """Whether ``text`` was signed with the key to this raw Ed25519 public key; both in hex."""
    try:
        Ed25519PublicKey.from_public_bytes(bytes.fromhex(public_key)).verify(bytes.fromhex(signature), text)
    except (InvalidSignature, ValueError):
        return False
    return True


class ReleaseRules(msgspec.Struct, frozen=True):
    """``people``: who may release, by name, with their raw Ed25519 public keys in hex."""

    people: dict[str, str]
    window_ns: int
    cooling_off_ns: int

    def validate(self) -> None:
        """Raises UsageError for a key that two people share: one person must not count as two."""
        by_key: dict[str, str] = {}
        for person, key in self.people.items():
            if key in by_key:
                raise UsageError(f"{by_key[key]} and {person} have the same public key; two people release a kill")
            by_key[key] = person


class _Seen(NamedTuple):
    approval: KillApproval
    wall_ns: int
    #: When it came, on this process's monotonic clock; -1 when an earlier life saw it.
    at_ns: int


class ReleaseCase:
    """The approvals of one kill. ``pressed_ns`` is the monotonic time, -1 when an earlier life saw it pressed."""

    def __init__(
        self, rules: ReleaseRules, kill_id: str, scope: str, mode: str, pressed_wall_ns: int, pressed_ns: int = -1
    ) -> None:
        self._rules = rules
        self._bound = (kill_id, scope, mode)
        self._pressed_wall_ns = pressed_wall_ns
        self._pressed_ns = pressed_ns
        self._seen: dict[str, _Seen] = {}

    def refusal(self, approval: KillApproval, wall_ns: int) -> str:
        """Why this approval does not count; empty when it does."""
        key = self._rules.people.get(approval.person)
        if key is None:
            known = ", ".join(self._rules.people) or "nobody"
            return f"{approval.person!r} may not release: the configuration names {known}"
        if approval.kill_id != self._bound[0]:
            return f"the approval is for kill {approval.kill_id}, not {self._bound[0]}"
        text = approval_text(*self._bound, approval.expires_ns)
        if not is_signed(key, approval.signature, text):
            return f"the signature is not {approval.person}'s over this kill's id, scope and mode"
        if approval.expires_ns <= wall_ns:
            return "the approval has expired; sign a new one"
        if approval.expires_ns > wall_ns + self._rules.window_ns:
            return f"the approval is good for more than the release window of {_seconds(self._rules.window_ns)}"
        return ""

    def approve(self, approval: KillApproval, wall_ns: int, at_ns: int = -1) -> None:
        """Take an approval that was not refused, or that the journal has. A person's newer one replaces the older."""
        if approval.person in self._seen or len(self._seen) < _PEOPLE_MAX:
            self._seen[approval.person] = _Seen(approval, wall_ns, at_ns)

    def approvers(self, wall_ns: int, now_ns: int) -> tuple[KillApprover, ...]:
        """Whose approval counts now."""
        return tuple(
            KillApprover(person, seen.wall_ns, seen.approval.expires_ns)
            for person, seen in self._seen.items()
            if person in self._rules.people and self._counts(seen, wall_ns, now_ns)
        )

    def missing(self, wall_ns: int, now_ns: int) -> tuple[str, ...]:
        """What a release still needs, apart from the standing of the orders."""
        missing = []
        have = self.approvers(wall_ns, now_ns)
        if len(have) < PEOPLE_NEEDED:
            may = [person for person in self._rules.people if person not in {each.person for each in have}]
            names = f" (of {', '.join(may)})" if may else ", and the configuration names nobody else who may"
            missing.append(f"{PEOPLE_NEEDED - len(have)} more approval(s){names}")
        elapsed_ns = wall_ns - self._pressed_wall_ns
        if self._pressed_ns >= 0:
            elapsed_ns = min(elapsed_ns, now_ns - self._pressed_ns)
        if elapsed_ns < self._rules.cooling_off_ns:
            missing.append(f"{_seconds(self._rules.cooling_off_ns - elapsed_ns)} of the cooling-off time")
        return tuple(missing)

    def _counts(self, seen: _Seen, wall_ns: int, now_ns: int) -> bool:
        if not seen.wall_ns <= wall_ns < seen.approval.expires_ns:
            return False
        return seen.at_ns < 0 or now_ns - seen.at_ns < self._rules.window_ns


def _seconds(duration_ns: int) -> str:
    return f"{-(-duration_ns // 1_000_000_000)} s"
