"""What the kill switch asks of others when a venue actor does not answer."""

from engine.messages.kills import Kill
from engine.messages.shape import MessageBase

__all__ = ["FenceActor", "NodeHeartbeat", "NodeWord", "Undertake"]


class FenceActor(MessageBase, frozen=True, tag=80):
    """To a node agent: end the venue actor's process, which has not acknowledged the kill in time. Answered by a
    KillProgress on its behalf: ``halted`` once it has certainly ended, or with the failure."""

    kill_id: str
    venue_actor: str


class Undertake(MessageBase, frozen=True, tag=81):
    """To an undertaker: cancel what the venue actor has left open, over a connection of your own. Holds for a moment
    and is repeated; ``is_over`` takes it back. ``is_halted``: nothing more can leave the venue actor, so that an empty
    list of the venue's can become final. Answered by KillProgress on its behalf, ``cancel_sent`` and ``cancelled``."""

    kill_id: str
    venue_actor: str
    is_halted: bool
    is_over: bool = False


class NodeHeartbeat(MessageBase, frozen=True, tag=82):
    """A node agent with a latch of its own asks for its lease, which runs from ``sent_ns`` on its own clock.
    ``unknown``: tags (``risk.latch.kill_tag``) of what is in its host's latch and was not told by the kill switch."""

    node_agent: str
    sent_ns: int
    unknown: tuple[int, ...] = ()


class NodeWord(MessageBase, frozen=True, tag=83):
    """The answer, and the lease: every kill that holds, and which of ``unknown`` have been released."""

    heartbeat_sent_ns: int
    kills: tuple[Kill, ...]
    released: tuple[int, ...] = ()
