"""The strategy API: subclass ``Strategy``, override what you need, act through its methods.

Callbacks are plain methods, called one at a time; they must not block. Prices are whole ticks and quantities whole
lots of their instrument (``instrument.price_ticks("61685.99")``, ``instrument.quantity_lots("0.01")``). ``buy``,
``sell``, ``cancel`` and ``replace`` never raise for a bad order: every outcome, a refusal by the gate included, comes
back through ``on_execution_report``, and every order gets exactly one terminal report.
"""

from collections.abc import Mapping
from typing import NamedTuple, Protocol

from engine.codes import Contingency, OrderStatus, OrderType, SelfTradePrevention, Side, TimeInForce
from engine.instrument import Instrument
from engine.messages import Depth, ExecutionReport, Instructions, Quote, Trade

__all__ = ["InstrumentsByName", "Leg", "OrderPort", "Strategy", "WorkingOrder"]

_VENUE_DEFAULT = SelfTradePrevention.VENUE_DEFAULT


class WorkingOrder:
    """A strategy's view of one of its own orders that has no terminal report yet."""

    __slots__ = ("client_order_id", "cum_lots", "instrument_id", "price_ticks", "quantity_lots", "side", "status")

    def __init__(
        self, client_order_id: str, instrument_id: int, side: Side, quantity_lots: int, price_ticks: int
    ) -> None:
        self.client_order_id = client_order_id
        self.instrument_id = instrument_id
        self.side = side
        self.quantity_lots = quantity_lots
        self.price_ticks = price_ticks
        self.cum_lots = 0
        self.status = OrderStatus.PENDING_NEW

    @property
    def leaves_lots(self) -> int:
        return self.quantity_lots - self.cum_lots

    def __repr__(self) -> str:
        return (
            f"WorkingOrder({self.client_order_id} {self.side.name} {self.leaves_lots}/{self.quantity_lots} lots "
            f"at {self.price_ticks} ticks, {self.status.name})"
        )


class Leg(NamedTuple):
    """One order of a list: what ``buy`` and ``sell`` take, as a value."""

    instrument: Instrument
    side: Side
    quantity_lots: int
    price_ticks: int = 0
    order_type: OrderType = OrderType.LIMIT
    time_in_force: TimeInForce = TimeInForce.GTC
    post_only: bool = False
    trigger_ticks: int = 0
    trailing_ppm: int = 0
    display_lots: int = 0
    self_trade: SelfTradePrevention = SelfTradePrevention.VENUE_DEFAULT


class InstrumentsByName(dict[str, Instrument]):
    """A strategy's instruments by ``venue:SYMBOL``; asking for one that is not there says which are."""

    def __missing__(self, name: str) -> Instrument:
        raise KeyError(f"no instrument {name!r}; this strategy has {', '.join(self) or 'none yet'}")


class OrderPort(Protocol):
    """What hosts a strategy: turns its calls into messages, keeps its orders and positions (``actors/strategy.py``)."""

    now_ns: int
    orders: dict[str, WorkingOrder]

    def new_order(
        self,
        instrument_id: int,
        side: Side,
        quantity_lots: int,
        price_ticks: int,
        order_type: OrderType,
        time_in_force: TimeInForce,
        post_only: bool,
        instructions: Instructions | None = None,
    ) -> str: ...

    def new_list(self, contingency: Contingency, legs: tuple[Leg, ...]) -> tuple[str, ...]: ...

    def cancel_order(self, client_order_id: str) -> None: ...

    def replace_order(
        self, client_order_id: str, quantity_lots: int, price_ticks: int, instructions: Instructions | None = None
    ) -> str: ...

    def cancel_all_orders(self, instrument_id: int) -> None: ...

    def position_lots(self, instrument_id: int) -> int: ...

    def wall_ns(self) -> int: ...

    def start_timer(self, name: str, delay_ns: int) -> None: ...

    def note(self, text: str) -> None: ...


