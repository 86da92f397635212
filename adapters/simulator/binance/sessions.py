"""One connection to the WebSocket API: who is logged on, and which accounts' events it receives."""

from collections.abc import Callable
from typing import NamedTuple

from adapters.simulator.binance.auth import Credential
from adapters.simulator.binance.errors import ApiError
from adapters.simulator.binance.orders import Stamp
from adapters.simulator.binance.settings import VenueLimits
from adapters.simulator.encoding import encode_json

__all__ = ["ApiSession", "Subscription"]


class Subscription(NamedTuple):
    """``by_logon``: opened for the logged-on key, and ended with it."""

    subscription_id: int
    account: str
    api_key: str
    by_logon: bool


class ApiSession:
    """The state of one connection. ``send`` takes a JSON text to be framed and written."""

    def __init__(
        self,
        connected_wall_ns: int,
        stamp: Stamp,
        returns_rate_limits: bool,
        limits: VenueLimits,
        send: Callable[[bytes], None],
    ) -> None:
        self.connected_wall_ns = connected_wall_ns
        self.stamp = stamp
        self.returns_rate_limits = returns_rate_limits
        self.send = send
        self.credential: Credential | None = None
        self.authorized_wall_ns = 0
        self.subscriptions: dict[int, Subscription] = {}
        self._limits = limits
        self._next_subscription_id = 0

    def log_on(self, credential: Credential, wall_ns: int) -> None:
        self.credential, self.authorized_wall_ns = credential, wall_ns

    def log_off(self) -> list[Subscription]:
        """Forget the key and end its subscription; returns what was ended."""
        self.credential, self.authorized_wall_ns = None, 0
        return self._end([s for s in self.subscriptions.values() if s.by_logon])

    def status(self, wall_ns: int) -> dict[str, object]:
        credential = self.credential
        return {
            "apiKey": credential.api_key if credential else None,
            "authorizedSince": self.stamp(self.authorized_wall_ns) if credential else None,
            "connectedSince": self.stamp(self.connected_wall_ns),
            "returnRateLimits": self.returns_rate_limits,
            "serverTime": self.stamp(wall_ns),
            "userDataStream": bool(self.subscriptions),
        }

    # -- subscriptions ------------------------------------------------------------------------------------------

    def subscribe(self, credential: Credential, by_logon: bool) -> int:
        """Raises ApiError -2035 when the account's events come here already, -1191 and -2042 beyond the bounds."""
        if any(s.account == credential.account for s in self.subscriptions.values()):
            raise ApiError(-2035, "User Data Stream subscription already active.")
        most = self._limits.subscriptions_per_connection
        if len(self.subscriptions) >= most:
            text = f"Too many subscriptions. Connection may create up to '{most}' subscriptions at a time."
            raise ApiError(-1191, text)
        subscription_id = self._next_subscription_id
        if subscription_id >= self._limits.subscription_ids_per_connection:
            raise ApiError(-2042, "Maximum subscription ID reached for this connection.")
        self._next_subscription_id += 1
        self.subscriptions[subscription_id] = Subscription(
            subscription_id, credential.account, credential.api_key, by_logon
        )
        return subscription_id

    def unsubscribe(self, subscription_id: int | None) -> list[Subscription]:
        """End one subscription, or all. Raises ApiError -2036 when there is none."""
        if subscription_id is None:
            ended = list(self.subscriptions.values())
        else:
            ended = [s for s in self.subscriptions.values() if s.subscription_id == subscription_id]
        if not ended:
            raise ApiError(-2036, "User Data Stream subscription not active.")
        return self._end(ended)

    def revoke(self, api_key: str) -> list[Subscription]:
        """A key is no longer valid: its subscriptions end. The session itself ends with its next request."""
        return self._end([s for s in self.subscriptions.values() if s.api_key == api_key])

    def _end(self, ended: list[Subscription]) -> list[Subscription]:
        for subscription in ended:
            del self.subscriptions[subscription.subscription_id]
        return ended

    def send_event(self, subscription_id: int, event: bytes) -> None:
        self.send(b'{"subscriptionId":%d,"event":%b}' % (subscription_id, event))

    def send_connection_event(self, event: dict[str, object]) -> None:
        self.send(encode_json({"event": event}))
