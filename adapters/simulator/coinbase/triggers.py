"""Orders that wait for the last trade price: stop-limits, which nobody sees until then, and the stops of brackets,
which rest at their limit meanwhile."""

from adapters.simulator.coinbase.orders import CoinbaseOrder
from adapters.simulator.exchange import Exchange, Refused

__all__ = ["Triggers"]


class Triggers:
    """``traded`` notes prices as trades become known; ``fire``, afterwards, sends what they have triggered."""

    def __init__(self, exchange: Exchange[CoinbaseOrder]) -> None:
        self._exchange = exchange
        self._waiting: dict[str, dict[int, CoinbaseOrder]] = {}
        #: Lowest and highest price since they were last looked at.
        self._range: dict[str, tuple[int, int]] = {}

    def watch(self, order: CoinbaseOrder) -> None:
        self._waiting.setdefault(order.listing.symbol, {})[order.number] = order

    def traded(self, symbol: str, price_ticks: int) -> None:
        if symbol in self._waiting and price_ticks:
            low, high = self._range.get(symbol, (price_ticks, price_ticks))
            self._range[symbol] = min(low, price_ticks), max(high, price_ticks)

    def fire(self, now_ns: int) -> None:
        """What is triggered trades in turn, and may trigger others."""
        for symbol in list(self._waiting):
            self.traded(symbol, self._exchange.listings[symbol].market.last_trade_ticks)
        while self._range:
            symbol, (low, high) = self._range.popitem()
            waiting = self._waiting.get(symbol, {})
            for order in list(waiting.values()):
                trigger = order.trigger
                if not order.is_open or trigger is None:
                    del waiting[order.number]
                elif high >= trigger.stop_ticks if trigger.is_up else low <= trigger.stop_ticks:
                    del waiting[order.number]
                    self._send(order, trigger.limit_ticks, now_ns)
            if not waiting:
                self._waiting.pop(symbol, None)

    def _send(self, order: CoinbaseOrder, limit_ticks: int, now_ns: int) -> None:
        order.is_triggered = True
        if order.sim is None:
            self._exchange.release(order, now_ns)
        else:
            try:
                self._exchange.amend(order, order.quantity_lots, limit_ticks, False, now_ns)
            except Refused:  # the money for the worse price of its stop is not there
                self._exchange.cancel(order, now_ns)
        self.traded(order.listing.symbol, order.listing.market.last_trade_ticks)
