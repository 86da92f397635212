"""What the kill switch actor knows of hosts whose latch it cannot write itself: their node agents' leases.

    node agent ──NodeHeartbeat──▶ kill switch ──NodeWord──▶ node agent: its host's latch follows, its lease is renewed
    no word for a lease           ──▶ the node agent closes its latch and ends its host's venue actors
    no word *sent* for a lease, and a margin ──▶ it must have: whoever was silent there counts as halted

The lease runs from when the node agent sent its question, which is before it was answered; so counted from the answer
it is over later than it is there, by any clocks that tick alike. The margin is for clocks that do not quite, and for
the time that ending processes takes. A kill switch actor that has just started may have answered until then.
"""

from collections.abc import Mapping

__all__ = ["FENCE_MARGIN_NS", "NODE_LEASE_NS", "NodeLeases"]

_MS = 1_000_000
#: Longer than any restart of the kill switch actor should take: a host that is cut off for less loses no process, since
#: the leases on new orders end long before.
NODE_LEASE_NS = 10_000 * _MS
#: Beyond a tenth of the lease, after which a node agent looks again whether it is over.
FENCE_MARGIN_NS = 1_000 * _MS


class NodeLeases:
    """``leases``: by node agent, for those that have one."""

    def __init__(self, leases: Mapping[str, int]) -> None:
        self._leases = leases
        self._answered_ns: dict[str, int] = {}

    def start(self, now_ns: int) -> None:
        self._answered_ns = dict.fromkeys(self._leases, now_ns)

    def answer(self, node_agent: str, now_ns: int) -> bool:
        """Called right before a word is sent: its lease may run from now on. False: it has none."""
        if node_agent not in self._leases:
            return False
        self._answered_ns[node_agent] = now_ns
        return True

    def is_over(self, node_agent: str, now_ns: int) -> bool:
        """Whether it must have ended its host's venue actors by now."""
        lease_ns = self._leases.get(node_agent)
        if lease_ns is None:
            return False
        return now_ns >= self._answered_ns[node_agent] + lease_ns + lease_ns // 5 + FENCE_MARGIN_NS
