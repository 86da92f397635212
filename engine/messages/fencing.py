"""What the kill switch asks of others when a venue actor does not answer."""

from engine.messages.shape import MessageBase

__all__ = ["FenceActor", "Undertake"]


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
