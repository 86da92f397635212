"""Our own trades, over REST: since one that is known, or of one order.

A trade carries the venue's order id. Of an order that was amended it belongs to the one of ours that stood when it
happened: orders that this session does not know are looked up first.
"""

from collections.abc import Callable

import msgspec

from adapters.kraken.core import SessionCore
from adapters.kraken.errors import Verdict
from adapters.kraken.messages import OrderAmends, OrderInfo, TradeInfo
from adapters.kraken.numbers import second_text, seconds_ns
from adapters.kraken.parse import trade_fill
from adapters.kraken.questions import Questions, amended_ns, is_amended
from adapters.kraken.working import WorkingOrders, engine_id, split_id
from engine.instrument import NANOS
from engine.order import Order
from engine.venue import TradesListed

__all__ = ["Trades"]

_PER_PAGE = 50
_IDS_PER_QUESTION = 20
_DAY_NS = 86_400 * NANOS
#: What the venue charges for a look into the history.
_HISTORY_MILLI = 4_000


class _History(msgspec.Struct, frozen=True):
    trades: dict[str, TradeInfo] = {}
    count: int = 0


_decode_history = msgspec.json.Decoder(_History).decode
_decode_trades = msgspec.json.Decoder(dict[str, TradeInfo]).decode
_decode_orders = msgspec.json.Decoder(dict[str, OrderInfo]).decode
_decode_amends = msgspec.json.Decoder(OrderAmends).decode


class Trades:
    def __init__(self, core: SessionCore, questions: Questions, working: WorkingOrders) -> None:
        self._core, self._questions, self._working = core, questions, working
        #: Of orders that the session does not know otherwise: when each was amended.
        self._amended: dict[str, list[int]] = {}

    def since(self, query_id: int, instrument_id: int, after_trade_id: str, now_ns: int) -> None:
        """Raises UsageError for an instrument that the session does not have."""
        self._core.grid(instrument_id)
        start = after_trade_id or second_text(max(0, self._core.clock.venue_ns(now_ns) - _DAY_NS))
        found: dict[str, TradeInfo] = {}

        def ask_page(at: int, asked_ns: int) -> None:
            params = (("start", start), ("ofs", str(at)), ("consolidate_taker", "false"))

            def on_page(result: msgspec.Raw, answered_ns: int) -> None:
                page = _decode_history(result)
                found.update(page.trades)
                if page.trades and at + _PER_PAGE < page.count:
                    ask_page(at + _PER_PAGE, answered_ns)
                else:
                    found.pop(after_trade_id, None)
                    self._tell(query_id, instrument_id, found, answered_ns)

            self._questions.ask(
                "TradesHistory",
                params,
                on_page,
                self._questions.query_failed(query_id),
                asked_ns,
                cost_milli=_HISTORY_MILLI,
            )

        ask_page(0, now_ns)

    def of_order(self, query_id: int, order: Order, now_ns: int) -> None:
        """However old they are. Raises UsageError for an instrument that the session does not have."""
        self._core.grid(order.instrument_id)
        order_id = split_id(order.order_id)[0]
        found: dict[str, TradeInfo] = {}

        def on_order(result: msgspec.Raw, answered_ns: int) -> None:
            info = _decode_orders(result).get(order_id)
            ask_part(list(info.trades) if info is not None else [], answered_ns)

        def ask_part(missing: list[str], asked_ns: int) -> None:
            if not missing:
                self._tell(query_id, order.instrument_id, found, asked_ns, only=order.order_id)
                return
            part, rest = missing[:_IDS_PER_QUESTION], missing[_IDS_PER_QUESTION:]

            def on_trades(result: msgspec.Raw, answered_ns: int) -> None:
                found.update(_decode_trades(result))
                ask_part(rest, answered_ns)

            self._questions.ask(
                "QueryTrades",
                (("txid", ",".join(part)),),
                on_trades,
                self._questions.query_failed(query_id),
                asked_ns,
                cost_milli=_HISTORY_MILLI,
            )

        params = (("txid", order_id), ("trades", "true"))
        self._questions.ask("QueryOrders", params, on_order, self._questions.query_failed(query_id), now_ns)

    # -- whose they are ----------------------------------------------------------------------------------------

    def _tell(
        self, query_id: int, instrument_id: int, trades: dict[str, TradeInfo], now_ns: int, only: str = ""
    ) -> None:
        """Once every order of them is known, oldest first; of one order of ours only, if ``only`` names it."""
        grid = self._core.grid(instrument_id)
        ours = {each: trade for each, trade in trades.items() if trade.pair in (grid.pair_id, grid.altname)}

        def tell(told_ns: int) -> None:
            fills = [
                trade_fill(each, trade, self._engine_id(each, trade), grid)
                for each, trade in sorted(ours.items(), key=lambda item: (seconds_ns(item[1].time), item[0]))
            ]
            mine = tuple(fill for fill in fills if only in ("", fill.order_id))
            self._core.emit(TradesListed(query_id, instrument_id, mine, True), told_ns)

        strangers = {trade.ordertxid for trade in ours.values() if self._is_stranger(trade.ordertxid)}
        self._know(sorted(strangers), self._questions.query_failed(query_id), tell, now_ns)

    def _is_stranger(self, order_id: str) -> bool:
        working = self._working.find(order_id, "")
        return (working is None or working.in_doubt) and order_id not in self._amended

    def _engine_id(self, exec_id: str, trade: TradeInfo) -> str:
        order_id, at_ns = trade.ordertxid, seconds_ns(trade.time)
        working = self._working.find(order_id, "")
        if working is not None and not working.in_doubt:
            return engine_id(order_id, working.amends_at(exec_id, at_ns))
        return engine_id(order_id, sum(each <= at_ns for each in self._amended.get(order_id, ())))

    def _know(
        self,
        order_ids: list[str],
        failed: Callable[[str, Verdict, int], None],
        then: Callable[[int], None],
        now_ns: int,
    ) -> None:
        """Look up which of the orders were amended, and when."""
        if not order_ids:
            then(now_ns)
            return
        part, rest = order_ids[:_IDS_PER_QUESTION], order_ids[_IDS_PER_QUESTION:]

        def on_orders(result: msgspec.Raw, answered_ns: int) -> None:
            infos = _decode_orders(result)
            changed = [each for each in part if each in infos and is_amended(infos[each])]
            self._amended.update((each, []) for each in part if each not in changed)
            ask_amends(changed, answered_ns)

        def ask_amends(missing: list[str], asked_ns: int) -> None:
            if not missing:
                self._know(rest, failed, then, asked_ns)
                return

            def on_amends(result: msgspec.Raw, answered_ns: int) -> None:
                amends = _decode_amends(result).amends
                self._amended[missing[0]] = [amended_ns(each) for each in amends if each.amend_type == "user"]
                ask_amends(missing[1:], answered_ns)

            self._questions.ask("OrderAmends", (("order_id", missing[0]),), on_amends, failed, asked_ns)

        self._questions.ask("QueryOrders", (("txid", ",".join(part)),), on_orders, failed, now_ns)
