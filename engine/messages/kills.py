"""A kill from the trigger to its release."""

import msgspec

from engine.codes import KillMode
from engine.messages.shape import MessageBase

__all__ = [
    "Kill",
    "KillActorState",
    "KillApproval",
    "KillApprover",
    "KillCheck",
    "KillProgress",
    "KillQuery",
    "KillReceipt",
    "KillRecords",
    "KillRelease",
    "KillStage",
    "KillStanding",
    "ResidualPosition",
    "VenueSeal",
]


class VenueSeal(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """Nothing more that a kill forbids can leave this venue actor: read off its own page at ``at_ns`` (monotonic, of
    its host), when ``orders_sent`` orders and replaces had ever left it (``actors/runtime/seal.py``)."""

    venue_actor: str
    at_ns: int
    orders_sent: int


class Kill(MessageBase, frozen=True, tag=50):
    """``scope`` as ``risk/scope.py`` reads it. ``pressed_ns`` is the monotonic time of the trigger on its host,
    ``latched_ns`` when the host's latch was written (0: not yet). ``evidence``: what a trigger saw, in numbers.
    ``wall_time_ns``: when the kill switch actor first heard of it (UTC; it sets this itself). ``seals``: what whoever
    latched it has proven by then."""

    kill_id: str
    scope: str
    mode: KillMode
    reason: str
    by: str
    trigger: str
    pressed_ns: int
    latched_ns: int = 0
    evidence: str = ""
    wall_time_ns: int = 0
    seals: tuple[VenueSeal, ...] = ()


class ResidualPosition(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """What a kill's scope still holds of one instrument (``VENUE:SYMBOL``); ``quantity`` is the same as text."""

    instrument: str
    position_lots: int
    quantity: str


class KillProgress(MessageBase, frozen=True, tag=51):
    """A venue actor's word on a kill, once per stage it reaches: ``halted`` (nothing more can leave that the mode
    forbids), ``cancel_sent``, ``cancelled`` (the venue confirmed that none of the scope's orders is open), ``flat``
    (nothing is left that could be closed). ``failure`` is empty on success. All counts are of the kill's scope, but
    ``orders_sent``: how many orders and replacements have left this actor since its start, as of ``halted``; the venue
    must never have got more of what the kill stops (-1: not told)."""

    kill_id: str
    venue_actor: str
    stage: str
    at_ns: int
    open_orders: int
    unknown_orders: int
    failure: str = ""
    orders_cancelled: int = 0
    residual: tuple[ResidualPosition, ...] = ()
    orders_sent: int = -1


class KillStage(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """When a stage was complete over the whole scope, in ns after the trigger; -1: not yet."""

    stage: str
    after_ns: int


class KillActorState(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """One venue actor's part in a kill, by its last word; ``stage`` is empty while it has said nothing.
    ``orders_sent``: as of its first ``halted``, see ``KillProgress``; ``orders_at_seal``: as of its seal (-1: none)."""

    venue_actor: str
    stage: str
    orders_cancelled: int
    open_orders: int
    unknown_orders: int
    residual: tuple[ResidualPosition, ...] = ()
    orders_sent: int = -1
    orders_at_seal: int = -1


class KillApprover(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """Who approved a kill's release, when, and until when that counts (UTC)."""

    person: str
    wall_time_ns: int
    expires_ns: int


class KillReceipt(MessageBase, frozen=True, tag=52):
    """Where a kill stands, sent to whoever pressed at each stage. ``complete``: the mode's last stage is reached.

    What follows ``evidence`` is for people: ``limits`` (JSON) and ``config_hash`` are those in force, ``missing`` says
    what a release still needs, ``released_ns`` (UTC) is 0 while the kill holds.
    """

    kill_id: str
    scope: str
    mode: KillMode
    reason: str
    by: str
    trigger: str
    wall_time_ns: int
    stages: tuple[KillStage, ...]
    waiting_for: tuple[str, ...]
    open_orders: int
    unknown_orders: int
    complete: bool
    failures: tuple[str, ...] = ()
    evidence: str = ""
    pressed_wall_ns: int = 0
    actors: tuple[KillActorState, ...] = ()
    config_hash: str = ""
    limits: str = ""
    approvals: tuple[KillApprover, ...] = ()
    missing: tuple[str, ...] = ()
    released_ns: int = 0


class KillApproval(MessageBase, frozen=True, tag=53):
    """A person agrees to the release of one kill, until ``expires_ns`` (UTC). ``signature`` is Ed25519, in hex, over
    ``risk.release.approval_text``. Answered by KillRecords."""

    kill_id: str
    person: str
    expires_ns: int
    signature: str


class KillRelease(MessageBase, frozen=True, tag=54):
    """Release the kill if nothing is missing. Answered by KillRecords."""

    kill_id: str
    by: str


class KillQuery(MessageBase, frozen=True, tag=55):
    """Ask for one kill, or (empty) for every kill that holds and the last ones that do not. Answered by KillRecords."""

    kill_id: str = ""


class KillRecords(MessageBase, frozen=True, tag=56):
    """The kills asked about, and why what was asked for was not done (empty: it was)."""

    kills: tuple[KillReceipt, ...]
    refusal: str = ""


class KillCheck(MessageBase, frozen=True, tag=57):
    """Before a release: how does the kill's scope stand at the venue actor? Answered by KillStanding."""

    kill_id: str
    scope: str
    nonce: int


class KillStanding(MessageBase, frozen=True, tag=58):
    """``failure``: why the counts cannot be relied on."""

    kill_id: str
    venue_actor: str
    nonce: int
    open_orders: int
    unknown_orders: int
    failure: str = ""
