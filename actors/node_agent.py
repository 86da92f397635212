"""The node agent: ends the processes of its host's venue actors when the kill switch cannot wait for them.

    venue actor is silent after a kill ─▶ kill switch ──FenceActor──▶ node agent ─▶ SIGKILL, seen to have ended
                                              ▲                           │
                                              └──KillProgress "halted"────┘  on the venue actor's behalf

A check of the latch and the write after it can be split by a pause: only a process that has ended is certain to send
nothing. Its next life begins under the latch, which was written before anybody was asked to end it.

Nothing is done that was asked while this process stood still, or right before: whoever was to be ended may have
answered since. What is still needed is asked for again.

On a host with a latch of its own (``host_latch.py``) it keeps that as the kill switch says, and has a lease: without a
word for so long it closes the latch and ends every venue actor of the host, because the kill switch, which cannot reach
it either, will count them as halted (``node_leases.py``). The latch is closed as well from each start to the first
word: what an earlier life would have done by now is not known. On the kill switch's own host there is nothing to lease:
what it would say is in the latch that both have mapped.
"""

from collections.abc import Callable

import msgspec

from actors.host_latch import HostLatch
from actors.node_leases import NODE_LEASE_NS
from engine.actor import Actor, Context
from engine.messages import (
    FenceActor,
    Kill,
    KillProgress,
    Message,
    NodeHeartbeat,
    NodeWord,
    StatusReport,
    StatusRequest,
)
from risk.latch import LatchPage

__all__ = ["NodeAgent", "NodeAgentSettings"]

_MS = 1_000_000
#: Answers that are remembered; a kill asks at most once per venue actor.
_ANSWERS_MAX = 1_000
_LEASE = "lease"
#: It notices that it has stood still by a timer that comes late. For a while after that, what it is asked has waited.
_TICK, _TICK_NS, _LATE_NS = "tick", 50 * _MS, 150 * _MS


class NodeAgentSettings(msgspec.Struct, frozen=True):
    """``venue_actors`` run on this host, each as the host of its own name."""

    venue_actors: tuple[str, ...]
    kill_actor: str
    lease_ns: int = NODE_LEASE_NS


