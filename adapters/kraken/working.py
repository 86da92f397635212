"""The venue's orders as this session knows them, and which of ours each one is.

A replace is an amend at this venue: the order keeps its id and its name while ours is succeeded by another. So one
order of the venue's is several of ours, one after the other, each from what had been filled when it came (``bases``):

    venue    OAAAAA-BBBBB-CCCCCC, 10 ordered … 3 filled … amended to 8 in all … 6 filled … filled
    ours     a-1: OAAAAA-BBBBB-CCCCCC, 3 of 10, replaced     a-2: OAAAAA-BBBBB-CCCCCC/1, 5 of 5

The number of amends in an id is what makes it findable again: the venue tells an order's amends, with what was open
after each (``OrderAmends``), in any later life.
"""

from collections import deque
from typing import NamedTuple

from adapters.kraken.messages import ExecutionReport
from adapters.kraken.parse import PairGrid
from engine.codes import OrderType, Side, TimeInForce

__all__ = ["Amend", "Working", "WorkingOrders", "engine_id", "split_id"]

_ENDED_MAX = 20_000
_HELD_MAX = 1_000


def split_id(order_id: str) -> tuple[str, int]:
    """(the venue's id, number of amends) of an id as the engine has it."""
    venue_order_id, _, amends = order_id.partition("/")
    return venue_order_id, int(amends) if amends.isascii() and amends.isdigit() else 0


def engine_id(venue_order_id: str, amends: int) -> str:
    return f"{venue_order_id}/{amends}" if amends else venue_order_id


class Amend(NamedTuple):
    """An amend that has been sent: ours ``client_order_id`` shall take the place of ``orig_client_order_id``."""

    client_order_id: str
    orig_client_order_id: str
    asked_lots: int
    total_lots: int
    deadline_ns: int


class Working:
    """One order at the venue. Quantities are the venue's own, over all of its amends.

    Attributes:
        name: ``cl_ord_id``, the same for all of ours that it is.
        client_order_id: of ours that it is now; "" if it is none of ours or not known.
        quantity_lots, asked_lots: what the venue has as its total now, and what ours of now was asked for.
        bases: what was filled when each of ours began; one entry more than amends. Amends whose bases are not known
            (made in an earlier life, or while a link was down) are ``in_doubt``, and reports about it are held.
    """

    __slots__ = (
        "accepted",
        "amend",
        "amended_ns",
        "asked_lots",
        "bases",
        "changed_ns",
        "client_order_id",
        "cum_lots",
        "doubt_until_ns",
        "ended",
        "fills",
        "grid",
        "held",
        "in_doubt",
        "name",
        "numbers",
        "order_id",
        "order_type",
        "ours",
        "post_only",
        "quantity_lots",
        "side",
        "time_in_force",
    )

    def __init__(self, name: str, client_order_id: str, grid: PairGrid, quantity_lots: int, now_ns: int) -> None:
        self.order_id = ""
        self.name, self.client_order_id, self.grid = name, client_order_id, grid
        self.quantity_lots = self.asked_lots = quantity_lots
        self.side = Side.BUY
        self.order_type, self.time_in_force, self.post_only = OrderType.LIMIT, TimeInForce.GTC, False
        self.cum_lots = 0
        self.bases = [0]
        #: UTC of each amend.
        self.amended_ns: list[int] = []
        #: Which of ours got which fill, by the venue's id of it.
        self.fills: dict[str, int] = {}
        #: When, on our clock, it was made or last amended.
        self.changed_ns = now_ns
        #: The amend that is on its way.
        self.amend: Amend | None = None
        self.ours: list[str] = []
        #: After how many amends it was, or is, each of ours of which that is known.
        self.numbers: dict[str, int] = {}
        self.accepted = self.ended = self.in_doubt = False
        self.doubt_until_ns = 0
        self.held: list[ExecutionReport] = []

    @property
    def amends(self) -> int:
        return len(self.bases) - 1

    @property
    def engine_id(self) -> str:
        return engine_id(self.order_id, self.amends)

    @property
    def own_cum_lots(self) -> int:
        """What was filled of ours that it is now."""
        return max(0, self.cum_lots - self.bases[-1])

    def amended(self, client_order_id: str, asked_lots: int, total_lots: int, base_lots: int, venue_ns: int) -> None:
        """From now on it is another one of ours."""
        self.client_order_id, self.asked_lots, self.quantity_lots = client_order_id, asked_lots, total_lots
        self.cum_lots = max(self.cum_lots, base_lots)
        self.bases.append(base_lots)
        self.numbers[client_order_id] = self.amends
        self.amended_ns.append(venue_ns)

    def amends_at(self, exec_id: str, venue_ns: int) -> int:
        """Which of ours a trade belongs to: as it was told when it happened, else by its time."""
        return self.fills.get(exec_id, sum(each <= venue_ns for each in self.amended_ns))

    def hold(self, report: ExecutionReport) -> bool:
        """False: too much is held already."""
        if len(self.held) >= _HELD_MAX:
            return False
        self.held.append(report)
        return True


class WorkingOrders:
    """By the venue's id, by name and by ours. Ended ones are remembered for a while: fills may come late."""

    def __init__(self) -> None:
        self._by_id: dict[str, Working] = {}
        #: A name is unique among open orders only: the latest has it.
        self._by_name: dict[str, Working] = {}
        self._by_ours: dict[str, Working] = {}
        self._open: dict[Working, None] = {}
        self._ended: deque[Working] = deque()

    def find(self, order_id: str, name: str) -> Working | None:
        """By the venue's id, else by name, unless another order has that by now."""
        working = self._by_id.get(order_id)
        if working is None and name:
            named = self._by_name.get(name)
            working = named if named is not None and named.order_id in ("", order_id) else None
        return working

    def named(self, name: str) -> Working | None:
        """The latest order of that name."""
        return self._by_name.get(name)

    def of_ours(self, client_order_id: str) -> Working | None:
        """The order that one of ours is, was, or is asked to become."""
        return self._by_ours.get(client_order_id)

    def add(self, working: Working) -> None:
        self._open[working] = None
        if working.name:
            self._by_name[working.name] = working
        if working.client_order_id:
            self.becomes(working, working.client_order_id)
        if working.order_id:
            self._by_id[working.order_id] = working

    def bind(self, working: Working, order_id: str) -> None:
        """The venue's id is known now."""
        working.order_id = order_id
        self._by_id[order_id] = working

    def becomes(self, working: Working, client_order_id: str) -> None:
        """It is, or is asked to become, this one of ours."""
        working.ours.append(client_order_id)
        self._by_ours[client_order_id] = working

    def open(self, instrument_id: int = -1) -> list[Working]:
        """Every order (of one instrument, or -1) that is or may be open, those on their way to the venue included."""
        return [each for each in self._open if instrument_id in (-1, each.grid.instrument_id)]

    def end(self, working: Working) -> None:
        if working.ended:
            return
        working.ended = True
        self._open.pop(working, None)
        self._ended.append(working)
        if len(self._ended) > _ENDED_MAX:
            self._forget(self._ended.popleft())

    def reopen(self, working: Working) -> None:
        """It was taken for ended and is not."""
        if working.ended:
            working.ended = False
            self._open[working] = None
            self._ended.remove(working)

    def _forget(self, working: Working) -> None:
        self._by_id.pop(working.order_id, None)
        if self._by_name.get(working.name) is working:
            del self._by_name[working.name]
        for ours in working.ours:
            if self._by_ours.get(ours) is working:
                del self._by_ours[ours]
