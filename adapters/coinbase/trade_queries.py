"""What the engine asks about trades: those of an instrument after one that it knows, and those of one order."""

from collections.abc import Callable

from adapters.coinbase import parse
from adapters.coinbase.core import SessionCore
from adapters.coinbase.errors import Verdict
from adapters.coinbase.fills import ask_fills
from adapters.coinbase.ledger import Ledger
from adapters.coinbase.messages import FillInfo, TradeType
from adapters.coinbase.orders import engine_id, venue_id
from adapters.coinbase.rest import RestLink
from adapters.coinbase.reviews import Reviews
from adapters.coinbase.times import time_text, venue_ns
from adapters.purpose import Purpose
from engine.instrument import NANOS
from engine.order import Order
from engine.venue import OrderFilled, QueryFailed, TradesListed

__all__ = ["TradeQueries"]

_DAY_NS = 86_400 * NANOS

Params = tuple[tuple[str, str], ...]
OnFailed = Callable[[str, int], None]


class TradeQueries:
    """Every question ends in one TradesListed, or in QueryFailed a little later."""

    def __init__(self, core: SessionCore, rest: RestLink, reviews: Reviews, ledger: Ledger) -> None:
        self._core, self._rest, self._reviews, self._ledger = core, rest, reviews, ledger

    def after(self, query_id: int, instrument_id: int, after_trade_id: str, now_ns: int) -> None:
        """Raises UsageError for an instrument that the session does not have."""
        after_ns = parse.trade_id_ns(after_trade_id)
        start_ns = after_ns or self._core.clock.venue_ns(now_ns) - _DAY_NS
        symbol = self._core.grid(instrument_id).instrument.symbol
        # The venue's text has microseconds: it begins at or before the trade, which is then among the answer.
        params = (("product_ids", symbol), ("start_sequence_timestamp", time_text(start_ns)))
        self._ask_trades(query_id, instrument_id, params, (after_ns, after_trade_id), now_ns)

    def of_order(self, query_id: int, order: Order, now_ns: int) -> None:
        """However old they are. Raises UsageError for an instrument that the session does not have."""
        self._core.grid(order.instrument_id)
        params = (("order_ids", venue_id(order.order_id)[0]),)
        self._ask_trades(query_id, order.instrument_id, params, (0, ""), now_ns)

    def _ask_trades(
        self, query_id: int, instrument_id: int, params: Params, after: tuple[int, str], now_ns: int
    ) -> None:
        def on_failed(text: str, failed_ns: int) -> None:
            self._core.defer(QueryFailed(query_id, "", text), failed_ns, self._core.options.retry_first_ns)

        def on_all(fills: list[FillInfo], answered_ns: int) -> None:
            self._with_orders(fills, lambda told_ns: tell(fills, told_ns), on_failed, answered_ns)

        def tell(fills: list[FillInfo], told_ns: int) -> None:
            own = [each for each in fills if each.trade_type is TradeType.FILL]
            told = sorted((self._filled(each, instrument_id) for each in own), key=lambda each: _place(each.trade_id))
            later = tuple(each for each in told if _place(each.trade_id) > after or after[0] == 0)
            self._core.emit(TradesListed(query_id, instrument_id, later, True), told_ns)

        def on_failure(text: str, verdict: Verdict | None, failed_ns: int) -> None:
            on_failed(text, failed_ns)

        ask_fills(self._rest, f"trades:{query_id}", params, on_all, on_failure, now_ns, Purpose.QUERY)

    def _with_orders(
        self, fills: list[FillInfo], then: Callable[[int], None], on_failed: OnFailed, now_ns: int
    ) -> None:
        """Whose a trade is depends on the edits of its order: ask about orders that are not known."""
        missing = {
            each.order_id
            for each in fills
            if (tracked := self._ledger.by_order_id(each.order_id)) is None
            or not tracked.is_known
            or tracked.edit is not None
        }
        self._reviews.ask_all(missing, then, on_failed, now_ns)

    def _filled(self, fill: FillInfo, instrument_id: int) -> OrderFilled:
        tracked = self._ledger.by_order_id(fill.order_id)
        generation = tracked.generation_at(venue_ns(fill.trade_time)) if tracked is not None else 0
        name = tracked.names[generation] if tracked is not None else ""
        return parse.filled(fill, name, engine_id(fill.order_id, generation), self._core.grid(instrument_id))


def _place(trade_id: str) -> tuple[int, str]:
    return parse.trade_id_ns(trade_id), trade_id
