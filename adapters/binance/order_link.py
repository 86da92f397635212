"""The order link: what comes on the WebSocket API goes to whom it concerns."""

import msgspec

from adapters.binance.amends import AmendFrame, AmendLink, Amends
from adapters.binance.core import SessionCore
from adapters.binance.logon import LOG_ON, STAGE_TIMER, SUBSCRIBE, Logon
from adapters.binance.messages import OrdersMessage, ReportEnvelope
from adapters.binance.order_entry import CancelFrame, OrderEntry
from adapters.binance.order_lists import ListFrame, OrderLists
from adapters.binance.orders import OrderEncoder
from adapters.binance.queries import Queries
from adapters.binance.urls import BinanceEndpoints
from adapters.binance.user_data import UserData
from adapters.links import WebSocketLink
from adapters.purpose import Purpose
from engine.errors import VenueError

__all__ = ["ORDERS_LINK", "OrderLink"]

ORDERS_LINK = "session:orders"
_AMEND_WEIGHT = 4
_MICROSECONDS = "?timeUnit=MICROSECOND"

_PUSH, _REPORT = b'{"subscriptionId":', b',"event":{"e":"executionReport"'
_REPORT_WITHIN = len(_PUSH) + 20 + len(_REPORT)

_decode = msgspec.json.Decoder(OrdersMessage).decode
_decode_report = msgspec.json.Decoder(ReportEnvelope).decode


