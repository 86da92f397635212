"""The user channel: the state of the account's orders, on a connection of its own.

    DOWN ──open──▶ SUBSCRIBING ──snapshot of open orders, in batches of 50──▶ SUBSCRIBED
      ▲                │                                                        │
      └────────────────┴── lost, refused, silent, a gap in the sequence ────────┘

A gap means that an order's end may have been missed, and nothing would tell it again: the connection is made anew, and
with it the engine's reconciliation.
"""

from collections.abc import Callable

import msgspec

from adapters.coinbase.channels import ChannelReader, Continuity, subscription
from adapters.coinbase.core import SessionCore
from adapters.coinbase.ledger import Ledger
from adapters.coinbase.messages import SocketMessage, UserEvent
from adapters.coinbase.times import venue_ns
from adapters.coinbase.urls import CoinbaseEndpoints
from adapters.links import WebSocketLink
from engine.errors import VenueError
from engine.venue import AuthenticationFailed

__all__ = ["USER_LINK", "UserChannel"]

USER_LINK = "session:user"
_SUBSCRIBE_TIMER = f"{USER_LINK}:subscribe"
#: A batch of a snapshot that has fewer orders is the last.
_SNAPSHOT_BATCH = 50
_AUTHENTICATION = "authentication failure"

_decode_events = msgspec.json.Decoder(tuple[UserEvent, ...]).decode


class UserChannel:
    """Owner of the link ``session:user``. ``on_change(now_ns)`` is called when ``is_subscribed`` has changed."""

    def __init__(self, core: SessionCore, endpoints: CoinbaseEndpoints, ledger: Ledger) -> None:
        self._core, self._ledger = core, ledger
        self.link = WebSocketLink(core, USER_LINK, endpoints.user, endpoints.user_path, self)
        self._reader = ChannelReader(core, USER_LINK)
        self.is_subscribed = False
        #: Why it is not.
        self.text = "not connected"
        self.on_change: Callable[[int], None] = _nobody

    def close(self, now_ns: int) -> None:
        """Close for good."""
        self._core.ctx.cancel_timer(_SUBSCRIBE_TIMER)
        self.link.close(now_ns)

    # -- the link's owner ------------------------------------------------------------------------------------

    def on_open(self, now_ns: int) -> None:
        """The venue closes a connection on which nothing is subscribed to within 5 s, and channels that say nothing
        for a minute: the heartbeats keep them."""
        self._reader.begin()
        for channel in ("heartbeats", "user"):
            token = self._core.tokens.websocket(self._core.venue_s(now_ns))
            self.link.send(subscription("subscribe", channel, [], token))
        self._core.ctx.set_timer(_SUBSCRIBE_TIMER, now_ns + self._core.options.answer_timeout_ns)

    def on_lost(self, reason: str, now_ns: int) -> None:
        self._core.ctx.cancel_timer(_SUBSCRIBE_TIMER)
        self.is_subscribed, self.text = False, reason
        self.on_change(now_ns)

    def on_message(self, message: bytes, now_ns: int) -> None:
        decoded, continuity = self._reader.read(message)
        if decoded.type == "error":
            self._refused(decoded.message, now_ns)
        elif continuity is Continuity.GAP:
            raise VenueError("messages of the user channel are missing")
        elif continuity is Continuity.OLD:
            return
        elif decoded.channel == "user":
            self._on_user(decoded, now_ns)
        elif decoded.channel == "heartbeats":
            self._reader.on_heartbeat(decoded)

    def on_timer(self, key: str, now_ns: int) -> None:
        if key != _SUBSCRIBE_TIMER:
            self.link.on_timer(key.removeprefix(f"{USER_LINK}:"), now_ns)
        elif not self.is_subscribed:
            self.link.drop("no answer to the subscription", now_ns)

    # -- inside ----------------------------------------------------------------------------------------------

    def _on_user(self, message: SocketMessage, now_ns: int) -> None:
        time_ns = venue_ns(message.timestamp)
        for event in _decode_events(message.events):
            is_snapshot = event.type == "snapshot"
            for order in event.orders:
                self._ledger.on_user_order(order, is_snapshot, time_ns, now_ns)
            if is_snapshot and len(event.orders) < _SNAPSHOT_BATCH and not self.is_subscribed:
                self._core.ctx.cancel_timer(_SUBSCRIBE_TIMER)
                self.is_subscribed = True
                self.link.proven()
                self.on_change(now_ns)

    def _refused(self, text: str, now_ns: int) -> None:
        """The venue says so and then nothing more; it does not close the connection."""
        self._core.count(f"{USER_LINK} refused")
        delay_ns = -1
        if _AUTHENTICATION in text.lower():
            self._core.clock.distrust()
            self._core.on_clock_in_doubt(now_ns)
            self._core.emit(AuthenticationFailed(f"user channel: {text}"), now_ns)
            delay_ns = self._core.options.auth_retry_ns
        self.link.drop(f"refused: {text}", now_ns, delay_ns)


def _nobody(now_ns: int) -> None:
    """Until the session looks after its state."""