class NodeAgent(Actor):
    """``fence(host)`` ends a host's process and says why that is not certain, or nothing
    (``actors.runtime.fence.ProcessFence``). ``page``: the host's latch, unless it is the kill switch's own."""

    def __init__(self, settings: NodeAgentSettings, fence: Callable[[str], str], page: LatchPage | None = None) -> None:
        self.settings = settings
        self.peers = (settings.kill_actor,)
        self._fence = fence
        #: When the fence of (kill, venue actor) was through: asked again, the answer is the same, and nobody is ended.
        self._fenced_ns: dict[tuple[str, str], int] = {}
        self._fenced = self._failed = 0
        self._page = page
        self._latch: HostLatch | None = None
        self._tick_ns = 0
        self._deaf_until_ns = 0
        self._heard_ns = 0
        self._due_ns = 0
        #: Without a lease: those whose process is still to be ended.
        self._to_end: set[str] | None = None

    def on_start(self, ctx: Context, now_ns: int) -> None:
        self._ctx = ctx
        self._tick(now_ns)
        if self._page is not None:
            self._latch = HostLatch(self._page, ctx)
            self._latch.close()
            # Not a whole lease: that of the life before has begun earlier, and this one has taken time to start.
            self._due_ns = now_ns + self.settings.lease_ns // 2
            ctx.set_timer(_LEASE, now_ns)

    # -- the lease ------------------------------------------------------------------------------------------

    def on_timer(self, key: str, now_ns: int) -> None:
        if key == _TICK:
            self._notice_pause(now_ns)
            self._tick(now_ns)
        elif self._latch is not None:
            self._on_lease(self._latch, now_ns)

    def _on_lease(self, latch: HostLatch, now_ns: int) -> None:
        self._ctx.set_timer(_LEASE, now_ns + self.settings.lease_ns // 10)
        if now_ns >= self._due_ns:
            self._cut_off(latch)
        self._ctx.send(self.settings.kill_actor, NodeHeartbeat(self._ctx.name, self._ctx.clock_ns(), latch.tags()))
        for kill in latch.pressed_here(now_ns, self._ctx.wall_ns(now_ns)):
            self._ctx.send(self.settings.kill_actor, kill)

    def _cut_off(self, latch: HostLatch) -> None:
        """No word for a lease: whoever was to be told of a kill has not been, so nobody here may send any more."""
        if self._to_end is None:
            self._ctx.log("CUT OFF", text="no word of the kill switch: this host is halted, its venue actors are ended")
            self._to_end = set(self.settings.venue_actors)
        latch.close()
        self._to_end = {actor for actor in self._to_end if self._fence_failure(actor, "")}

    def on_peer_up(self, peer: str, now_ns: int) -> None:
        if self._latch is not None:
            self._ctx.set_timer(_LEASE, now_ns)

    def _on_word(self, latch: HostLatch, word: NodeWord) -> None:
        if word.heartbeat_sent_ns < self._heard_ns:
            return
        self._heard_ns = word.heartbeat_sent_ns
        due_ns = word.heartbeat_sent_ns + self.settings.lease_ns
        if self._ctx.clock_ns() >= due_ns:
            return  # it has come too late to be a lease
        latch.follow(word.kills, word.released)
        self._due_ns, self._to_end = due_ns, None

    def on_message(self, sender: str, message: Message, now_ns: int) -> None:
        if isinstance(message, FenceActor):
            if sender == self.settings.kill_actor and message.venue_actor in self.settings.venue_actors:
                self._on_fence(message, now_ns)
        elif isinstance(message, NodeWord):
            if sender == self.settings.kill_actor and self._latch is not None:
                self._on_word(self._latch, message)
        elif isinstance(message, Kill):
            if sender == self.settings.kill_actor and self._latch is not None:
                self._latch.latch(message)
        elif isinstance(message, StatusRequest):
            self._ctx.send(sender, msgspec.structs.replace(self.status(), nonce=message.nonce))

    # -- ending ---------------------------------------------------------------------------------------------

    def _tick(self, now_ns: int) -> None:
        self._tick_ns = now_ns
        self._ctx.set_timer(_TICK, now_ns + _TICK_NS)

    def _notice_pause(self, now_ns: int) -> None:
        if now_ns - self._tick_ns > _LATE_NS:
            self._deaf_until_ns = now_ns + 2 * _TICK_NS

    def _has_ended_it(self, venue_actor: str) -> bool:
        """While cut off: what has begun since then has only seen a closed latch."""
        return self._to_end is not None and venue_actor not in self._to_end

    def _on_fence(self, request: FenceActor, now_ns: int) -> None:
        self._notice_pause(now_ns)
        if now_ns < self._deaf_until_ns:
            return
        key = (request.kill_id, request.venue_actor)
        failure = ""
        if key not in self._fenced_ns:
            if not self._has_ended_it(request.venue_actor):
                failure = self._fence_failure(request.venue_actor, request.kill_id)
            if not failure:
                self._fenced_ns[key] = self._ctx.clock_ns()
                while len(self._fenced_ns) > _ANSWERS_MAX:
                    del self._fenced_ns[next(iter(self._fenced_ns))]
        at_ns = self._fenced_ns.get(key) or self._ctx.clock_ns()
        answer = KillProgress(request.kill_id, request.venue_actor, "halted", at_ns, 0, 0, failure)
        self._ctx.send(self.settings.kill_actor, answer)

    def _fence_failure(self, venue_actor: str, kill_id: str) -> str:
        failure = self._fence(venue_actor)
        if failure:
            self._failed += 1
            self._ctx.log("FENCE FAILED", venue_actor=venue_actor, kill_id=kill_id, text=failure)
        else:
            self._fenced += 1
            self._ctx.log("fenced", venue_actor=venue_actor, kill_id=kill_id)
        return failure

    def status(self) -> StatusReport:
        counters = {"fenced": self._fenced, "fences_failed": self._failed}
        return StatusReport(self._ctx.name, "node agent", 0, 0, self._state(), counters)

    def _state(self) -> str:
        if self._latch is None or not self._latch.is_closed:
            return "watching"
        return "cut off" if self._to_end is not None else "waiting for a word"
