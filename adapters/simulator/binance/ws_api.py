"""The WebSocket API: envelope, authentication by session or by request, and the user data stream."""

from collections.abc import Callable

import msgspec

from adapters.simulator.binance.auth import Credential, KeyRing, check_timestamp, ws_payload
from adapters.simulator.binance.call import Call, Operation, Security, Venue
from adapters.simulator.binance.errors import ApiError, mandatory, unauthorized
from adapters.simulator.binance.operations import BY_WS_METHOD, perform
from adapters.simulator.binance.orders import Stamp
from adapters.simulator.binance.parameters import Parameters, from_json
from adapters.simulator.binance.rest import permit
from adapters.simulator.binance.sessions import ApiSession, Subscription
from adapters.simulator.binance.user_stream import server_shutdown, stream_terminated
from adapters.simulator.encoding import encode_json

__all__ = ["WsApi"]

_SESSION_WEIGHT = 2
_ID_BYTES_MAX = 64
_GONE = ("userDataStream.start", "userDataStream.ping", "userDataStream.stop")


class _Request(msgspec.Struct):
    method: str
    params: dict[str, msgspec.Raw] | None = None
    id: msgspec.Raw = msgspec.Raw(b"null")


_decoder = msgspec.json.Decoder(_Request)


class _SessionRevoked(Exception):
    """The logged-on key is no longer valid."""


class WsApi:
    """All connections to the WebSocket API, by link."""

    def __init__(self, venue: Venue, keys: KeyRing) -> None:
        self._venue = venue
        self._keys = keys
        self.sessions: dict[str, ApiSession] = {}
        self.requests = 0
        self.events_sent = 0
        #: Subscriptions that the current request has ended: told after its answer.
        self._ended: list[Subscription] = []
        self._session_methods: dict[str, Callable[[ApiSession, Parameters, int], object]] = {
            "session.logon": self._log_on,
            "session.status": self._status,
            "session.logout": self._log_out,
            "session.subscriptions": self._subscriptions,
            "userDataStream.subscribe": self._subscribe,
            "userDataStream.subscribe.signature": self._subscribe_signed,
            "userDataStream.unsubscribe": self._unsubscribe,
        }

    # -- requests -----------------------------------------------------------------------------------------------

    def receive(self, session: ApiSession, data: bytes, is_text: bool, now_ns: int, wall_ns: int) -> bool:
        """Answer one message. False: the caller is banned and its connection must be dropped."""
        self.requests += 1
        request = _decode(data, is_text)
        request_id = bytes(request.id) if request else b"null"
        returns_limits = session.returns_rate_limits
        operation: Operation | None = None
        credential: Credential | None = None

        def authorize() -> Call:
            nonlocal credential
            assert operation is not None, "only operations of the table are authorized here"
            credential = self._authorize(session, operation.security, parameters, wall_ns)
            account = self._venue.exchange.accounts[credential.account] if credential else None
            return Call(parameters, account, now_ns, wall_ns, session.stamp)

        try:
            self._let_in(wall_ns)
            if request is None:
                self._venue.limits.charge(1, wall_ns)
                raise ApiError(-1135, "Invalid JSON Request")
            parameters = from_json(request.params or {})
            wanted = parameters.flag("returnRateLimits")
            returns_limits = session.returns_rate_limits if wanted is None else wanted
            operation = _find_operation(request.method, self._session_methods)
            if operation is None:
                self._venue.limits.charge(_SESSION_WEIGHT, wall_ns)
                result = self._session_methods[_unversioned(request.method)](session, parameters, wall_ns)
            else:
                result = perform(self._venue, operation, parameters, wall_ns, authorize)
        except ApiError as error:
            head = b'{"id":%b,"status":%d,"error":%b' % (
                request_id,
                error.status,
                _error(error, session.stamp, wall_ns),
            )
            session.send(head + self._limits_tail(returns_limits, operation, credential, wall_ns))
            return error.status != 418
        except _SessionRevoked:
            self._revoked(session, wall_ns)
            return True
        head = b'{"id":%b,"status":200,"result":%b' % (request_id, encode_json(result))
        session.send(head + self._limits_tail(returns_limits, operation, credential, wall_ns))
        self._tell_ended(session, wall_ns)
        return True

    def _let_in(self, wall_ns: int) -> None:
        refusal = self._venue.limits.refusal(wall_ns)
        if refusal is not None:
            raise refusal

    def _limits_tail(
        self, wanted: bool, operation: Operation | None, credential: Credential | None, wall_ns: int
    ) -> bytes:
        """The end of an answer: the limits that the request touched, unless they are not wanted."""
        if not wanted:
            return b"}"
        rows: list[dict[str, object]] = []
        if operation is not None and operation.counts_orders and credential is not None:
            rows += self._venue.exchange.order_limits[credential.account].rows(wall_ns)
        rows.append(self._venue.limits.weight.row())
        return b',"rateLimits":%b}' % encode_json(rows)

    # -- authentication -----------------------------------------------------------------------------------------

    def _authorize(
        self, session: ApiSession, security: Security, parameters: Parameters, wall_ns: int
    ) -> Credential | None:
        if security is Security.NONE:
            return None
        credential = self._identify(session, parameters, wall_ns)
        permit(credential, security)
        return credential

    def _identify(self, session: ApiSession, parameters: Parameters, wall_ns: int) -> Credential:
        """The key of a signed request: its own, or else the session's, which needs no signature."""
        api_key = parameters.text("apiKey")
        if api_key is None and session.credential is not None:
            if not self._keys.knows(session.credential):
                raise _SessionRevoked
            timestamp = parameters.required_integer("timestamp")
            check_timestamp(timestamp, parameters.text("recvWindow"), wall_ns)
            return session.credential
        if api_key is None:
            raise mandatory("apiKey")
        return self._verify(parameters, wall_ns)

    def _verify(self, parameters: Parameters, wall_ns: int) -> Credential:
        credential = self._keys.find(parameters.required("apiKey"))
        signature = parameters.required("signature")
        timestamp = parameters.required_integer("timestamp")
        recv_window = parameters.text("recvWindow")
        credential.verify(ws_payload(parameters.values), signature)
        check_timestamp(timestamp, recv_window, wall_ns)
        return credential

    def _revoked(self, session: ApiSession, wall_ns: int) -> None:
        session.log_off()
        session.send(b'{"id":null,"status":401,"error":%b}' % encode_json(unauthorized().body()))

    # -- session methods ----------------------------------------------------------------------------------------

    def _log_on(self, session: ApiSession, parameters: Parameters, wall_ns: int) -> object:
        credential = self._verify(parameters, wall_ns)
        parameters.finish()
        if credential.key_type != "ed25519":
            raise ApiError(-1020, "This operation is not supported.")
        session.log_on(credential, wall_ns)
        return session.status(wall_ns)

    def _status(self, session: ApiSession, parameters: Parameters, wall_ns: int) -> object:
        parameters.finish()
        return session.status(wall_ns)

    def _log_out(self, session: ApiSession, parameters: Parameters, wall_ns: int) -> object:
        parameters.finish()
        self._ended = session.log_off()
        return session.status(wall_ns)

    def _subscriptions(self, session: ApiSession, parameters: Parameters, wall_ns: int) -> object:
        parameters.finish()
        return [{"subscriptionId": number} for number in session.subscriptions]

    def _subscribe(self, session: ApiSession, parameters: Parameters, wall_ns: int) -> object:
        parameters.finish()
        if session.credential is None:
            raise unauthorized()
        if not self._keys.knows(session.credential):
            raise _SessionRevoked
        permit(session.credential, Security.USER_DATA)
        return {"subscriptionId": session.subscribe(session.credential, by_logon=True)}

    def _subscribe_signed(self, session: ApiSession, parameters: Parameters, wall_ns: int) -> object:
        credential = self._verify(parameters, wall_ns)
        parameters.finish()
        permit(credential, Security.USER_DATA)
        return {"subscriptionId": session.subscribe(credential, by_logon=False)}

    def _unsubscribe(self, session: ApiSession, parameters: Parameters, wall_ns: int) -> object:
        subscription_id = parameters.integer("subscriptionId")
        parameters.finish()
        self._ended = session.unsubscribe(subscription_id)
        return {}

    # -- events -------------------------------------------------------------------------------------------------

    def user_event(self, account: str, render: Callable[[Stamp], dict[str, object]]) -> None:
        """Give an account's event to everybody who subscribed to it; rendered once per time unit."""
        rendered: dict[Stamp, bytes] = {}
        for session in self.sessions.values():
            for subscription in session.subscriptions.values():
                if subscription.account == account:
                    event = rendered.get(session.stamp)
                    if event is None:
                        event = rendered[session.stamp] = encode_json(render(session.stamp))
                    self.events_sent += 1
                    session.send_event(subscription.subscription_id, event)

    def revoke(self, api_key: str, wall_ns: int) -> None:
        """A key has been revoked: its subscriptions end now, its sessions with their next request."""
        for session in self.sessions.values():
            self._tell_terminated(session, session.revoke(api_key), wall_ns)

    def announce_shutdown(self, wall_ns: int) -> None:
        for session in self.sessions.values():
            session.send_connection_event(server_shutdown(wall_ns, session.stamp))

    def _tell_ended(self, session: ApiSession, wall_ns: int) -> None:
        """After the answer to what ended them, say that the streams have ended."""
        ended, self._ended = self._ended, []
        self._tell_terminated(session, ended, wall_ns)

    def _tell_terminated(self, session: ApiSession, ended: list[Subscription], wall_ns: int) -> None:
        for subscription in ended:
            event = encode_json(stream_terminated(wall_ns, session.stamp))
            session.send_event(subscription.subscription_id, event)


