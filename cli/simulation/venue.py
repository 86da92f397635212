"""A simulated Binance that misbehaves as real venues do: answers that are lost or say nothing, requests that vanish,
reports that come late, fills while a cancel is on its way, bans, disconnects.

Its orders and books stay exact: what it did is the truth that the promises are measured against.
"""

from collections import deque
from random import Random

from adapters.simulator.binance.connections import WebSocketConnection
from adapters.simulator.binance.errors import ApiError
from adapters.simulator.binance.listing import Listing
from adapters.simulator.binance.orders import OrderRecord, OrderTerms
from adapters.simulator.binance.settings import SimAccount, SimKey, VenueLimits, VenueOptions
from adapters.simulator.binance.venue import SimulatedBinance
from adapters.simulator.http_server import HttpRequest, HttpResponse
from adapters.simulator.market import Public
from adapters.simulator.synthetic_market import FlowParameters, SyntheticMarket, default_instrument
from adapters.simulator.websocket_server import WebSocketMessage
from cli.simulation.scenario import Scenario, VenuePlan
from cli.simulation.trace import Trace
from engine.actor import Endpoint
from engine.codes import Side

__all__ = ["BALANCES", "CROWD", "FaultyVenue", "api_key", "make_venue", "secret"]

BALANCES = (("USDT", "1000000"), ("BTC", "20"), ("ETH", "20"))
#: The account that trades against ours when a strike is due.
CROWD = "crowd"
_RICH = tuple((asset, "1000000000") for asset, _ in BALANCES)
_LAG_TIMER = "lag"
_STRIKE_LEVELS = 40
#: Statuses and codes that say nothing about what was done.
_IN_DOUBT = (
    b'"status":504,"error":{"code":-1007,"msg":"Timeout waiting for response from backend server."}}',
    b'"status":500,"error":{"code":-1000,"msg":"An unknown error occurred while processing the request."}}',
    b'"status":503,"error":{"code":-1006,"msg":"An unexpected response was received from the message bus."}}',
)


def api_key(account: str) -> str:
    return f"{account}key".ljust(64, "x")


def secret(account: str) -> str:
    return f"{account}secret".ljust(64, "x")