class Strategy:
    """Base of every strategy. ``__init__`` takes the parameters of its config table by name."""

    #: How many levels a side ``on_book`` should carry; 0: ``on_book`` is not called.
    book_levels: int = 0

    #: Set by the engine before ``on_start``.
    strategy_id: str
    instruments: Mapping[str, Instrument]
    _port: OrderPort

    # -- callbacks ------------------------------------------------------------------------------------------

    def on_start(self) -> None:
        """Instruments, positions and open orders are known, the venues are live. Called once per life."""

    def on_quote(self, quote: Quote) -> None:
        """The best bid or offer changed. A slow strategy gets the latest, not every one."""

    def on_trade(self, trade: Trade) -> None:
        """Somebody traded at the venue. A slow strategy gets the latest, not every one."""

    def on_book(self, depth: Depth) -> None:
        """The top ``book_levels`` of the book changed."""

    def on_execution_report(self, report: ExecutionReport) -> None:
        """One of this strategy's orders changed, ended or was refused."""

    def on_timer(self, name: str) -> None:
        """A timer set with ``set_timer`` is due."""

    def on_stop(self) -> None:
        """The engine stops in good order."""

    # -- orders ---------------------------------------------------------------------------------------------

    def buy(
        self,
        instrument: Instrument,
        quantity_lots: int,
        price_ticks: int = 0,
        *,
        order_type: OrderType = OrderType.LIMIT,
        time_in_force: TimeInForce = TimeInForce.GTC,
        post_only: bool = False,
        trigger_ticks: int = 0,
        trailing_ppm: int = 0,
        display_lots: int = 0,
        expires_wall_ns: int = 0,
        self_trade: SelfTradePrevention = _VENUE_DEFAULT,
    ) -> str:
        """Send a buy order and return its client order id at once. See ``engine.messages.Instructions`` for what comes
        after ``post_only``; what a venue lacks is refused with what it has."""
        instructions = None
        if trigger_ticks or trailing_ppm or display_lots or expires_wall_ns or self_trade:
            instructions = Instructions(trigger_ticks, trailing_ppm, display_lots, expires_wall_ns, self_trade)
        return self._port.new_order(
            instrument.instrument_id,
            Side.BUY,
            quantity_lots,
            price_ticks,
            order_type,
            time_in_force,
            post_only,
            instructions,
        )

    def sell(
        self,
        instrument: Instrument,
        quantity_lots: int,
        price_ticks: int = 0,
        *,
        order_type: OrderType = OrderType.LIMIT,
        time_in_force: TimeInForce = TimeInForce.GTC,
        post_only: bool = False,
        trigger_ticks: int = 0,
        trailing_ppm: int = 0,
        display_lots: int = 0,
        expires_wall_ns: int = 0,
        self_trade: SelfTradePrevention = _VENUE_DEFAULT,
    ) -> str:
        """Send a sell order and return its client order id at once. As ``buy``."""
        instructions = None
        if trigger_ticks or trailing_ppm or display_lots or expires_wall_ns or self_trade:
            instructions = Instructions(trigger_ticks, trailing_ppm, display_lots, expires_wall_ns, self_trade)
        return self._port.new_order(
            instrument.instrument_id,
            Side.SELL,
            quantity_lots,
            price_ticks,
            order_type,
            time_in_force,
            post_only,
            instructions,
        )

    def cancel(self, client_order_id: str) -> None:
        """Ask for a cancel; the order stays in ``open_orders`` until the venue has confirmed it."""
        self._port.cancel_order(client_order_id)

    def replace(
        self, client_order_id: str, quantity_lots: int, price_ticks: int, *, instructions: Instructions | None = None
    ) -> str:
        """Cancel an order and put a new one in its place, or nothing at all; returns the new client order id.

        ``quantity_lots`` is what the new order has open. If the original fills first, the new one is rejected. Where
        the venue can, less quantity at the same price keeps the place in the queue. ``instructions``: all of the new
        order's, such as another trigger; None: the original's.
        """
        return self._port.replace_order(client_order_id, quantity_lots, price_ticks, instructions)

    # -- orders that belong together ------------------------------------------------------------------------

    def one_cancels_other(self, first: Leg, second: Leg) -> tuple[str, ...]:
        """Two orders of one side and quantity, of which one at most fills: a target and a stop. Returns their client
        order ids. A cancel of either cancels both."""
        return self._port.new_list(Contingency.OCO, (first, second))

    def one_triggers_other(self, working: Leg, pending: Leg) -> tuple[str, ...]:
        """An order, and one that the venue places once it has filled completely."""
        return self._port.new_list(Contingency.OTO, (working, pending))

    def one_triggers_pair(self, working: Leg, first: Leg, second: Leg) -> tuple[str, ...]:
        """An order, and two of which one cancels the other that the venue places once it has filled completely."""
        return self._port.new_list(Contingency.OTOCO, (working, first, second))

    def cancel_all(self, instrument: Instrument | None = None) -> None:
        """Ask for a cancel of every open order of this strategy, of one instrument or of all."""
        self._port.cancel_all_orders(-1 if instrument is None else instrument.instrument_id)

    # -- state ----------------------------------------------------------------------------------------------

    @property
    def open_orders(self) -> Mapping[str, WorkingOrder]:
        """This strategy's orders without a terminal report, by client order id."""
        return self._port.orders

    def position_lots(self, instrument: Instrument) -> int:
        """Net position of this strategy from its own fills, in lots; negative when short."""
        return self._port.position_lots(instrument.instrument_id)

    @property
    def now_ns(self) -> int:
        """The engine's monotonic clock at the start of this callback (virtual in a simulation)."""
        return self._port.now_ns

    @property
    def wall_ns(self) -> int:
        """The time, UTC, as of ``now_ns``: for an order that is to end at a time."""
        return self._port.wall_ns()

    def set_timer(self, name: str, delay_ns: int) -> None:
        """Call ``on_timer(name)`` once, after a delay; setting it again moves it."""
        self._port.start_timer(name, delay_ns)

    def log(self, text: str) -> None:
        self._port.note(text)
