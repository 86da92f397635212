"""Who may let a throttled strategy trade again: a person whom the configuration names for it, by signature.

One person is enough: nothing is at stake beyond the limits, and a strategy that fires too often again is throttled
again. The signature is bound to this strategy, this instrument and the moment at which it was throttled.
"""

import msgspec

from engine.messages import StrategyEnable, ThrottledStrategy
from risk.release import is_signed

__all__ = ["EnablingRules", "enabling_text"]


def enabling_text(throttled: ThrottledStrategy, expires_ns: int) -> bytes:
    """What a person signs. No part can be read as another, and none of it as the release of a kill."""
    parts = ("haltline enable", throttled.strategy_id, throttled.instrument, str(throttled.since_ns), str(expires_ns))
    return "\n".join(parts).encode()


class EnablingRules(msgspec.Struct, frozen=True):
    """``people``: who may, by name, with their raw Ed25519 public keys in hex. ``window_ns``: for how long at most what
    they sign is good."""

    people: dict[str, str]
    window_ns: int

    def refusal(self, enable: StrategyEnable, wall_ns: int) -> str:
        """Why this does not count at UTC ``wall_ns``; empty when it does."""
        key = self.people.get(enable.person)
        if key is None:
            known = ", ".join(self.people) or "nobody"
            return f"{enable.person!r} may not enable a strategy: the configuration names {known}"
        if not is_signed(key, enable.signature, enabling_text(enable.throttled, enable.expires_ns)):
            return f"the signature is not {enable.person}'s over this strategy, instrument and time"
        if enable.expires_ns <= wall_ns:
            return "the signature has expired; sign a new one"
        if enable.expires_ns > wall_ns + self.window_ns:
            return f"the signature is good for more than {self.window_ns // 1_000_000_000} s"
        return ""
