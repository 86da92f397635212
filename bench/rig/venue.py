"""The simulated Binance that benches measure at: it writes ticks when it is told to, and stamps orders as they come in.

Everything else is the venue itself, its real protocol included. Its order entry is written to be exact, not fast: it
takes longer than an engine needs to send the next order. For floods there is a *swift* way past it: frames are cut and
decoded right here, and answered with the answer and the two reports (NEW and EXPIRED, or NEW and TRADE) that an IOC
order gets. It can hold: then frames are only cut and counted until there are so many, so that reading never waits for
answering.
"""

import time
from collections.abc import Callable

import msgspec
from websockets.frames import apply_mask as _apply_mask  # type: ignore[attr-defined]

from adapters.simulator.binance import SimAccount, SimulatedBinance, VenueLimits, VenueOptions
from adapters.simulator.binance.orders import Stamp
from adapters.simulator.binance.sessions import ApiSession
from adapters.simulator.http_server import HttpRequest, HttpResponse
from adapters.simulator.order import SimOrder
from adapters.simulator.synthetic_market import default_instrument
from adapters.simulator.websocket_server import text_frame
from bench.rig.listen_keys import ListenKeys
from bench.rig.market import TickMarket
from engine.actor import Endpoint

__all__ = ["TickVenue"]

_MANY = 10**9
_LIMITS = VenueLimits(
    weight_per_minute=_MANY,
    requests_per_5_minutes=_MANY,
    connections_per_5_minutes=_MANY,
    orders_per_10_seconds=_MANY,
    orders_per_day=_MANY,
)
_FIRST_SWIFT_ORDER_ID = 10**12


class _Parameters(msgspec.Struct):
    symbol: str
    price: str
    quantity: str
    client_order_id: str = msgspec.field(name="newClientOrderId")


class _Request(msgspec.Struct):
    id: str
    method: str
    params: _Parameters


_decode = msgspec.json.Decoder(_Request).decode

#: (symbol, price in ticks) of an order, and when its bytes arrived on the monotonic clock.
OnOrder = Callable[[str, int, int], None]