class OrderLink:
    """Owner of the link ``session:orders``."""

    def __init__(
        self,
        core: SessionCore,
        endpoints: BinanceEndpoints,
        encoder: OrderEncoder,
        can_log_on: bool,
        recalled: dict[str, tuple[AmendLink, int]],
    ) -> None:
        self._core = core
        path = endpoints.orders_path + (_MICROSECONDS if core.options.time_unit == "MICROSECOND" else "")
        self.link = WebSocketLink(core, ORDERS_LINK, endpoints.orders, path, self)
        self.entry = OrderEntry(core)
        self.lists = OrderLists(core)
        self.queries = Queries(core, encoder, self._send_signed)
        self.amends = Amends(core, recalled)
        self.user_data = UserData(core, self.entry, self.amends)
        self.queries.amends = self.amends
        self.logon = Logon(core, encoder, can_log_on, self.link.send, self.link.drop)
        self._entry_answers = {"n": self.entry.on_new, "c": self.entry.on_cancel, "r": self.entry.on_replace}

    @property
    def may_request(self) -> bool:
        """Whether a signed request can be sent now."""
        return self.link.is_open and self.logon.may_request

    def close(self, now_ns: int) -> None:
        """Close for good."""
        for key in (STAGE_TIMER, f"{ORDERS_LINK}:replaces", f"{ORDERS_LINK}:queries"):
            self._core.ctx.cancel_timer(key)
        self.link.close(now_ns)

    # -- sending ---------------------------------------------------------------------------------------------

    def transmit(self, frame: bytes, now_ns: int) -> None:
        """Write a frame of order entry, count it; one that cannot leave is refused in a callback of its own."""
        if not self.may_request:
            self._not_sent(frame, "order link is down; nothing was sent", now_ns)
            return
        core = self._core
        venue_ns = core.clock.venue_ns(now_ns)
        purpose = Purpose.NEW_ORDER
        if isinstance(frame, CancelFrame):
            purpose = Purpose.CANCEL
            # Nobody has looked before: cancels pass every gate. Beyond the limits they would end in a ban.
            if not core.limits.has_room(purpose, 1, venue_ns, now_ns):
                self.entry.not_sent(frame, "no room within the venue's rate limits; nothing was sent", now_ns)
                return
        core.ctx.write(ORDERS_LINK, frame)
        if isinstance(frame, AmendFrame):
            core.limits.sent(Purpose.QUERY, _AMEND_WEIGHT, venue_ns)  # it is no new order
            self.amends.sent(frame)
            return
        core.limits.sent(purpose, 1, venue_ns)
        if isinstance(frame, ListFrame):
            for _ in frame.client_order_ids[1:]:
                core.limits.sent(purpose, 1, venue_ns)
            self.lists.sent(frame)
        else:
            self.entry.sent(frame, now_ns)

    def _not_sent(self, frame: bytes, text: str, now_ns: int) -> None:
        if isinstance(frame, ListFrame):
            self.lists.not_sent(frame, text, now_ns)
        else:
            self.entry.not_sent(frame, text, now_ns)

    def _send_signed(self, payload: bytes) -> bool:
        if not self.may_request:
            return False
        self.link.send(payload)
        return True

    # -- the link's owner ------------------------------------------------------------------------------------

    def on_open(self, now_ns: int) -> None:
        self.logon.begin(now_ns)

    def on_lost(self, reason: str, now_ns: int) -> None:
        self._core.limits.lost()
        self.logon.lost(reason, now_ns)
        self.entry.lost(now_ns)
        self.lists.lost()
        self.amends.lost()
        self.queries.lost(now_ns)

    def on_message(self, message: bytes, now_ns: int) -> None:
        # The usual push begins so, and is decoded in one pass; whatever begins in another way is decoded in two.
        if message.startswith(_PUSH) and message.find(_REPORT, len(_PUSH), _REPORT_WITHIN) > 0:
            self.user_data.on_report(_decode_report(message).event, now_ns)
            return
        decoded = _decode(message)
        if decoded.event:
            self._on_event(decoded.event, now_ns)
            return
        request_id = decoded.id
        if not isinstance(request_id, str):
            self._unaddressed(decoded, now_ns)
            return
        kind = request_id[:2]
        if kind in ("n:", "c:", "r:"):
            self._on_entry(request_id, decoded, now_ns)
        elif kind == "k:":
            cost = 0 if decoded.status == 200 else _AMEND_WEIGHT
            self._core.limits.answered(Purpose.QUERY, _AMEND_WEIGHT, cost, self._core.clock.venue_ns(now_ns))
            self.amends.on_answer(request_id[2:], decoded, now_ns)
        elif kind == "L:":
            self._on_list(request_id[2:], decoded, now_ns)
        elif request_id in (LOG_ON, SUBSCRIBE):
            self.logon.on_answer(decoded, now_ns)
        else:
            self.queries.on_answer(request_id, decoded, now_ns)
        if decoded.rateLimits:
            self._core.limits.report(decoded.rateLimits, self._core.clock.venue_ns(now_ns))

    def on_timer(self, key: str, now_ns: int) -> None:
        if key == STAGE_TIMER:
            self.logon.on_timer(now_ns)
            return
        what = key.removeprefix(f"{ORDERS_LINK}:")
        if what == "replaces":
            self.entry.on_timer(now_ns)
        elif what == "queries":
            self.queries.on_timer(now_ns)
        else:
            self.link.on_timer(what, now_ns)

    # -- inside ----------------------------------------------------------------------------------------------

    def _on_entry(self, request_id: str, answer: OrdersMessage, now_ns: int) -> None:
        kind = request_id[0]
        purpose = Purpose.CANCEL if kind == "c" else Purpose.NEW_ORDER
        cost = 0 if answer.status == 200 else 1
        self._core.limits.answered(purpose, 1, cost, self._core.clock.venue_ns(now_ns))
        self._entry_answers[kind](request_id[2:], answer, now_ns)

    def _on_list(self, first: str, answer: OrdersMessage, now_ns: int) -> None:
        orders = self.lists.on_answer(first, answer, now_ns)
        cost = 0 if answer.status == 200 else 1
        for _ in range(orders):
            self._core.limits.answered(Purpose.NEW_ORDER, 1, cost, self._core.clock.venue_ns(now_ns))
            cost = 0

    def _on_event(self, event: msgspec.Raw, now_ns: int) -> None:
        kind = self.user_data.on_event(event, now_ns)
        if kind == "serverShutdown":
            self.link.drop("the venue's server shuts down", now_ns, 0)
        elif kind == "eventStreamTerminated":
            self.link.drop("the user data stream was terminated", now_ns)

    def _unaddressed(self, answer: OrdersMessage, now_ns: int) -> None:
        """An error about a request that the venue does not name: whatever is in flight is in doubt."""
        self._core.judge(answer.status, answer.error, 0, now_ns)
        error = answer.error
        raise VenueError(f"answer without an id: {answer.status} {f'{error.code} {error.msg}' if error else ''}")
