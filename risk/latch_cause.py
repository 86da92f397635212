"""Why something is killed: the record beside a row of the latch, for people. No gate reads it."""

import hashlib
import mmap
from typing import NamedTuple

import msgspec

from engine.codes import KillMode
from risk.latch_layout import CAUSE_BYTES, CAUSES_AT
from risk.latch_names import read_record, record_of
from risk.scope import Scope

__all__ = ["DAMAGED_CAUSE", "LatchCause", "LatchedKill", "kill_tag", "read_cause", "write_cause"]

_TEXT_BYTES = {"kill_id": 64, "by": 64, "reason": 256, "scope": 256, "trigger": 64}


class LatchCause(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """Why something is killed. Texts that do not fit (64 bytes of UTF-8; reason and scope 256) are cut."""

    kill_id: str
    by: str
    reason: str
    mode: KillMode
    wall_time_ns: int
    scope: str = ""
    trigger: str = ""


#: What a page that cannot be trusted is killed by.
DAMAGED_CAUSE = LatchCause("", "", "the latch is damaged", KillMode.CANCEL, 0, "global")


class LatchedKill(NamedTuple):
    """One kill as its row says. ``cause`` is None while it has not been written, and when it is damaged."""

    row: int
    tag: int
    scope: Scope
    mode: KillMode
    cause: LatchCause | None


def write_cause(page: mmap.mmap | bytearray, row: int, cause: LatchCause) -> None:
    fields = {field: _cut(getattr(cause, field), size) for field, size in _TEXT_BYTES.items()}
    record = record_of(msgspec.msgpack.encode(msgspec.structs.replace(cause, **fields)))
    at = CAUSES_AT + CAUSE_BYTES * row
    page[at : at + len(record)] = record


def read_cause(page: mmap.mmap | bytearray, row: int, tag: int) -> LatchCause | None:
    """None when it is damaged, not written yet, or that of another kill, whose row this was before."""
    payload = read_record(page, CAUSES_AT + CAUSE_BYTES * row, CAUSE_BYTES)
    try:
        cause = msgspec.msgpack.decode(payload, type=LatchCause)
    except msgspec.DecodeError:
        return None
    return cause if kill_tag(cause.kill_id) == tag else None


def kill_tag(kill_id: str) -> int:
    """A kill's id as a signed 64-bit number. Texts that differ only beyond 64 bytes are one id."""
    text = _cut(kill_id, _TEXT_BYTES["kill_id"]).encode()
    return int.from_bytes(hashlib.blake2b(text, digest_size=8).digest(), "little", signed=True)


def _cut(text: str, size: int) -> str:
    return text.encode("utf-8", "replace")[:size].decode("utf-8", "ignore")
