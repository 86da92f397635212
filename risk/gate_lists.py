"""Lists of orders at the gate: what they may do together is less than what each may do alone.

Of an **OCO** one order at most fills, and no more than its quantity: the venue takes the other out of its book in the
same step. So the pair reserves its lots once, at the dearer of its two worths, until the last of the two has ended.

The **pending** orders of an OTO close what the working order opens, with no more lots, and the venue places them only
once it has filled completely. Whatever the working order has filled is a position by then, so a pending order reserves
as much as that and no more: the fill moves the position one way and the reservation the other, in one step, and the
worst case of either side stays what it was. Whether they may be sent is decided on a copy of the gate's state in which
the working order has filled at its worst price.

A list spends as many orders of every rate as it has, and counts as many open ones.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import msgspec

from engine.codes import Contingency, Reason
from engine.messages import Refusal
from engine.order import Order
from risk import gate_books
from risk import gate_state as g
from risk.gate_state import State

if TYPE_CHECKING:
    from risk.gate import Gate

__all__ = ["GateLists", "ListsMemory", "list_fault"]

_SIZES = {Contingency.OCO: 2, Contingency.OTO: 2, Contingency.OTOCO: 3}


class _Group(msgspec.Struct, array_like=True):
    """Orders that reserve together: ``members`` have not ended yet; ``lots`` is what is reserved for all of them."""

    members: set[str]
    lots: int


class _Pending(msgspec.Struct, array_like=True):
    """What a working order's fills reserve: up to ``lots`` of ``side`` at ``ticks``, in the group ``name``."""

    name: str
    side: int
    ticks: int
    lots: int


class ListsMemory(msgspec.Struct, frozen=True, array_like=True):
    groups: dict[str, _Group]
    group_of: dict[str, str]
    pending: dict[str, _Pending]


def list_fault(orders: Sequence[Order], contingency: Contingency) -> Refusal | None:
    """What no gate could value as a list, whatever the venue."""
    if len(orders) != _SIZES.get(contingency, 0):
        return _fault(f"a list of {len(orders)}", "an OCO or OTO of two orders, or an OTOCO of three")
    if len({(each.instrument_id, each.strategy_id) for each in orders}) > 1:
        return _fault("several instruments or strategies", "one of each")
    if len({each.client_order_id for each in orders}) < len(orders):
        return _fault("one client order id twice", "one for each order")
    pair = orders if contingency is Contingency.OCO else orders[1:]
    if len({(each.side, each.quantity_lots) for each in pair}) > 1:
        return _fault("a pair of different sides or quantities", "one side and one quantity")
    if contingency is not Contingency.OCO:
        working, first = orders[0], pair[0]
        if first.side is working.side or first.quantity_lots > working.quantity_lots:
            return _fault("a pending order that opens more", "one that closes what the working order opens, or less")
        if working.order_type.is_triggered:
            return _fault("a working order that waits itself", "a limit order that works at once")
    return None


def _fault(observed: str, allowed: str) -> Refusal:
    return Refusal(Reason.BAD_ORDER_LIST, "orders", observed, allowed, f"{observed}; a list is of {allowed}")