def _decode(data: bytes, is_text: bool) -> _Request | None:
    """None for what is not a request: not text, not JSON, of another shape, or with an impossible id."""
    try:
        request = _decoder.decode(data)
        bytes(request.id).decode()
    except (msgspec.MsgspecError, RecursionError, UnicodeError):
        return None
    return request if is_text and _is_id(bytes(request.id)) else None


def _is_id(raw: bytes) -> bool:
    """A whole number, a text or null, of a length that is worth echoing."""
    is_number = raw.removeprefix(b"-").isdigit()
    return len(raw) <= _ID_BYTES_MAX and (raw == b"null" or raw[:1] == b'"' or is_number)


def _unversioned(method: str) -> str:
    return method.removeprefix("v3/")


def _find_operation(
    method: str, session_methods: dict[str, Callable[[ApiSession, Parameters, int], object]]
) -> Operation | None:
    """The operation of a method; None for those of the session itself. Raises ApiError for an unknown one."""
    name = _unversioned(method)
    if name in session_methods:
        return None
    if name in _GONE:
        raise ApiError(-1016, "This service is no longer available.", status=410)
    operation = BY_WS_METHOD.get(name)
    if operation is None:
        raise ApiError(-1020, "This operation is not supported.")
    return operation


def _error(error: ApiError, stamp: Stamp, wall_ns: int) -> bytes:
    body = error.body()
    if error.retry_after_ns:
        body["data"] = {"serverTime": stamp(wall_ns), "retryAfter": stamp(error.retry_after_ns)}
    return encode_json(body)
