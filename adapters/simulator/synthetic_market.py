"""A generated market: many simple agents and the clients' orders in one real price-time book.

The agents have no intelligence: they send market orders, limit orders and cancels at self-exciting random times
(``hawkes``), limit orders at random distances from the opposite best, with sizes spread evenly over their magnitudes.
What keeps the price in sensible bounds is a *fair value* that wanders and is pulled back to the centre; the further the
mid is from it, the more likely an agent pushes the mid towards it. That is enough to show bursts, a spread that opens
and closes, queues, and depth that recovers. It is not a forecast of any market.

Clients are ordinary participants: they take, wait, are taken, and show in the public messages. One seed and the same
client calls at the same times give the same market, to the byte.
"""

import msgspec

from adapters.simulator.hawkes import HawkesArrivals
from adapters.simulator.market import BookSnapshot, Ended, Executed, MarketEvent, Prevented, Public
from adapters.simulator.matching import MatchingEngine
from adapters.simulator.order import SimOrder
from adapters.simulator.prng import SplitMix64
from adapters.simulator.public_feed import PublicFeed
from engine.codes import Side, TimeInForce
from engine.errors import InvariantError, UsageError
from engine.instrument import Instrument

__all__ = ["DEPTH_INTERVAL_NS", "FlowParameters", "SyntheticMarket", "default_instrument"]

DEPTH_INTERVAL_NS = 100_000_000

#: The account of the agents. Clients may not have it.
_AGENTS = ""

_MARKET, _LIMIT, _CANCEL = 0, 1, 2
_PERCENT = 100
#: The fair value is kept in fractions of a tick, so that a weak pull to the centre is not lost in rounding.
_FINE = 1 << 20
#: The pull: this share of the distance to the centre per event.
_PULL = 100_000
#: Certainty of direction is never complete, so that both sides always see some flow.
_BIAS_MAX = 460
_BIAS_SCALE = 1000
#: A side with fewer levels than this gets the next limit orders.
_THIN_LEVELS = 20
#: A market order of an agent takes at most what stands in this many levels.
_SWEEP_LEVELS = 3


class FlowParameters(msgspec.Struct, frozen=True):
    """How the agents behave. ``centre_ticks`` is the price that the fair value is pulled to.

    Of ``events_per_second`` (long-run mean), ``market_percent`` are market orders and ``limit_percent`` limit orders,
    the rest cancels; ``branching_percent`` of them are provoked by others, and the excitement dies away with
    ``decay_per_second``. A limit order stands ``distance_ticks`` (mean; one of these, with equal chance) behind the
    nearest price that would not execute. A quantity has a magnitude drawn evenly from ``lots_log2_min`` to
    ``lots_log2_max``. The number of resting orders settles around ``resting_orders``. The fair value steps up to
    ``fair_step_ticks`` per event; ``bias_ticks`` away from it, the agents push as hard as they can. No agent quotes
    further than ``band_ticks`` from the centre.
    """

    centre_ticks: int = 6_000_000
    events_per_second: int = 300
    market_percent: int = 10
    limit_percent: int = 47
    branching_percent: int = 60
    decay_per_second: int = 20
    distance_ticks: tuple[int, ...] = (1, 8, 60, 500)
    lots_log2_min: int = 5
    lots_log2_max: int = 17
    resting_orders: int = 1_500
    levels: int = 200
    fair_step_ticks: int = 20
    bias_ticks: int = 150
    band_ticks: int = 600_000


def default_instrument(instrument_id: int = 0, symbol: str = "BTCUSDT", venue: str = "binance") -> Instrument:
    """BTCUSDT as Binance defines it: tick 0.01, lot 0.00001, orders worth at least 5, price within 0.2 and 5 times."""
    return Instrument(
        instrument_id=instrument_id,
        venue=venue,
        symbol=symbol,
        base_asset=symbol.removesuffix("USDT"),
        quote_asset="USDT",
        tick_units=1,
        price_scale=2,
        lot_units=1,
        quantity_scale=5,
        price_ticks_min=1,
        price_ticks_max=100_000_000,
        quantity_lots_min=1,
        quantity_lots_max=900_000_000,
        market_quantity_lots_max=10_000_000,
        notional_tick_lots_min=50_000_000,
        notional_tick_lots_max=0,
        open_orders_max=200,
        bid_up_ppm=5_000_000,
        bid_down_ppm=200_000,
        ask_up_ppm=5_000_000,
        ask_down_ppm=200_000,
        market_notional_min_applies=True,
    )


