"""What a router's journal holds besides the requests of its strategy: what it has decided, and what it was told.

Parents are a function of these records (``engine/routing/parents.py``); the rules of ``engine/messages`` hold for them.
"""

import msgspec

from engine.codes import Reason
from engine.messages import CancelOrder, ExecutionReport, InstrumentDefinition, NewOrder, ReplaceOrder

__all__ = ["ChildPlaced", "ChildTold", "LotsGivenUp", "OrderStep", "RouterRecord"]


class ChildPlaced(msgspec.Struct, frozen=True, array_like=True, gc=False, tag=150):
    """An order about to leave for a venue, for a part of its parent; in the venue's ticks and lots."""

    parent_id: str
    venue_actor: str
    order: NewOrder


class ChildTold(msgspec.Struct, frozen=True, array_like=True, gc=False, tag=151):
    """What a venue actor has reported."""

    venue_actor: str
    report: ExecutionReport


class LotsGivenUp(msgspec.Struct, frozen=True, array_like=True, gc=False, tag=152):
    """So much of the parent, in its lots, goes nowhere any more: what ``child_id`` came back with, or ("") the rest."""

    parent_id: str
    lots: int
    reason: Reason
    text: str
    child_id: str = ""


#: What a parent or a child goes through.
OrderStep = NewOrder | ReplaceOrder | CancelOrder | ChildPlaced | ChildTold | LotsGivenUp
RouterRecord = OrderStep | InstrumentDefinition