class TickVenue(SimulatedBinance):
    """``on_order`` hears of every order that the venue takes."""

    def __init__(
        self,
        symbols: tuple[str, ...],
        accounts: tuple[SimAccount, ...],
        endpoints: tuple[Endpoint, ...],
        on_order: OnOrder,
    ) -> None:
        self.swift = False
        #: Each so manieth swift order is filled; 0: none.
        self.fill_every = 0
        self._hold = self._taken = 0
        self._held: list[tuple[bytes, int]] = []
        self._held_of = ""
        self._tell = on_order
        self._arrived_ns = 0
        self._cut: dict[str, bytes] = {}
        self._swift_orders = _FIRST_SWIFT_ORDER_ID
        self.ticks: dict[str, TickMarket] = {}
        for number, symbol in enumerate(symbols):
            instrument = msgspec.structs.replace(default_instrument(number, symbol), open_orders_max=1_000_000)
            self.ticks[symbol] = TickMarket(instrument, self._taker_of(symbol))
        self._listen_keys = ListenKeys(accounts)
        super().__init__(self.ticks, accounts, endpoints, VenueOptions(limits=_LIMITS))

    def _taker_of(self, symbol: str) -> Callable[[SimOrder], None]:
        return lambda order: self._tell(symbol, order.price_ticks, self._arrived_ns)

    def hold(self, orders: int) -> None:
        """From now on so many orders are let in before they are looked at; 0: each is answered as it comes."""
        self.give_up_holding(self._arrived_ns)
        self._hold, self._taken = orders, 0

    def give_up_holding(self, before_ns: int) -> None:
        """Answer what is held, when the last of it came by then."""
        session = self.api.sessions.get(self._held_of)
        if self._held and self._arrived_ns <= before_ns and session is not None:
            others = self._answer_held(self._held_of, session)
            if others:
                super().on_link_bytes(self._held_of, others, time.monotonic_ns())

    # -- ticks --------------------------------------------------------------------------------------------------

    def prepare(self, symbol: str, orders: int) -> tuple[int, Callable[[], None]]:
        """Make a tick; returns its bid in ticks, and what writes it to everybody who follows the symbol."""
        bid_ticks, payload = self.ticks[symbol].tick(orders)
        return bid_ticks, self._writer(f"{symbol.lower()}@bookTicker", payload)

    def prepare_book(self, symbol: str) -> tuple[int, Callable[[], None]]:
        """Change the book; returns its new best bid in ticks, and what writes the diff."""
        bid_ticks, payload = self.ticks[symbol].change_book(time.time_ns() // 1_000_000)
        return bid_ticks, self._writer(f"{symbol.lower()}@depth@100ms", payload)

    def _writer(self, stream: str, payload: bytes) -> Callable[[], None]:
        combined = text_frame(b'{"stream":"%b","data":%b}' % (stream.encode(), payload))
        plain = text_frame(payload)
        followers = [each for each in self.streams.connections.values() if stream in each.streams]
        frames = [(each.send_frame, combined if each.is_combined else plain) for each in followers]

        def write() -> None:
            for send_frame, frame in frames:
                send_frame(frame)

        return write

    # -- user data by listen key --------------------------------------------------------------------------------

    def user_event(self, account: str, render: Callable[[Stamp], dict[str, object]]) -> None:
        super().user_event(account, render)
        self._listen_keys.tell(account, render, list(self.streams.connections.values()))

    def respond(self, request: HttpRequest) -> HttpResponse:
        return self._listen_keys.respond(request) or super().respond(request)

    # -- orders -------------------------------------------------------------------------------------------------

    def on_link_bytes(self, link: str, data: bytes, now_ns: int) -> None:
        self._arrived_ns = time.monotonic_ns()
        session = self.api.sessions.get(link)
        if session is not None and session.credential is not None and (self.swift or link in self._cut):
            data = self._take_swiftly(link, session, self._cut.pop(link, b"") + data)
        if data:
            super().on_link_bytes(link, data, now_ns)

    def _take_swiftly(self, link: str, session: ApiSession, data: bytes) -> bytes:
        """Answer the new orders among whole frames; returns all other whole frames, for the venue itself."""
        at, end, held, already = 0, len(data), self._held, len(self._held)
        while (stop := _frame_end(data, at, end)) is not None:
            held.append((data[at:stop], self._arrived_ns))
            at = stop
        if at < end:
            self._cut[link] = data[at:]
        before, self._taken = self._taken, self._taken + len(held) - already
        if self._hold and before // self._hold == self._taken // self._hold:
            self._held_of = link
            return b""
        return self._answer_held(link, session)

    def _answer_held(self, link: str, session: ApiSession) -> bytes:
        held, self._held = self._held, []
        answers, others = [], []
        for frame, arrived_ns in held:
            request = _read_order(frame)
            if request is None:
                others.append(frame)
            else:
                answers.append(self._answer(session, request, arrived_ns))
        if answers:
            self.server.links.write(link, b"".join(answers), self._now_ns)
        return b"".join(others)

    def _answer(self, session: ApiSession, request: _Request, arrived_ns: int) -> bytes:
        terms = request.params
        self._tell(terms.symbol, self.ticks[terms.symbol].instrument.price_ticks(terms.price), arrived_ns)
        self._swift_orders += 1
        order_id, time_now = self._swift_orders, session.stamp(time.time_ns())
        answer = (
            f'{{"id":"{request.id}","status":200,"result":{{"symbol":"{terms.symbol}","orderId":{order_id},'
            f'"orderListId":-1,"clientOrderId":"{terms.client_order_id}","transactTime":{time_now}}}}}'
        )
        subscription = next(iter(session.subscriptions), 0)
        nothing = ("0.00000000", "0.00000000", -1)
        ends = ("EXPIRED", "EXPIRED", "false", *nothing)
        if self.fill_every and self._swift_orders % self.fill_every == 0:
            ends = ("TRADE", "FILLED", "false", terms.quantity, terms.price, order_id)
        reports = (
            f'{{"subscriptionId":{subscription},"event":{{"e":"executionReport","E":{time_now},"s":"{terms.symbol}",'
            f'"c":"{terms.client_order_id}","S":"BUY","o":"LIMIT","f":"IOC","q":"{terms.quantity}","p":"{terms.price}",'
            f'"P":"0.00000000","F":"0.00000000","g":-1,"C":"","x":"{kind}","X":"{status}","r":"NONE","i":{order_id},'
            f'"l":"{lots}","z":"{lots}","L":"{price}","n":"0","N":null,"T":{time_now},"t":{trade},'
            f'"I":{order_id},"w":{on_book},"m":false,"M":false,"O":{time_now},"Z":"0.00000000","Y":"0.00000000",'
            f'"Q":"0.00000000","W":{time_now},"V":"NONE"}}}}'
            for kind, status, on_book, lots, price, trade in (("NEW", "NEW", "true", *nothing), ends)
        )
        return b"".join(text_frame(text.encode()) for text in (answer, *reports))


def _frame_end(data: bytes, at: int, end: int) -> int | None:
    """Where the client's frame that begins at ``at`` ends; None when it is not whole yet."""
    if end - at < 2:
        return None
    length, start = data[at + 1] & 0x7F, at + 6
    if length >= 126:
        extra = 2 if length == 126 else 8
        if end - at < 2 + extra:
            return None
        length, start = int.from_bytes(data[at + 2 : at + 2 + extra], "big"), start + extra
    return start + length if start + length <= end else None


def _read_order(frame: bytes) -> _Request | None:
    """The new order in a whole masked frame; None for anything else."""
    if frame[0] != 0x81:
        return None
    length = frame[1] & 0x7F
    start = 2 + (0 if length < 126 else 2 if length == 126 else 8)
    payload = _apply_mask(frame[start + 4 :], frame[start : start + 4])
    try:
        request = _decode(payload)
    except msgspec.MsgspecError:
        return None
    return request if request.method == "order.place" else None
