"""The node agent: ends the processes of its host's venue actors when the kill switch cannot wait for them.

    venue actor is silent after a kill ─▶ kill switch ──FenceActor──▶ node agent ─▶ SIGKILL, seen to have ended
                                              ▲                           │
                                              └──KillProgress "halted"────┘  on the venue actor's behalf

A check of the latch and the write after it can be split by a pause: only a process that has ended is certain to send
nothing. Its next life begins under the latch, which was written before anybody was asked to end it.
"""

from collections.abc import Callable

import msgspec

from engine.actor import Actor, Context
from engine.messages import FenceActor, KillProgress, Message, StatusReport, StatusRequest

__all__ = ["NodeAgent", "NodeAgentSettings"]

#: Answers that are remembered; a kill asks at most once per venue actor.
_ANSWERS_MAX = 1_000


class NodeAgentSettings(msgspec.Struct, frozen=True):
    """``venue_actors`` run on this host, each as the host of its own name."""

    venue_actors: tuple[str, ...]
    kill_actor: str


class NodeAgent(Actor):
    """``fence(host)`` ends a host's process and says why that is not certain, or nothing
    (``actors.runtime.fence.ProcessFence``)."""

    def __init__(self, settings: NodeAgentSettings, fence: Callable[[str], str]) -> None:
        self.settings = settings
        self.peers = (settings.kill_actor,)
        self._fence = fence
        #: When the fence of (kill, venue actor) was through: asked again, the answer is the same, and nobody is ended.
        self._fenced_ns: dict[tuple[str, str], int] = {}
        self._failed = 0

    def on_start(self, ctx: Context, now_ns: int) -> None:
        self._ctx = ctx

    def on_message(self, sender: str, message: Message, now_ns: int) -> None:
        if isinstance(message, FenceActor):
            if sender == self.settings.kill_actor and message.venue_actor in self.settings.venue_actors:
                self._on_fence(message)
        elif isinstance(message, StatusRequest):
            self._ctx.send(sender, msgspec.structs.replace(self.status(), nonce=message.nonce))

    def _on_fence(self, request: FenceActor) -> None:
        key = (request.kill_id, request.venue_actor)
        failure = ""
        if key not in self._fenced_ns:
            failure = self._fence(request.venue_actor)
            if failure:
                self._failed += 1
                self._ctx.log("FENCE FAILED", venue_actor=request.venue_actor, kill_id=request.kill_id, text=failure)
            else:
                self._fenced_ns[key] = self._ctx.clock_ns()
                self._ctx.log("fenced", venue_actor=request.venue_actor, kill_id=request.kill_id)
                while len(self._fenced_ns) > _ANSWERS_MAX:
                    del self._fenced_ns[next(iter(self._fenced_ns))]
        at_ns = self._fenced_ns.get(key) or self._ctx.clock_ns()
        answer = KillProgress(request.kill_id, request.venue_actor, "halted", at_ns, 0, 0, failure)
        self._ctx.send(self.settings.kill_actor, answer)

    def status(self) -> StatusReport:
        counters = {"fenced": len(self._fenced_ns), "fences_failed": self._failed}
        return StatusReport(self._ctx.name, "node agent", 0, 0, "watching", counters)
