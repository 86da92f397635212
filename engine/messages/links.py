"""What every link carries: who speaks, and how an actor is."""

from engine.messages.shape import MessageBase

__all__ = ["Hello", "StatusReport", "StatusRequest"]


class Hello(MessageBase, frozen=True, tag=1):
    """First frame on a link, each way: who speaks, in which schema, from which configuration."""

    actor: str
    schema_version: int
    config_hash: str


class StatusRequest(MessageBase, frozen=True, tag=60):
    """Asks any actor for its StatusReport; also the liveness probe."""

    nonce: int


class StatusReport(MessageBase, frozen=True, tag=61):
    """One actor's state: whole numbers and texts by name, for people and for the command line."""

    actor: str
    kind: str
    nonce: int
    pid: int
    state: str
    counters: dict[str, int]
    details: dict[str, str] = {}
    refusals: dict[int, int] = {}
