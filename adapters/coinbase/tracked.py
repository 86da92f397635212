"""One order of the account, as this session knows it.

The venue tells an order's state as it is, never what happened: how much is filled in all, not by which trades. And an
edit keeps the venue's order id and the first client order id, where for the engine each edit makes a new order (a
*generation*; the first is 0). When an edit took place tells which trades belong to which: a trade before it is the
earlier generation's.
"""

from bisect import bisect_right
from typing import NamedTuple

from adapters.coinbase.messages import OrderState
from adapters.coinbase.orders import EditFrame, engine_id
from adapters.grid import InstrumentGrid
from engine.codes import Reason

__all__ = ["EDITS_MAX", "OrderEnd", "TrackedOrder"]

#: The venue remembers the latest five edits of an order; beyond them generations could not be told apart.
EDITS_MAX = 5
_SELF_TRADE = "self trade"
#: The venue ends these by itself when they cannot fill at once.
_AT_ONCE = ("IMMEDIATE_OR_CANCEL", "FILL_OR_KILL")


class OrderEnd(NamedTuple):
    """How the venue ended an order, and when (0: not told)."""

    state: OrderState
    text: str
    time_in_force: str
    time_ns: int

    @property
    def reason(self) -> Reason:
        """Why the venue ended it by itself; NONE: somebody asked for it, or it was filled."""
        if self.state is OrderState.FILLED:
            return Reason.NONE
        if _SELF_TRADE in self.text.lower():
            return Reason.VENUE_SELF_TRADE
        if self.state is OrderState.FAILED:
            return Reason.VENUE_REJECTED
        if self.state is OrderState.EXPIRED or self.time_in_force in _AT_ONCE:
            return Reason.VENUE_EXPIRED
        return Reason.NONE


class TrackedOrder:
    """Attributes:
    names: client order id of each generation; "" while it is not known (an edit of an earlier life).
    quantities: what the engine asked for, in lots, of each generation; 0 while it is not known.
    edited_ns: when each edit took place, oldest first: one less than there are generations.
    bases: lots filled before each of them.
    cum_lots: the most that the venue has said was filled, over all generations.
    trades: every trade seen, by its engine id, as lots; ``told`` are those that have been told.
    is_known: whether the edits of it are known. Not for an order of an earlier life, until it has been asked about.
    is_accepted: whether the current generation's OrderAccepted has been told.
    edit: what is being edited, until the venue shows it done or refuses it, or cannot have got it any more
        (``edit_until_ns``); ``edit_looks`` is how often that has been looked at, ``edit_is_taken`` whether the venue
        has said that it has got it, ``edit_is_queued`` whether it was shown as queued.
    """

    __slots__ = (
        "bases",
        "cum_lots",
        "edit",
        "edit_is_queued",
        "edit_is_taken",
        "edit_looks",
        "edit_until_ns",
        "edited_ns",
        "end",
        "end_is_told",
        "grid",
        "is_accepted",
        "is_known",
        "names",
        "order_id",
        "quantities",
        "seen_lots",
        "told",
        "trades",
    )

    def __init__(self, order_id: str, name: str, grid: InstrumentGrid, is_known: bool) -> None:
        self.order_id, self.grid, self.is_known = order_id, grid, is_known
        self.names, self.quantities = [name], [0]
        self.edited_ns: list[int] = []
        self.bases: list[int] = []
        self.cum_lots = self.seen_lots = 0
        self.trades: dict[str, int] = {}
        self.told: set[str] = set()
        self.is_accepted = self.end_is_told = False
        self.end: OrderEnd | None = None
        self.edit: EditFrame | None = None
        self.edit_looks = self.edit_until_ns = 0
        self.edit_is_taken = self.edit_is_queued = False

    @property
    def generation(self) -> int:
        return len(self.edited_ns)

    @property
    def name(self) -> str:
        """Client order id of the current generation, "" while it is not known."""
        return self.names[-1]

    @property
    def engine_order_id(self) -> str:
        return engine_id(self.order_id, self.generation)

    @property
    def base_lots(self) -> int:
        """What was filled before the current generation."""
        return self.bases[-1] if self.bases else 0

    @property
    def own_cum_lots(self) -> int:
        """What is filled of the current generation."""
        return max(0, self.cum_lots - self.base_lots)

    @property
    def is_over(self) -> bool:
        """Nothing more will come of it."""
        return self.end_is_told and len(self.told) == len(self.trades) and self.traded_lots >= self.cum_lots

    @property
    def traded_lots(self) -> int:
        return sum(self.trades.values())

    def own_lots(self, generation: int) -> int:
        """What was filled of a generation that has been replaced."""
        before = self.bases[generation - 1] if generation else 0
        return self.bases[generation] - before

    def generation_at(self, trade_ns: int) -> int:
        """Whose a trade at that time is."""
        return bisect_right(self.edited_ns, trade_ns)

    def learn(self, generation: int, name: str, quantity_lots: int) -> bool:
        """The engine's name and quantity of a generation. False: there is no such generation (yet)."""
        if generation >= len(self.names):
            return False
        self.names[generation], self.quantities[generation] = name, quantity_lots
        return True

    def begin_edit(self, edit: EditFrame, until_ns: int) -> None:
        self.edit, self.edit_until_ns, self.edit_looks = edit, until_ns, 0
        self.edit_is_taken = self.edit_is_queued = False

    def add_edit(self, edited_ns: int, base_lots: int, name: str, quantity_lots: int) -> None:
        """The next generation."""
        self.edited_ns.append(edited_ns)
        self.bases.append(base_lots)
        self.names.append(name)
        self.quantities.append(quantity_lots)
        self.is_accepted = False
        self.seen_lots = 0
