"""Everything that a blotter remembers, as one value: what a checkpoint of the journal holds.

A blotter that is given the memory of another goes on exactly as the other would, so a journal need not be replayed from
its first record. Part of ``engine/blotter.py``: it alone may know what is inside.
"""

from collections import deque
from operator import attrgetter

import msgspec

from engine.blotter import Blotter, Violation, _StrategyBook
from engine.codes import OrderStatus, OrderType, Side, TimeInForce
from engine.errors import InvariantError
from engine.messages import ExecutionReport, Instructions
from engine.order import Order
from engine.order_event import OrderEvent
from engine.position import LedgerLine, NetPosition

__all__ = ["BlotterMemory", "memory_of", "remember"]


class _OrderMemory(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """``Order``, field by field."""

    accepted: bool
    account_id: str
    cancel_pending: bool
    client_order_id: str
    created_ns: int
    cum_lots: int
    ending: OrderEvent | None
    ending_status: OrderStatus
    instructions: Instructions | None
    instrument_id: int
    order_id: str
    order_type: OrderType
    orig_client_order_id: str
    orig_order_id: str
    post_only: bool
    price_ticks: int
    quantity_lots: int
    replace_pending: bool
    replacements: tuple[str, ...]
    reserve_ticks: int
    sent_ns: int
    side: Side
    status: OrderStatus
    strategy_id: str
    tick_received_ns: int
    time_in_force: TimeInForce
    trade_ids: set[str]
    venue_cum_lots: int


_FIELDS = _OrderMemory.__struct_fields__
_fields_of = attrgetter(*_FIELDS)
if set(_FIELDS) != set(Order.__slots__):
    raise InvariantError("engine/blotter_memory.py does not remember every field of an order")


class _StrategyMemory(msgspec.Struct, frozen=True, array_like=True):
    """``positions`` are (instrument id, lots, cost in tick_lots), ``ended`` client order ids, oldest first."""

    strategy_id: str
    report_seq: int
    reports: list[ExecutionReport]
    positions: list[tuple[int, int, int]]
    ended: list[str]


class BlotterMemory(msgspec.Struct, frozen=True, array_like=True):
    """Lists are in the order in which the blotter has them: what is evicted next is first.

    ``open`` and ``by_order_id`` name orders; ``used_numbers`` are (prefix, firsts, lasts); ``counts`` the counters.
    """

    orders: list[_OrderMemory]
    open: list[str]
    by_order_id: list[str]
    old_trades: list[tuple[str, str]]
    used_numbers: list[tuple[str, list[int], list[int]]]
    used_texts: list[str]
    strategies: list[_StrategyMemory]
    report_seq_first: int
    ledger: list[tuple[int, LedgerLine]]
    violations: list[Violation]
    counts: tuple[int, ...]


_COUNTS = ("_admitted", "_fills", "_duplicates", "_foreign", "_illegal", "_critical", "_violations")


def memory_of(blotter: Blotter) -> BlotterMemory:
    """All of it, to be encoded at once: what is inside still changes with the blotter."""
    numbers, texts = blotter._used.memory()
    return BlotterMemory(
        orders=[_OrderMemory(*_fields_of(order)) for order in blotter.orders.values()],
        open=list(blotter._open),
        by_order_id=[order.client_order_id for order in blotter._by_order_id.values()],
        old_trades=list(blotter._old_trades),
        used_numbers=numbers,
        used_texts=texts,
        strategies=[_strategy_memory(book) for book in blotter._strategies.values()],
        report_seq_first=blotter._report_seq_first,
        ledger=list(blotter._ledger.items()),
        violations=list(blotter.violations),
        counts=tuple(getattr(blotter, name) for name in _COUNTS),
    )


def _strategy_memory(book: _StrategyBook) -> _StrategyMemory:
    return _StrategyMemory(
        book.strategy_id,
        book.report_seq,
        list(book.reports),
        [(key, each.position_lots, each.cost_tick_lots) for key, each in book.positions.items()],
        [order.client_order_id for order in book.ended],
    )


def remember(blotter: Blotter, memory: BlotterMemory) -> None:
    """Give a blotter that has seen nothing yet the memory of another with the same bounds."""
    if blotter.orders or blotter._strategies:
        raise InvariantError("a blotter that has seen records was given another's memory")
    orders = blotter.orders
    for each in memory.orders:
        orders[each.client_order_id] = _order(each)
    blotter._open.update((key, orders[key]) for key in memory.open)
    for key in memory.by_order_id:
        blotter._by_order_id[orders[key].instrument_id, orders[key].order_id] = orders[key]
    blotter._old_trades.update(dict.fromkeys(memory.old_trades))
    blotter._used.remember(memory.used_numbers, memory.used_texts)
    blotter._report_seq_first = memory.report_seq_first
    for strategy in memory.strategies:
        _remember_strategy(blotter, strategy)
    blotter._ledger.update(memory.ledger)
    blotter.violations.extend(memory.violations)
    for name, count in zip(_COUNTS, memory.counts, strict=True):
        setattr(blotter, name, count)


def _order(memory: _OrderMemory) -> Order:
    order = Order.__new__(Order)
    for name in _FIELDS:
        setattr(order, name, getattr(memory, name))
    return order


def _remember_strategy(blotter: Blotter, memory: _StrategyMemory) -> None:
    book = blotter._strategy(memory.strategy_id)
    book.report_seq = memory.report_seq
    book.reports.extend(memory.reports)
    book.ended = deque(blotter.orders[key] for key in memory.ended)
    for instrument_id, position_lots, cost_tick_lots in memory.positions:
        position = book.positions[instrument_id] = NetPosition()
        position.position_lots, position.cost_tick_lots = position_lots, cost_tick_lots
