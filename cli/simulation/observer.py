"""Sees bytes and messages leave, and tells the promises: a view of the engine that asks the engine nothing.

Order requests are read off the WebSocket frames as the venue would read them, unmasked and decoded here.
"""

from collections.abc import Callable

import msgspec
from websockets.frames import apply_mask  # type: ignore[attr-defined]

from actors.places import KILL_SWITCH, NODE_AGENT, undertaker_actor
from actors.runtime.virtual_host import VirtualActor
from actors.venue_records import decode_record
from adapters.binance.order_link import ORDERS_LINK
from adapters.simulator.binance.orders import OrderRecord, TradeRecord
from cli.simulation.account_promise import AccountPromise
from cli.simulation.halt_promise import HaltPromise
from cli.simulation.intruder import INTRUDER
from cli.simulation.journal import LossyJournal
from cli.simulation.lease_promise import LeasePromise
from cli.simulation.limit_promise import LimitPromise
from cli.simulation.scenario import VenuePlan
from cli.simulation.trace import Trace
from cli.simulation.truth import OrderTruth, Violation
from engine.codes import Side
from engine.instrument import Instrument
from engine.messages import (
    Kill,
    KillApproval,
    KillProgress,
    KillReceipt,
    KillRelease,
    LeaseGrant,
    LeaseRefusal,
    LeaseRequest,
    Message,
    NewOrder,
    decode_message,
)

__all__ = ["Observer"]

_TEXT_FRAME = 0x81
_METHODS = ("order.place", "order.cancelReplace")
#: Messages that matter here, by tag; the others are passed over without being decoded.
_SENT_TAGS = {LeaseRequest: 40, LeaseGrant: 41, KillProgress: 51, KillReceipt: 52, NewOrder: 10}
_DELIVERED_TAGS = {LeaseGrant: 41, LeaseRefusal: 42, Kill: 50, KillApproval: 53, KillRelease: 54}
_SENT, _DELIVERED = frozenset(_SENT_TAGS.values()), frozenset(_DELIVERED_TAGS.values())


class _Params(msgspec.Struct):
    symbol: str = ""
    side: str = ""
    quantity: str = ""
    newClientOrderId: str = ""
    apiKey: str = ""


class _Request(msgspec.Struct):
    id: str
    method: str
    params: _Params


_decode_request = msgspec.json.Decoder(_Request).decode


