"""What both WebSocket connections have in common: subscriptions, sequence numbers, heartbeats, errors.

``sequence_num`` counts the messages of one connection, whatever their channel, from 0. (The venue's page says "per
product"; a message that is of no product has one all the same, and its recorded feeds count per connection.)
"""

from enum import Enum

import msgspec

from adapters.coinbase.core import SessionCore
from adapters.coinbase.messages import Heartbeat, SocketMessage

__all__ = ["ChannelReader", "Continuity", "subscription"]

_decode_message = msgspec.json.Decoder(SocketMessage).decode
_decode_beats = msgspec.json.Decoder(tuple[Heartbeat, ...]).decode


def subscription(kind: str, channel: str, product_ids: list[str], token: str) -> bytes:
    """``kind``: subscribe or unsubscribe. Without products: all of them. A token may be left out where the channel is
    public."""
    message: dict[str, object] = {"type": kind, "channel": channel}
    if product_ids:
        message["product_ids"] = product_ids
    if token:
        message["jwt"] = token
    return msgspec.json.encode(message)


class Continuity(Enum):
    NEXT = "next"
    #: Messages are missing before this one.
    GAP = "gap"
    #: Seen before, or out of order: to be ignored.
    OLD = "old"
    #: Not counted.
    NONE = "none"


class ChannelReader:
    """Reads one connection's messages in order. ``begin`` for every new connection."""

    def __init__(self, core: SessionCore, name: str) -> None:
        self._core, self._name = core, name
        self._last = -1
        self._beat = -1

    def begin(self) -> None:
        self._last = self._beat = -1

    def read(self, message: bytes) -> tuple[SocketMessage, Continuity]:
        """Raises DECODE_ERRORS."""
        decoded = _decode_message(message)
        number = decoded.sequence_num
        if number < 0:
            return decoded, Continuity.NONE
        if number <= self._last:
            self._core.count(f"{self._name} messages out of order")
            return decoded, Continuity.OLD
        is_next = number == self._last + 1
        self._last = number
        if not is_next:
            self._core.count(f"{self._name} gaps")
        return decoded, Continuity.NEXT if is_next else Continuity.GAP

    def on_heartbeat(self, message: SocketMessage) -> None:
        """Counts beats that are missing: the connection lives, but something of it was lost."""
        for beat in _decode_beats(message.events):
            text = str(beat.heartbeat_counter)
            if not (text.isascii() and text.isdigit() and len(text) < 19):
                continue
            number = int(text)
            if 0 <= self._beat < number - 1:
                self._core.count(f"{self._name} heartbeats missed")
            self._beat = number