class FaultyVenue(SimulatedBinance):
    """Misbehaves as its attributes say, until they are set back.

    Attributes:
        lose_answers, doubt_answers, lose_requests: so many of the next ones.
        fail_rest: so many of the next REST requests are answered with a 5xx.
        lose_market: so many of the next public events nobody is told: the sequence has a gap.
        lag_ns: how long its order and balance events wait; they keep their order among themselves.
        strikes_on_cancel: an order is filled, in part or whole, when its cancel arrives.
    """

    trace: Trace

    def __init__(self, name: str, plan: VenuePlan, seed: int) -> None:
        self._name, self.plan = name, plan
        self._chance = Random(f"{seed}/{name}")
        self.lose_answers = self.doubt_answers = self.lose_requests = self.fail_rest = self.lose_market = 0
        self.lag_ns = self.bans_until_ns = 0
        self.strikes_on_cancel = False
        self._late: dict[str, deque[tuple[int, bytes]]] = {}
        flow = FlowParameters(
            events_per_second=plan.events_per_second,
            market_percent=20,
            levels=30,
            resting_orders=60,
            distance_ticks=(1, 8, 40),
        )
        markets = {
            symbol: SyntheticMarket(default_instrument(number, symbol, plan.name), seed + number, flow)
            for number, symbol in enumerate(plan.symbols)
        }
        keys = (SimKey(api_key(plan.name), "hmac", secret=secret(plan.name)),)
        super().__init__(
            markets,
            (SimAccount(plan.account, keys, BALANCES), SimAccount(CROWD, (), _RICH)),
            (Endpoint("localhost", plan.port, False),),
            VenueOptions(VenueLimits(orders_per_10_seconds=1_000), read_lag_ns=plan.read_lag_ns, seed=seed),
        )

    @property
    def key(self) -> str:
        """The API key that our account has here."""
        return api_key(self.plan.name)

    @property
    def is_banning(self) -> bool:
        """For the engine it may go on for a while: it keeps the silence that it was asked for."""
        return self.bans_until_ns > self._now_ns

    @property
    def is_lagging(self) -> bool:
        return bool(self._late)

    def behave(self, now_ns: int) -> None:
        """From now on it does nothing wrong, and what it held back is told."""
        self.lose_answers = self.doubt_answers = self.lose_requests = self.lag_ns = 0
        self.fail_rest = self.lose_market = 0
        self.strikes_on_cancel = False
        self.limits.banned_until_ns = 0
        self.restore_key(api_key(self.plan.name))
        for symbol in self.plan.symbols:
            self.set_trading(symbol, True)
        self._ctx.set_timer(_LAG_TIMER, now_ns)

    # -- what it does wrong -------------------------------------------------------------------------------------

    def ban(self, duration_ns: int, now_ns: int) -> None:
        self.limits.banned_until_ns = self._ctx.wall_ns(now_ns) + duration_ns
        self.bans_until_ns = now_ns + duration_ns + 2_000_000_000

    def drop_connections(self, now_ns: int) -> None:
        self._begin(now_ns)
        for link in [link for link, each in self._connections.items() if isinstance(each, WebSocketConnection)]:
            self._close(link, 1001, "going away")
        self._finish()

    def strike_any(self, now_ns: int) -> None:
        """Somebody trades against one of our orders."""
        symbol = self._chance.choice(self.plan.symbols)
        records = self.exchange.orders.open_orders(self.plan.account, symbol)
        if records:
            self._begin(now_ns)
            self._strike(self._chance.choice(records), now_ns)
            self._finish()

    def _strike(self, record: OrderRecord, now_ns: int) -> None:
        listing = record.listing
        ours_buys = record.terms.side is Side.BUY
        _, bids, asks = listing.market.snapshot(_STRIKE_LEVELS)
        price_ticks = record.terms.price_ticks
        ahead_lots = sum(
            lots
            for ticks, lots in (bids if ours_buys else asks)
            if (ticks >= price_ticks if ours_buys else ticks <= price_ticks)
        )
        lots = max(1, ahead_lots - self._chance.choice([0, record.leaves_lots // 2]))
        terms = OrderTerms(
            listing,
            Side.SELL if ours_buys else Side.BUY,
            "LIMIT",
            "IOC",
            price_ticks,
            lots,
            0,
            f"crowd-{self._chance.randrange(1 << 40):x}",
            "NONE",
            "ACK",
        )
        try:
            self.exchange.place(self.exchange.accounts[CROWD], terms, now_ns)
        except ApiError:
            return  # the symbol is closed

    # -- what it says and hears ---------------------------------------------------------------------------------

    def _send(self, link: str, data: bytes) -> None:
        if data.startswith(b'{"id":"'):
            if self.lose_answers:
                self.lose_answers -= 1
                self.trace.note(self._now_ns, self._name, "loses the answer to", _id_of(data))
                return
            if self.doubt_answers and data[7:9] in (b"n:", b"c:", b"r:", b"a:"):
                self.doubt_answers -= 1
                data = data[: data.index(b'"', 7) + 2] + self._chance.choice(_IN_DOUBT)
                self.trace.note(self._now_ns, self._name, "answers in doubt to", _id_of(data))
        elif link in self._late or self.lag_ns:
            self._hold(link, data)
            return
        super()._send(link, data)

    def _respond(self, request: HttpRequest) -> HttpResponse:
        if not self.fail_rest:
            return super()._respond(request)
        self.fail_rest -= 1
        if request.method != "GET" and self._chance.random() < 0.5:
            super()._respond(request)  # done, and not told
        status = self._chance.choice([500, 502, 503, 504])
        self.trace.note(self._now_ns, self._name, "answers", status, "to", request.method, request.target[:40])
        return HttpResponse(status, b"<html>an error of a proxy</html>", content_type="text/html")

    def public_event(self, listing: Listing, event: Public) -> None:
        if self.lose_market:
            self.lose_market -= 1
            return
        super().public_event(listing, event)

    def _hold(self, link: str, data: bytes) -> None:
        late = self._late.setdefault(link, deque())
        due_ns = self._now_ns + (self._chance.randrange(self.lag_ns) if self.lag_ns else 0)
        late.append((max(due_ns, late[-1][0]) if late else due_ns, data))
        self._ctx.set_timer(_LAG_TIMER, min(each[0][0] for each in self._late.values()))

    def on_timer(self, key: str, now_ns: int) -> None:
        if key != _LAG_TIMER:
            super().on_timer(key, now_ns)
            return
        self._begin(now_ns)
        for link, late in list(self._late.items()):
            while late and (late[0][0] <= now_ns or not self.lag_ns):
                super()._send(link, late.popleft()[1])
            if not late:
                del self._late[link]
        if self._late:
            self._ctx.set_timer(_LAG_TIMER, min(each[0][0] for each in self._late.values()))
        self._finish()

    def _on_request(self, link: str, connection: WebSocketConnection, message: WebSocketMessage) -> None:
        if connection.session is not None:
            if self.lose_requests and message.data.startswith(b'{"id":"'):
                self.lose_requests -= 1
                self.trace.note(self._now_ns, self._name, "never gets", _id_of(message.data))
                return
            if self.strikes_on_cancel and message.data.startswith((b'{"id":"c:', b'{"id":"a:', b'{"id":"r:')):
                self._strike_before(message.data)
        super()._on_request(link, connection, message)

    def _strike_before(self, request: bytes) -> None:
        if self._chance.random() < 0.5:
            return
        symbol = self._chance.choice(self.plan.symbols)
        records = self.exchange.orders.open_orders(self.plan.account, symbol)
        meant = [record for record in records if record.client_order_id.encode() in request] or records
        if meant:
            self._strike(self._chance.choice(meant), self._now_ns)


def make_venue(name: str, plan: VenuePlan, scenario: Scenario, trace: Trace) -> FaultyVenue:
    venue = FaultyVenue(name, plan, scenario.seed)
    venue.trace = trace
    return venue


def _id_of(data: bytes) -> str:
    return data[7:48].decode("utf-8", "replace").partition('"')[0]
