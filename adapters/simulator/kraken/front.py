"""One WebSocket v2 front for public and private alike: requests in, answers, and what an answer's order among the
reports is.

Reports that a request causes come before its answer or after it: the venue promises neither, so a seeded coin decides.
"""

from collections.abc import Mapping

import msgspec

from adapters.simulator.encoding import encode_json
from adapters.simulator.kraken.channels import Outcome, subscribe, unsubscribe
from adapters.simulator.kraken.core import Venue
from adapters.simulator.kraken.encoding import read_json, time_text
from adapters.simulator.kraken.errors import ApiError
from adapters.simulator.kraken.socket_orders import FIELDS, METHODS
from adapters.simulator.port import Port
from adapters.simulator.prng import SplitMix64

__all__ = ["SocketFront"]


class SocketFront:
    """Answers the requests of every connection."""

    def __init__(self, venue: Venue, port: Port, seed: int) -> None:
        self._venue, self._port = venue, port
        self._coin = SplitMix64(seed)
        self._asking = ""
        self._held: list[bytes] = []
        self.requests = 0

    def push(self, link: str, payload: bytes) -> None:
        """A private message; held while the request of this very connection that causes it is carried out."""
        if link == self._asking:
            self._held.append(payload)
        else:
            self._port.send(link, payload)

    def received(self, link: str, data: bytes) -> None:
        self.requests += 1
        request = _read(data)
        if request is None:
            self._send(link, {"error": "Malformed request", "method": "error", "success": False, **self.times()})
            return
        method, parameters, req_id = request
        if method == "ping":
            self._send(link, {"method": "pong", **req_id, **self.times()})
            return
        self._asking = link
        try:
            outcomes = self._perform(link, method, parameters)
        except ApiError as error:
            outcomes = [Outcome(None, error.text)]
        self._asking, held, self._held = "", self._held, []
        reports_first = bool(self._coin.below(2))
        for payload in held if reports_first else ():
            self._port.send(link, payload)
        for outcome in outcomes:
            self._send(link, {"method": method, **req_id, **_body(outcome), **self.times()})
            if outcome.then is not None:
                outcome.then()
        for payload in () if reports_first else held:
            self._port.send(link, payload)

    def _perform(self, link: str, method: str, parameters: Mapping[str, object]) -> list[Outcome]:
        venue = self._venue
        if method == "subscribe":
            return subscribe(venue, link, parameters)
        if method == "unsubscribe":
            return unsubscribe(venue, link, parameters)
        operation = METHODS.get(method)
        if operation is None:
            raise ApiError("Unsupported event")
        unknown = next((name for name in parameters if name not in FIELDS[method]), None)
        if unknown is not None:
            raise ApiError(f"Unsupported field: '{unknown}' for the given msg type: {method}")
        token = venue.tokens.find(parameters.get("token"), venue.now_ns)
        return operation(venue, token.credential, parameters)

    def _send(self, link: str, message: dict[str, object]) -> None:
        self._port.send(link, encode_json(message))

    def times(self) -> dict[str, object]:
        now = time_text(self._venue.wall_ns)
        return {"time_in": now, "time_out": now}


def _read(data: bytes) -> tuple[str, Mapping[str, object], dict[str, object]] | None:
    """(method, params, req_id as a field or nothing); None for what is no request."""
    try:
        decoded = read_json(data)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
    if not isinstance(decoded, dict):
        return None
    method, parameters, req_id = decoded.get("method"), decoded.get("params", {}), decoded.get("req_id")
    if not isinstance(method, str) or not isinstance(parameters, dict):
        return None
    if req_id is not None and (isinstance(req_id, bool) or not isinstance(req_id, int)):
        return None
    return method, parameters, {} if req_id is None else {"req_id": req_id}


def _body(outcome: Outcome) -> dict[str, object]:
    if outcome.result is None:
        symbol = {"symbol": outcome.symbol} if outcome.symbol else {}
        return {"error": outcome.error, **symbol, "success": False}
    # The rows of a batch are the result itself, and some may stand although others failed.
    result = outcome.result.get("", outcome.result)
    if outcome.error:
        return {"error": outcome.error, "result": result, "success": False}
    return {"result": result, "success": True}
