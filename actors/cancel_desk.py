"""Asks undertakers for everything that is open, in the place of a kill switch actor that is not there.

    this actor ──Undertake, every second──▶ undertaker of each venue actor ──▶ venue: cancel until it shows none

For when no engine runs. Whoever hosts it has made sure that the latch of those venue actors is killed: then nothing
more can leave them, also if one should be alive after all, and an empty list of the venue's becomes final in time.
"""

from collections.abc import Callable, Iterable

from engine.actor import Actor, Context
from engine.messages import KillProgress, Message, Undertake

__all__ = ["CancelDesk"]

_ASK = "ask"
_ASK_NS = 1_000_000_000


class CancelDesk(Actor):
    """``undertakers``: undertaker → its venue actor. ``told(progress)`` hears every word; ``done()`` follows the
    last. ``open`` are the venue actors of which the venue has not yet shown an empty list."""

    def __init__(
        self, undertakers: dict[str, str], kill_id: str, told: Callable[[KillProgress], None], done: Callable[[], None]
    ) -> None:
        self.peers = tuple(undertakers)
        self.open = set(undertakers.values())
        self._undertakers = undertakers
        self._kill_id = kill_id
        self._told, self._done = told, done

    def on_start(self, ctx: Context, now_ns: int) -> None:
        self._ctx = ctx
        ctx.set_timer(_ASK, now_ns)

    def on_timer(self, key: str, now_ns: int) -> None:
        for undertaker, venue_actor in self._waiting():
            self._ctx.send(undertaker, Undertake(self._kill_id, venue_actor, is_halted=True))
        self._ctx.set_timer(_ASK, now_ns + _ASK_NS)

    def on_message(self, sender: str, message: Message, now_ns: int) -> None:
        if not isinstance(message, KillProgress) or self._undertakers.get(sender) != message.venue_actor:
            return
        if message.venue_actor in self.open:
            self._told(message)
        if message.stage == "cancelled" and not message.failure:
            self.open.discard(message.venue_actor)
            if not self.open:
                self._done()

    def _waiting(self) -> Iterable[tuple[str, str]]:
        return [(undertaker, venue) for undertaker, venue in self._undertakers.items() if venue in self.open]
