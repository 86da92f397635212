"""The right to send, and the budgets that go with it."""

from engine.messages.shape import MessageBase

__all__ = ["BudgetRecall", "LeaseGrant", "LeaseRefusal", "LeaseRequest"]


class LeaseRequest(MessageBase, frozen=True, tag=40):
    """A holder asks its grantor for the right to send. ``sent_ns`` is the holder's own monotonic clock, echoed in
    the grant: the lease runs from it, so no clocks need to agree. ``epoch`` is the last one granted (0: none).

    ``life`` tells one life of the holder from another. It speaks of its budgets (``risk/escrow.py``) by name:
    ``held`` is what its worst case cannot exceed until a grant newer than ``ceilings_seq`` raises it (empty: it does
    not know yet), ``wanted`` what it would like to hold, ``needed`` the ceilings at which refused orders would pass.
    ``statement_seq`` numbers what this life has told, so that an older word never replaces a newer one."""

    holder: str
    sent_ns: int
    epoch: int
    open_orders: int
    config_hash: str
    life: int = 0
    ceilings_seq: int = 0
    held: dict[str, int] = {}
    wanted: dict[str, int] = {}
    needed: dict[str, int] = {}
    statement_seq: int = 0


class LeaseGrant(MessageBase, frozen=True, tag=41):
    """The right to send until ``request_sent_ns + duration_ns`` on the holder's clock; with a duration of 0 it is no
    right and only brings ceilings: all of this life's, numbered by ``ceilings_seq`` (0: none in this epoch yet)."""

    epoch: int
    request_sent_ns: int
    duration_ns: int
    life: int = 0
    ceilings_seq: int = 0
    ceilings: dict[str, int] = {}


class LeaseRefusal(MessageBase, frozen=True, tag=42):
    """No lease, and why (no authority from the kill switch, another configuration, an old epoch)."""

    epoch: int
    request_sent_ns: int
    text: str


class BudgetRecall(MessageBase, frozen=True, tag=43):
    """Somebody else is short of ``amounts``, by budget name: give back what is idle, and say so in a LeaseRequest."""

    epoch: int
    amounts: dict[str, int]
