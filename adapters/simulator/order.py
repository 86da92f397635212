"""An order at a simulated venue, as its market sees it."""

from dataclasses import dataclass
from enum import Enum

from engine.codes import Side, TimeInForce

__all__ = ["SimOrder", "StpMode"]


class StpMode(Enum):
    """Self-trade prevention: what happens when an order would execute against one of the same account.

    The taker's mode decides. Values are Binance's own texts. ``TRANSFER`` moves quantity between two accounts of one
    group; accounts here have no groups, so it acts as ``DECREMENT``.
    """

    NONE = "NONE"
    EXPIRE_TAKER = "EXPIRE_TAKER"
    EXPIRE_MAKER = "EXPIRE_MAKER"
    EXPIRE_BOTH = "EXPIRE_BOTH"
    DECREMENT = "DECREMENT"
    TRANSFER = "TRANSFER"


@dataclass(slots=True, eq=False)
class SimOrder:
    """One order. Compared by identity. The venue builds it, the market owns the mutable part.

    ``price_ticks`` is 0 for a market order. ``cum_lots`` (executed), ``prevented_lots`` (lost to self-trade
    prevention), ``quantity_lots`` (lowered by ``Market.reduce``) and ``is_resting`` are written by the market only;
    ``client_order_id`` and any bookkeeping beside it are the venue's. ``account`` may not be empty: empty is the
    anonymous market's own. ``display_lots`` is how much of an iceberg stands in the book at a time, 0 for all of it;
    when that is gone the next part comes from what is hidden, and waits behind everybody else at its price.
    """

    order_id: int
    account: str
    client_order_id: str
    side: Side
    price_ticks: int
    quantity_lots: int
    time_in_force: TimeInForce = TimeInForce.GTC
    post_only: bool = False
    stp_mode: StpMode = StpMode.NONE
    created_ns: int = 0
    cum_lots: int = 0
    prevented_lots: int = 0
    display_lots: int = 0
    #: What is left of the part of an iceberg that stands in the book now. Written by the market only.
    shown_lots: int = 0
    #: True from the moment the order stands in the book until it is filled, cancelled or ended.
    is_resting: bool = False

    @property
    def is_market(self) -> bool:
        return self.price_ticks == 0

    @property
    def leaves_lots(self) -> int:
        """What could still execute: original less executed less prevented. Not zeroed by a cancel or an ``Ended``."""
        return self.quantity_lots - self.cum_lots - self.prevented_lots

    @property
    def visible_lots(self) -> int:
        """What could execute before the order loses its place: of a resting iceberg the part that is shown."""
        return self.shown_lots if self.display_lots and self.is_resting else self.leaves_lots

    def show(self) -> None:
        """Bring the next part of an iceberg into the book."""
        if self.display_lots:
            self.shown_lots = min(self.display_lots, self.leaves_lots)
