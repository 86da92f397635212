"""The REST side: paths, signed requests, headers."""

from adapters.simulator.accounts import Account
from adapters.simulator.binance.auth import Credential, KeyRing, check_timestamp, rest_payload
from adapters.simulator.binance.call import Call, Operation, Security, Venue
from adapters.simulator.binance.errors import ApiError, mandatory, unauthorized
from adapters.simulator.binance.operations import BY_REST_PATH, perform
from adapters.simulator.binance.orders import Stamp, microseconds, milliseconds
from adapters.simulator.binance.parameters import Parameters, from_query
from adapters.simulator.encoding import encode_json
from adapters.simulator.http_server import HttpRequest, HttpResponse

__all__ = ["Rest", "error_response", "permit"]

#: Listen keys were removed; user data comes over the WebSocket API only.
_GONE = ("/api/v3/userDataStream",)


def permit(credential: Credential, security: Security) -> None:
    """Raises ApiError -2015 unless the key may do this."""
    allowed = credential.can_trade if security is Security.TRADE else credential.can_read
    if not allowed:
        raise unauthorized()


def error_response(error: ApiError, wall_ns: int) -> HttpResponse:
    headers: tuple[tuple[str, str], ...] = ()
    if error.retry_after_ns:
        seconds = -(-(error.retry_after_ns - wall_ns) // 1_000_000_000)
        headers = (("Retry-After", str(max(1, seconds))),)
    return HttpResponse(error.status, encode_json(error.body()), headers)


class Rest:
    """Answers HTTP requests from the shared table of operations."""

    def __init__(self, venue: Venue, keys: KeyRing) -> None:
        self._venue = venue
        self._keys = keys
        self.requests = 0

    def respond(self, request: HttpRequest, now_ns: int, wall_ns: int) -> HttpResponse:
        self.requests += 1
        path, _, query = request.target.partition("?")
        operations = BY_REST_PATH.get(path)
        if path in _GONE:
            return HttpResponse(410, encode_json(ApiError(-1016, "This service is no longer available.").body()))
        if operations is None:
            return HttpResponse(404, b"404 page not found", content_type="text/plain")
        operation = operations.get(request.method)
        if operation is None:
            return HttpResponse(405, headers=(("Allow", ", ".join(operations)),))
        account: Account | None = None

        def authorize() -> Call:
            nonlocal account
            call = self._call(request, query, parameters, operation, now_ns, wall_ns)
            account = call.account
            return call

        try:
            refusal = self._venue.limits.refusal(wall_ns)
            if refusal is not None:
                raise refusal
            parameters = from_query(query, _text(request.body))
            result = perform(self._venue, operation, parameters, wall_ns, authorize)
            response = HttpResponse(200, encode_json(result))
        except ApiError as error:
            response = error_response(error, wall_ns)
        headers = (*response.headers, ("X-MBX-USED-WEIGHT-1M", str(self._venue.limits.weight.count)))
        if operation.counts_orders and account is not None:
            short, day = self._venue.exchange.order_limits[account.name].windows
            headers += (("X-MBX-ORDER-COUNT-10S", str(short.count)), ("X-MBX-ORDER-COUNT-1D", str(day.count)))
        return response._replace(headers=headers)

    def _call(
        self, request: HttpRequest, query: str, parameters: Parameters, operation: Operation, now_ns: int, wall_ns: int
    ) -> Call:
        stamp = _stamp(request.headers.get("x-mbx-time-unit"))
        if operation.security is Security.NONE:
            return Call(parameters, None, now_ns, wall_ns, stamp)
        credential = self._keys.find(request.headers.get("x-mbx-apikey"))
        # The signature is of the bytes sent; what is not percent-encoded cannot have been signed as the rules say.
        if not request.body.isascii():
            raise ApiError(-1022, "Signature for this request is not valid.")
        self._verify(credential, parameters, rest_payload(query, request.body), wall_ns)
        permit(credential, operation.security)
        account = self._venue.exchange.accounts[credential.account]
        return Call(parameters, account, now_ns, wall_ns, stamp)

    @staticmethod
    def _verify(credential: Credential, parameters: Parameters, payload: bytes, wall_ns: int) -> None:
        signature = parameters.text("signature")
        if signature is None:
            raise mandatory("signature")
        timestamp = parameters.required_integer("timestamp")
        recv_window = parameters.text("recvWindow")
        credential.verify(payload, signature)
        check_timestamp(timestamp, recv_window, wall_ns)


def _text(body: bytes) -> str:
    return body.decode("utf-8", "replace")


def _stamp(time_unit: str | None) -> Stamp:
    if time_unit is None or time_unit.upper() == "MILLISECOND":
        return milliseconds
    if time_unit.upper() == "MICROSECOND":
        return microseconds
    raise ApiError(-1194, "Invalid value for time unit; expected either MICROSECOND or MILLISECOND.")
