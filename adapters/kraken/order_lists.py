"""Lists of orders, asked over REST: those that are open, and all of one instrument since some time."""

from collections.abc import Mapping

import msgspec

from adapters.kraken.client_ids import name_of
from adapters.kraken.core import SessionCore
from adapters.kraken.messages import OrderInfo
from adapters.kraken.numbers import second_text, seconds_ns
from adapters.kraken.parse import SIDES, PairGrid, lots, order_status, ticks
from adapters.kraken.questions import ClosedOrders, OpenOrders, Questions, is_amended
from adapters.kraken.working import WorkingOrders
from adapters.purpose import Purpose
from engine.venue import OpenOrdersListed, OrdersListed, VenueOrder

__all__ = ["OrderLists"]

_PER_PAGE = 50

_decode_open = msgspec.json.Decoder(OpenOrders).decode
_decode_closed = msgspec.json.Decoder(ClosedOrders).decode


class OrderLists:
    def __init__(self, core: SessionCore, questions: Questions, working: WorkingOrders) -> None:
        self._core, self._questions, self._working = core, questions, working

    def ask_open(self, query_id: int, now_ns: int) -> None:
        def on_result(result: msgspec.Raw, answered_ns: int) -> None:
            orders = self._venue_orders(_decode_open(result).open, answered_ns, is_search=False)
            self._core.emit(OpenOrdersListed(query_id, tuple(orders)), answered_ns)

        failed = self._questions.query_failed(query_id)
        self._questions.ask("OpenOrders", (), on_result, failed, now_ns, purpose=Purpose.LISTING)

    def ask_since(self, query_id: int, instrument_id: int, since_ns: int, now_ns: int) -> None:
        """Raises UsageError for an instrument that the session does not have."""
        self._core.grid(instrument_id)
        since_utc_ns = self._core.clock.venue_ns(since_ns)
        found: dict[str, OrderInfo] = {}

        failed = self._questions.query_failed(query_id)

        def on_open(result: msgspec.Raw, answered_ns: int) -> None:
            found.update(_decode_open(result).open)
            ask_closed(0, answered_ns)

        def ask_closed(at: int, asked_ns: int) -> None:
            params = (("start", second_text(max(0, since_utc_ns))), ("closetime", "open"), ("ofs", str(at)))

            def on_closed(result: msgspec.Raw, answered_ns: int) -> None:
                page = _decode_closed(result)
                found.update(page.closed)
                if page.closed and at + _PER_PAGE < page.count:
                    ask_closed(at + _PER_PAGE, answered_ns)
                    return
                recent = {each: info for each, info in found.items() if seconds_ns(info.opentm) >= since_utc_ns}
                orders = self._venue_orders(recent, answered_ns, is_search=True)
                ours = sorted(
                    (each for each in orders if each.instrument_id == instrument_id), key=lambda each: each.created_ns
                )
                self._core.emit(OrdersListed(query_id, instrument_id, tuple(ours), True), answered_ns)

            self._questions.ask("ClosedOrders", params, on_closed, failed, asked_ns)

        self._questions.ask("OpenOrders", (), on_open, failed, now_ns)

    def _venue_orders(self, infos: Mapping[str, OrderInfo], now_ns: int, *, is_search: bool) -> list[VenueOrder]:
        orders = []
        for order_id, info in infos.items():
            grid = self._core.grids_by_name.get(info.descr.pair)
            if grid is not None:
                orders.append(self._venue_order(order_id, info, grid, now_ns, is_search=is_search))
        return orders

    def _venue_order(
        self, order_id: str, info: OrderInfo, grid: PairGrid, now_ns: int, *, is_search: bool
    ) -> VenueOrder:
        """Under the one of ours that it is now. An amended order of which that is not known has no name, and an id that
        is nobody's: it is asked about by those who know it."""
        working = self._working.find(order_id, name_of(info.cl_ord_id))
        total_lots, cum_lots = lots(info.vol, grid), lots(info.vol_exec, grid)
        client_order_id, name, base_lots = self._core.ids.to_ours(info.cl_ord_id), order_id, 0
        quantity_lots = total_lots
        if working is not None and working.amends and not working.in_doubt:
            client_order_id, name, base_lots = working.client_order_id, working.engine_id, working.bases[-1]
            quantity_lots = working.asked_lots
        elif is_amended(info) or (working is not None and (working.in_doubt or working.amend)):
            client_order_id, name = "", order_id if is_search else f"{order_id}/?"
        own_lots = max(0, cum_lots - base_lots)
        return VenueOrder(
            client_order_id=client_order_id,
            order_id=name,
            instrument_id=grid.instrument_id,
            side=SIDES[info.descr.type],
            status=order_status(info, own_lots, quantity_lots),
            quantity_lots=quantity_lots,
            price_ticks=ticks(info.descr.price, grid) if info.descr.ordertype == "limit" else 0,
            cum_lots=own_lots,
            created_ns=self._core.clock.local_ns(seconds_ns(info.opentm), now_ns),
        )