class GateLists:
    """Part of one gate, which asks it about every order while there are any."""

    def __init__(self, gate: "Gate") -> None:
        self._gate = gate
        self._groups: dict[str, _Group] = {}
        self._group_of: dict[str, str] = {}
        #: By the client order id of the working order.
        self._pending: dict[str, _Pending] = {}

    def __bool__(self) -> bool:
        return bool(self._group_of)

    # -- a new list -----------------------------------------------------------------------------------------

    def reserve(self, orders: Sequence[Order], contingency: Contingency, now_ns: int) -> Refusal | None:
        """Reserve for all of them, or refuse and change nothing but what a refusal leaves behind."""
        fault = list_fault(orders, contingency)
        if fault is not None:
            return fault
        if contingency is Contingency.OCO:
            fault = self._check_pair(orders, now_ns)
            if fault is None:
                self._bind(orders, orders[0].quantity_lots)
            return fault
        working, pending = orders[0], orders[1:]
        first = self._gate.check(working, now_ns)
        if isinstance(first, Refusal):
            return first
        fault = self._check_pending(working, pending, now_ns)
        if fault is not None:
            self._gate.abandon(working)
            return fault
        self._follow(working, pending)
        return None

    def _check_pair(self, pair: Sequence[Order], now_ns: int) -> Refusal | None:
        """Each alone; then what the dearer needs is reserved once, and both are open orders."""
        gate, (first, second) = self._gate, pair
        answer = gate.check(first, now_ns)
        if isinstance(answer, Refusal):
            return answer
        self._move(first, -first.quantity_lots, 0)
        answer = gate.check(second, now_ns)
        self._move(first, first.quantity_lots, 0)
        if isinstance(answer, Refusal):
            gate.abandon(first)
            return answer
        cheap = min(pair, key=lambda each: each.reserve_ticks)
        self._move(cheap, -cheap.quantity_lots, 0)
        first.reserve_ticks = second.reserve_ticks = max(each.reserve_ticks for each in pair)
        for each in pair:
            gate._reserved.pop(each.client_order_id, None)
        return None

    def _check_pending(self, working: Order, pending: Sequence[Order], now_ns: int) -> Refusal | None:
        """On a copy in which the working order has filled. What the list spends of rates is spent in the state, too."""
        gate, state = self._gate, self._gate._state
        filled: State = state.copy()
        lots, ticks = working.quantity_lots, working.reserve_ticks
        strategy_at = gate._strategy_at(working)
        side, instrument_id = int(working.side), working.instrument_id
        gate_books.fill(filled, instrument_id, strategy_at, side, lots, ticks, lots, ticks, now_ns)
        gate._state, gate._cells = filled, filled.data
        try:
            if len(pending) > 1:
                fault = self._check_pair(pending, now_ns)
            else:
                answer = gate.check(pending[0], now_ns)
                fault = answer if isinstance(answer, Refusal) else None
        finally:
            gate._state, gate._cells = state, state.data
        for each in pending:
            gate._reserved.pop(each.client_order_id, None)
        if fault is not None:
            return fault
        state[g.MESSAGES] = filled[g.MESSAGES]
        for bucket in (g.ORDER_RATE, strategy_at + g.STRATEGY_RATE):
            for cell in (g.TOKENS, g.TOKENS_NS, g.SPENT):
                state[bucket + cell] = filled[bucket + cell]
        return None

    def _bind(self, pair: Sequence[Order], lots: int) -> None:
        name = pair[0].client_order_id
        self._groups[name] = _Group({each.client_order_id for each in pair}, lots)
        for each in pair:
            self._group_of[each.client_order_id] = name
            self._gate._reserved[each.client_order_id] = 0  # so that its name is taken

    def _follow(self, working: Order, pending: Sequence[Order]) -> None:
        first = pending[0]
        self._bind(pending, 0)
        for each in pending:
            self._move(each, 0, 1)
        self._pending[working.client_order_id] = _Pending(
            first.client_order_id, int(first.side), first.reserve_ticks, first.quantity_lots
        )

    def _move(self, order: Order, lots: int, orders: int) -> None:
        """Reserve ``lots`` more (or less) and count ``orders`` more open ones."""
        gate = self._gate
        at, side = gate._strategy_at(order), int(order.side)
        gate_books.release(gate._state, order.instrument_id, at, side, -lots, order.reserve_ticks, -orders)

    def abandon(self, orders: Sequence[Order]) -> None:
        """An approved list was not sent: undo all that counted it."""
        gate = self._gate
        for each in orders:
            name = self._group_of.pop(each.client_order_id, "")
            self._pending.pop(each.client_order_id, None)
            if not name:
                gate.abandon(each)
                continue
            group = self._groups[name]
            group.members.discard(each.client_order_id)
            gate._reserved[each.client_order_id] = group.lots  # the first gives back what all have reserved
            group.lots = 0
            gate.abandon(each)
            if not group.members:
                del self._groups[name]

    def restore(self, orders: Sequence[Order], contingency: Contingency) -> None:
        """What a list from the journal may still fill, without checks; nothing of it has happened yet."""
        self._gate._cells[g.MESSAGES] += len(orders) if contingency is Contingency.OCO else len(orders) - 1
        if contingency is Contingency.OCO:
            self._bind(orders, orders[0].quantity_lots)
            for each, lots in zip(orders, (orders[0].quantity_lots, 0), strict=True):
                self._move(each, lots, 1)
        else:
            self._gate.restore(orders[0])
            self._follow(orders[0], orders[1:])

    # -- what happens to it ---------------------------------------------------------------------------------

    def holds(self, client_order_id: str) -> bool:
        """Whether an order reserves together with others."""
        return client_order_id in self._group_of

    def take(self, order: Order, last_lots: int) -> int:
        """``last_lots`` of one of a group have filled: how many of them were reserved, and no longer are."""
        group = self._groups[self._group_of[order.client_order_id]]
        taken = min(group.lots, last_lots)
        group.lots -= taken
        return taken

    def worked(self, working: Order, last_lots: int) -> None:
        """A working order has filled: what waits for it to fill counts for as much more."""
        pending = self._pending.get(working.client_order_id)
        group = self._groups.get(pending.name) if pending is not None else None
        if pending is None or group is None:
            return
        more = min(pending.lots, last_lots)
        pending.lots -= more
        group.lots += more
        gate = self._gate
        at = gate._strategy_at(working)
        gate_books.release(gate._state, working.instrument_id, at, pending.side, -more, pending.ticks, 0)

    def closed(self, order: Order) -> None:
        """One of a group has ended. With the last one, what is still reserved for all of them is released."""
        client_order_id = order.client_order_id
        name = self._group_of.pop(client_order_id)
        group = self._groups[name]
        group.members.discard(client_order_id)
        self._gate._reserved.pop(client_order_id, None)
        released = 0
        if not group.members:
            released = group.lots
            del self._groups[name]
        self._move(order, -released, -1)

    def ended(self, client_order_id: str) -> None:
        """A working order has ended."""
        self._pending.pop(client_order_id, None)

    # -- as one value ---------------------------------------------------------------------------------------

    def memory(self) -> ListsMemory:
        return ListsMemory(self._groups, self._group_of, self._pending)

    def remember(self, memory: ListsMemory) -> None:
        self._groups.update(memory.groups)
        self._group_of.update(memory.group_of)
        self._pending.update(memory.pending)