class Observer:
    """A ``NetworkProbe``. ``instruments`` by (venue actor, symbol); ``on_repeatable(cell, peer, payload)`` is told of
    messages that may come again; ``lives_since(host)``: when its present life began, None when it is dead;
    ``on_order(venue actor)``: an order leaves it."""

    def __init__(
        self,
        trace: Trace,
        instruments: dict[tuple[str, str], Instrument],
        plans: dict[str, VenuePlan],
        journals: dict[str, LossyJournal],
        lease: LeasePromise,
        limit: LimitPromise,
        halt: HaltPromise,
        account: AccountPromise,
        on_repeatable: Callable[[VirtualActor, str, bytes], None],
        lives_since: Callable[[str], int | None],
        on_order: Callable[[str], None],
    ) -> None:
        self._trace, self._instruments, self._plans, self._journals = trace, instruments, plans, journals
        self._lease, self._limit, self._halt, self._account = lease, limit, halt, account
        self._on_repeatable, self._lives_since, self._on_order_left = on_repeatable, lives_since, on_order
        self._undertakers = {undertaker_actor(plan.name): venue for venue, plan in plans.items()}
        self._in_flight: dict[int, tuple[bytes, OrderTruth]] = {}
        #: Venue actors at which something has changed since the promises were last checked.
        self.touched: set[str] = set()
        self.orders_written = 0
        #: Something has come to the kill switch that may change the latch page.
        self.kill_switch_heard = False
        #: When a cancel last left, by client order id; of everything at once by venue actor.
        self.cancels: dict[str, int] = {}
        #: Of approvals by people who may, made by themselves.
        self.true_signatures: set[str] = set()

    # -- bytes --------------------------------------------------------------------------------------------------

    def on_write(self, cell: VirtualActor, link: str, data: bytes) -> None:
        if link != ORDERS_LINK:
            if b"/api/v3/order" in data and not data.startswith((b"GET", b"DELETE")):
                raise Violation("Lease", f"{cell.name} sends an order over {link}: {data[:80]!r}")
            return
        if data[0] != _TEXT_FRAME:
            return
        payload = _unmask(data)
        if payload.startswith((b'{"id":"n:', b'{"id":"r:')):
            self._on_order(cell, data, _decode_request(payload))
            return
        now_ns, asked = cell.host.runtime.now_ns, payload[7:48].decode().partition('"')[0]
        self._trace.note(now_ns, cell.name, "asks", asked)
        if asked.startswith("c:"):
            self.cancels[asked[2:]] = now_ns
        elif asked.startswith("a:"):
            self.cancels[cell.name] = now_ns
            if cell.name in self._undertakers:
                self._halt.acts_for(self._undertakers[cell.name], "undertaken")

    def _on_order(self, cell: VirtualActor, data: bytes, request: _Request) -> None:
        params, venue = request.params, cell.name
        now_ns = cell.host.runtime.now_ns
        name = params.newClientOrderId
        self._trace.note(now_ns, venue, "writes", request.method, name, params.side, params.quantity, params.symbol)
        instrument = self._instruments.get((venue, params.symbol))
        if request.method not in _METHODS or instrument is None:
            raise Violation("Isolation", f"{venue} writes {request.method} for {params.symbol}")
        if params.apiKey != _key_of(self._plans[venue]):
            raise Violation("Isolation", f"{venue} writes {name} with the key of another account")
        lots = instrument.quantity_lots(params.quantity)
        if name.startswith("flatten-"):
            self._account.closing(name, self._on_behalf_of(venue, name), venue)
        order = self._account.written(name, venue, instrument.instrument_id, Side[params.side], lots)
        if not self._journals[venue].holds(name.encode()):
            raise Violation("Account", f"{name} left {venue} and is not in its journal")
        self._lease.writes_order(cell, name)
        self._limit.writes_order(order, request.method == "order.cancelReplace", now_ns)
        self._halt.writes_order(order)
        self._on_order_left(venue)
        self._in_flight[id(data)] = (data, order)
        self.touched.add(venue)
        self.orders_written += 1

    def _on_behalf_of(self, venue: str, client_order_id: str) -> str:
        """Which strategy an order of the engine's own is for: its journal says."""
        for payload in self._journals[venue].newest():
            record = decode_record(payload)
            if isinstance(record, NewOrder) and record.client_order_id == client_order_id:
                return record.strategy_id
        raise Violation("Account", f"{client_order_id} left {venue} and is not in its journal")

    def on_written(self, cell: VirtualActor, link: str, data: bytes) -> None:
        flown = self._in_flight.pop(id(data), None)
        if flown is not None:
            self._limit.landed(flown[1])
            self.touched.add(flown[1].venue)

    # -- messages -----------------------------------------------------------------------------------------------

    def on_send(self, cell: VirtualActor, peer: str, payload: bytes) -> None:
        if _tag(payload) not in _SENT or cell.name == INTRUDER:
            return
        message = decode_message(payload)
        if isinstance(message, KillReceipt):
            self._halt.receipt(message)
            return
        if isinstance(message, LeaseRequest):
            self._lease.asked(cell, message)
        elif isinstance(message, LeaseGrant):
            self._lease.granting(cell, message, cell.name == KILL_SWITCH)
        elif isinstance(message, KillProgress):
            self._trace.note(cell.host.runtime.now_ns, cell.name, message.stage, message.kill_id, message.failure)
            self._halt.progress(message)
            if cell.name == NODE_AGENT and message.stage == "halted":
                self._halt.fenced(message, self._lives_since(message.venue_actor))
        self._on_repeatable(cell, peer, payload)

    def on_deliver(self, cell: VirtualActor, sender: str, payload: bytes) -> None:
        if _tag(payload) not in _DELIVERED:
            return
        message = decode_message(payload)
        if isinstance(message, LeaseGrant):
            self._lease.granted(cell, message)
        elif isinstance(message, LeaseRefusal):
            self._lease.refused(cell, message)
        elif cell.name == KILL_SWITCH:
            self._to_kill_switch(cell, message)

    def _to_kill_switch(self, cell: VirtualActor, message: Message) -> None:
        self.kill_switch_heard = True
        if isinstance(message, Kill):
            self._halt.reached(message.kill_id)
        elif isinstance(message, KillApproval):
            self._halt.approved(message, message.signature in self.true_signatures)
        elif isinstance(message, KillRelease):
            self._halt.release_asked(message.kill_id, cell.wall_ns(cell.host.clock_ns()))

    # -- the venue's books --------------------------------------------------------------------------------------

    def watch(self, venue: str, now_ns: Callable[[], int]) -> Callable[[OrderRecord, str, TradeRecord | None], None]:
        """For ``Exchange.on_change`` of the venue that this venue actor trades at."""
        account = self._plans[venue].account

        def on_change(record: OrderRecord, what: str, trade: TradeRecord | None) -> None:
            if record.account.name != account:
                return
            name = record.terms.client_order_id
            text = f"{what} {trade.quantity_lots}@{trade.price_ticks} #{trade.trade_id}" if trade else what
            self._trace.note(now_ns(), f"exchange.{self._plans[venue].name}", text, name, record.status)
            order = self._account.changed(name, record.leaves_lots, record.is_open)
            if order is None:
                raise Violation("Isolation", f"{venue} has order {name} at the venue, which nobody asked for")
            if trade is not None:
                self._account.traded(order, str(trade.trade_id), trade.quantity_lots)
            self.touched.add(venue)

        return on_change


def _key_of(plan: VenuePlan) -> str:
    return f"{plan.name}key".ljust(64, "x")


def _tag(payload: bytes) -> int:
    """The tag of an array-like message: its first element, after a head of one byte or, beyond 15 fields, three."""
    return payload[1] if payload[0] < 0xA0 else payload[3]


def _unmask(frame: bytes) -> bytes:
    """The payload of one final masked text frame."""
    length = frame[1] & 0x7F
    at = 2 if length < 126 else 4 if length == 126 else 10
    payload: bytes = apply_mask(frame[at + 4 :], frame[at : at + 4])
    return payload
