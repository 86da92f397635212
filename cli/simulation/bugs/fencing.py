"""Bugs of fencing: venue actors that are said to have been ended, and orders that are said to be cancelled for them.

They break Halt; whoever lets strangers end venue actors or cancel in their place breaks Isolation.
"""

from actors.fencing import Fencing
from actors.node_agent import NodeAgent
from actors.undertaker import Undertaker
from cli.simulation.bugs.planting import Bug, Patch
from engine.messages import FenceActor, KillProgress, Message

__all__ = ["BUGS"]


def _halted_before_the_fence() -> list[Patch]:
    fence = Fencing._fence

    def hurrying(self: Fencing, key: tuple[str, str], now_ns: int) -> None:
        fence(self, key, now_ns)
        self._on_progress(KillProgress(*key, "halted", now_ns, 0, 0), now_ns)

    return [(Fencing, "_fence", hurrying)]


def _fence_not_done() -> list[Patch]:
    return [(NodeAgent, "_fence_failure", lambda self, venue_actor, kill_id: "")]


def _undertaker_does_not_wait() -> list[Patch]:
    return [(Undertaker, "_settled", lambda self: list(self._burials))]


def _anybody_may_fence() -> list[Patch]:
    listen = NodeAgent.on_message

    def listening(self: NodeAgent, sender: str, message: Message, now_ns: int) -> None:
        listen(self, self.settings.kill_actor if isinstance(message, FenceActor) else sender, message, now_ns)

    return [(NodeAgent, "on_message", listening)]


def _anybody_may_undertake() -> list[Patch]:
    listen = Undertaker.on_message

    def listening(self: Undertaker, sender: str, message: Message, now_ns: int) -> None:
        listen(self, self.settings.kill_actor, message, now_ns)

    return [(Undertaker, "on_message", listening)]


BUGS = (
    Bug(
        "halted-before-the-fence",
        "a venue actor counts as halted when it is asked to be ended",
        _halted_before_the_fence,
        ("Halt",),
    ),
    Bug("fence-not-done", "a venue actor is said to have been ended, and lives on", _fence_not_done, ("Halt",)),
    Bug(
        "undertaker-does-not-wait",
        "an empty list counts while a dead actor's requests may still arrive",
        _undertaker_does_not_wait,
        ("Halt",),
    ),
    Bug("anybody-may-fence", "a stranger may have a venue actor ended", _anybody_may_fence, ("Isolation",)),
    Bug("anybody-may-undertake", "a stranger may have orders cancelled", _anybody_may_undertake, ("Isolation",)),
)
