"""What a WebSocket connection is: the WebSocket API or market streams, pinged, and with a time to answer pings in."""

from collections import deque
from urllib.parse import parse_qsl, unquote

from adapters.simulator.binance.errors import ApiError
from adapters.simulator.binance.orders import Stamp, microseconds, milliseconds
from adapters.simulator.binance.sessions import ApiSession
from adapters.simulator.binance.streams import StreamConnection
from adapters.simulator.http_server import HttpRequest

__all__ = ["Connection", "Target", "parse_target"]

_API_PATH = "/ws-api/v3"
_RAW_PATH = "/ws"
_COMBINED_PATH = "/stream"


class Target:
    """What a WebSocket connection was opened for, by its path and query."""

    def __init__(
        self, is_api: bool, is_combined: bool, streams: list[str], stamp: Stamp, returns_rate_limits: bool
    ) -> None:
        self.is_api = is_api
        self.is_combined = is_combined
        self.streams = streams
        self.stamp = stamp
        self.returns_rate_limits = returns_rate_limits


def parse_target(request: HttpRequest) -> Target | None:
    """None for a path that nothing is served on. Raises ApiError -1194 for an unknown time unit."""
    path, _, query = request.target.partition("?")
    options = dict(parse_qsl(query, errors="replace"))
    stamp = _stamp(options.get("timeUnit"))
    path = path.rstrip("/")
    if path == _API_PATH:
        return Target(True, False, [], stamp, options.get("returnRateLimits", "true").lower() != "false")
    if path == _COMBINED_PATH:
        return Target(False, True, _names(options.get("streams", "")), stamp, False)
    if path == _RAW_PATH or path.startswith(_RAW_PATH + "/"):
        return Target(False, False, _names(unquote(path[len(_RAW_PATH) + 1 :])), stamp, False)
    return None


def _names(text: str) -> list[str]:
    return [name for name in text.split("/") if name]


def _stamp(time_unit: str | None) -> Stamp:
    if time_unit is None or time_unit.upper() == "MILLISECOND":
        return milliseconds
    if time_unit.upper() == "MICROSECOND":
        return microseconds
    raise ApiError(-1194, "Invalid value for time unit; expected either MICROSECOND or MILLISECOND.")


class Connection:
    """An upgraded connection; exactly one of ``session`` and ``stream`` is set."""

    def __init__(self, session: ApiSession | None, stream: StreamConnection | None) -> None:
        self.session = session
        self.stream = stream
        self._pings: deque[tuple[bytes, int]] = deque()

    def ping(self, wall_ns: int, now_ns: int) -> bytes:
        """The payload of a ping that is sent now."""
        payload = str(wall_ns // 1_000_000).encode()
        self._pings.append((payload, now_ns))
        return payload

    def pong(self, payload: bytes) -> None:
        """A pong answers the ping whose payload it copies and those before it; any other pong counts for nothing."""
        if any(sent == payload for sent, _ in self._pings):
            while self._pings.popleft()[0] != payload:
                pass

    def is_silent(self, now_ns: int, timeout_ns: int) -> bool:
        """Whether a ping has gone unanswered for too long."""
        return bool(self._pings) and now_ns - self._pings[0][1] >= timeout_ns