class SyntheticMarket:
    """The generated market of one instrument (``market.Market``).

    The initial book stands from construction on; the flow begins with ``start``. Raises UsageError for parameters that
    do not fit together.
    """

    def __init__(self, instrument: Instrument, seed: int, parameters: FlowParameters | None = None) -> None:
        self._instrument = instrument
        self.parameters = flow = parameters or FlowParameters()
        _check(flow)
        self._prng = SplitMix64(seed)
        self._arrivals = HawkesArrivals(
            [flow.events_per_second * share / _PERCENT for share in _shares(flow)],
            flow.branching_percent / _PERCENT,
            flow.decay_per_second,
            SplitMix64(self._prng.next()),
        )
        self._engine = MatchingEngine()
        self._feed = PublicFeed(instrument, self._engine)
        self._fair_fine = flow.centre_ticks * _FINE
        #: Agents' orders in no particular order; dead ones are dropped when they are met.
        self._agents: list[SimOrder] = []
        self._agents_resting = 0
        self._agent_orders = 0
        self._outbox: list[Public] = []
        self._started = False
        self._flow_ns = self._depth_ns = self._now_ns = 0
        self._flow_kind = _LIMIT
        self._build_book()

    # -- reading ------------------------------------------------------------------------------------------------

    @property
    def instrument(self) -> Instrument:
        return self._instrument

    @property
    def last_trade_ticks(self) -> int:
        return self._engine.last_trade_ticks

    @property
    def fair_ticks(self) -> int:
        return self._fair_fine // _FINE

    def best(self) -> tuple[int, int, int, int]:
        return self._engine.best()

    def snapshot(self, limit: int) -> BookSnapshot:
        return self._feed.update_id, self._engine.bids.levels(limit), self._engine.asks.levels(limit)

    # -- time ---------------------------------------------------------------------------------------------------

    def start(self, now_ns: int, wall_ns: int = 0) -> None:
        if self._started:
            raise InvariantError("a market is started once")
        self._started = True
        self._feed.wall_offset_ns = wall_ns - now_ns
        self._now_ns = self._flow_ns = now_ns
        self._depth_ns = now_ns + DEPTH_INTERVAL_NS
        self._draw_next()

    def next_event_ns(self) -> int | None:
        if not self._started:
            return None
        return self._now_ns if self._outbox else min(self._flow_ns, self._depth_ns)

    def advance(self, now_ns: int) -> list[MarketEvent]:
        events: list[MarketEvent] = list(self._outbox)
        self._outbox.clear()
        if not self._started:
            return events
        while min(self._flow_ns, self._depth_ns) <= now_ns:
            if self._depth_ns <= self._flow_ns:
                update = self._feed.depth_update(self._depth_ns)
                if update is not None:
                    events.append(update)
                self._depth_ns += DEPTH_INTERVAL_NS
            else:
                self._act(self._flow_kind, self._flow_ns, events)
                self._draw_next()
        self._now_ns = max(self._now_ns, now_ns)
        return events

    def _draw_next(self) -> None:
        wait_ns, self._flow_kind = self._arrivals.next()
        self._flow_ns += wait_ns

    # -- the clients --------------------------------------------------------------------------------------------

    def place(self, order: SimOrder, now_ns: int) -> list[MarketEvent]:
        if order.account == _AGENTS:
            raise InvariantError(f"order {order.order_id} has no account")
        return self._place(order, now_ns, self._public())

    def cancel(self, order: SimOrder, now_ns: int) -> bool:
        if not self._engine.cancel(order, now_ns):
            return False
        self._publish_level(order, now_ns)
        return True

    def reduce(self, order: SimOrder, quantity_lots: int, now_ns: int) -> bool:
        if not self._engine.reduce(order, quantity_lots, now_ns):
            return False
        self._publish_level(order, now_ns)
        return True

    def _publish_level(self, order: SimOrder, now_ns: int) -> None:
        self._now_ns = max(self._now_ns, now_ns)
        self._feed.level_changed(order.side, order.price_ticks)
        self._publish_best(now_ns, self._public())

    def _public(self) -> list[Public]:
        """Where messages that clients cause wait for ``advance``; before the start nobody listens."""
        return self._outbox if self._started else []

    # -- the book and its public ----------------------------------------------------------------------------------

    def _place(self, order: SimOrder, now_ns: int, public: list[Public]) -> list[MarketEvent]:
        """Match an order, publish the consequences, and return those that concern clients."""
        self._now_ns = max(self._now_ns, now_ns)
        for_clients: list[MarketEvent] = []
        changed: dict[int, None] = {}
        maker_side = Side.SELL if order.side is Side.BUY else Side.BUY
        for event in self._engine.place(order, now_ns):
            if isinstance(event, Executed):
                changed[event.price_ticks] = None
                public.append(
                    self._feed.trade(event.trade_id, event.price_ticks, event.quantity_lots, event.aggressor, now_ns)
                )
                self._for_clients(event, for_clients)
            elif isinstance(event, Prevented):
                if event.maker_prevented_lots:
                    changed[event.price_ticks] = None
                for_clients.append(event)
            elif isinstance(event, Ended) and event.order.account != _AGENTS:
                for_clients.append(event)
        for price in changed:
            self._feed.level_changed(maker_side, price)
        if order.is_resting:
            self._feed.level_changed(order.side, order.price_ticks)
        self._publish_best(now_ns, public)
        return for_clients

    def _publish_best(self, now_ns: int, public: list[Public]) -> None:
        ticker = self._feed.book_ticker(now_ns)
        if ticker is not None:
            public.append(ticker)

    def _for_clients(self, event: Executed, for_clients: list[MarketEvent]) -> None:
        """Hide the agents from an execution; one between two agents is nobody's business."""
        maker, taker = event.maker, event.taker
        if maker is not None and maker.account == _AGENTS:
            self._agents_resting -= not maker.is_resting
            maker = None
        if taker is not None and taker.account == _AGENTS:
            taker = None
        if maker is None and taker is None:
            return
        for_clients.append(
            event._replace(
                maker=maker,
                taker=taker,
                maker_cum_lots=event.maker_cum_lots if maker else 0,
                taker_cum_lots=event.taker_cum_lots if taker else 0,
            )
        )

    # -- the agents ---------------------------------------------------------------------------------------------

    def _act(self, kind: int, now_ns: int, events: list[MarketEvent]) -> None:
        self._move_fair_value()
        public: list[Public] = []
        for_clients: list[MarketEvent] = []
        if kind == _CANCEL:
            self._cancel_one(now_ns, public)
        elif kind == _LIMIT:
            side = self._limit_side()
            order = self._agent_order(side, self._limit_price(side), self._quantity())
            for_clients = self._place_agents(order, now_ns, public)
        else:
            side = self._direction()
            near = sum(lots for _, lots in self._engine.opposite(side).levels(_SWEEP_LEVELS))
            if near:
                order = self._agent_order(side, 0, min(near, self._quantity()))
                for_clients = self._place_agents(order, now_ns, public)
        events.extend(public)
        events.extend(for_clients)

    def _place_agents(self, order: SimOrder, now_ns: int, public: list[Public]) -> list[MarketEvent]:
        for_clients = self._place(order, now_ns, public)
        if order.is_resting:
            self._agents.append(order)
            self._agents_resting += 1
        return for_clients

    def _agent_order(self, side: Side, price_ticks: int, quantity_lots: int) -> SimOrder:
        self._agent_orders += 1
        time_in_force = TimeInForce.GTC if price_ticks else TimeInForce.IOC
        return SimOrder(self._agent_orders, _AGENTS, "", side, price_ticks, quantity_lots, time_in_force)

    def _cancel_one(self, now_ns: int, public: list[Public]) -> None:
        """Cancel a random order; the fewer there are, the more often nothing, which holds their number."""
        if self._prng.below(2 * self.parameters.resting_orders) >= self._agents_resting:
            return
        while self._agents:
            index = self._prng.below(len(self._agents))
            order, self._agents[index] = self._agents[index], self._agents[-1]
            self._agents.pop()
            if self._engine.cancel(order, now_ns):
                self._agents_resting -= 1
                self._feed.level_changed(order.side, order.price_ticks)
                self._publish_best(now_ns, public)
                return

    def _move_fair_value(self) -> None:
        step = self._prng.below(2 * self.parameters.fair_step_ticks * _FINE + 1)
        pull = (self.parameters.centre_ticks * _FINE - self._fair_fine) // _PULL
        self._fair_fine += step - self.parameters.fair_step_ticks * _FINE + pull

    def _direction(self) -> Side:
        """Buy or sell, rather towards the fair value."""
        bid, _, ask, _ = self._engine.best()
        mid = (bid + ask) // 2 if bid and ask else bid or ask or self.fair_ticks
        pressure = _BIAS_MAX * (self.fair_ticks - mid) // max(1, self.parameters.bias_ticks)
        bias = max(-_BIAS_MAX, min(_BIAS_MAX, pressure))
        return Side.BUY if self._prng.below(_BIAS_SCALE) < _BIAS_SCALE // 2 + bias else Side.SELL

    def _limit_side(self) -> Side:
        bids, asks = len(self._engine.bids), len(self._engine.asks)
        if min(bids, asks) < _THIN_LEVELS:
            return Side.BUY if bids < asks else Side.SELL
        return self._direction()

    def _limit_price(self, side: Side) -> int:
        flow = self.parameters
        means = flow.distance_ticks
        distance = 1 + self._prng.geometric(means[self._prng.below(len(means))])
        opposite = self._engine.opposite(side).best_ticks or self.fair_ticks
        low, high = flow.centre_ticks - flow.band_ticks, flow.centre_ticks + flow.band_ticks
        return max(low, min(high, opposite - distance if side is Side.BUY else opposite + distance))

    def _quantity(self) -> int:
        flow = self.parameters
        magnitude = 1 << (flow.lots_log2_min + self._prng.below(flow.lots_log2_max - flow.lots_log2_min + 1))
        return magnitude + self._prng.below(magnitude)

    def _build_book(self) -> None:
        """``levels`` levels a side with one order each, close together at the top and wider below."""
        for side, sign in ((Side.BUY, -1), (Side.SELL, 1)):
            price = self.parameters.centre_ticks
            for level in range(self.parameters.levels):
                price += sign * (1 + self._prng.below(1 + level // 4))
                order = self._agent_order(side, price, self._quantity())
                self._place_agents(order, 0, [])
        self._feed.forget_changes()


def _shares(flow: FlowParameters) -> tuple[int, int, int]:
    return flow.market_percent, flow.limit_percent, _PERCENT - flow.market_percent - flow.limit_percent


def _check(flow: FlowParameters) -> None:
    """Refuse parameters of which no market can be made, naming the field."""
    if min(_shares(flow)) < 0 or flow.limit_percent == 0:
        raise UsageError("flow: market_percent and limit_percent must not exceed 100 together; limit_percent not be 0")
    if not flow.distance_ticks or min(flow.distance_ticks) < 1:
        raise UsageError(f"flow: distance_ticks {flow.distance_ticks} must have at least one number, none below 1")
    if not 0 <= flow.lots_log2_min <= flow.lots_log2_max < 40:
        raise UsageError("flow: 0 <= lots_log2_min <= lots_log2_max < 40 must hold")
    if flow.levels < 1 or flow.resting_orders < 1 or flow.fair_step_ticks < 0:
        raise UsageError("flow: levels and resting_orders must be at least 1, fair_step_ticks not negative")
    reach = flow.levels * (1 + flow.levels // 4)
    if not reach < flow.band_ticks < flow.centre_ticks:
        raise UsageError(f"flow: {reach} (what the initial book needs) < band_ticks < centre_ticks must hold")
