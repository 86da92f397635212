"""Epochs: each life of a grantor gets a number larger than any before, kept in its journal."""

import msgspec

from engine.actor import Journal

__all__ = ["EpochBegun", "begin_epoch"]


class EpochBegun(msgspec.Struct, frozen=True, array_like=True, gc=False, tag=150):
    epoch: int


def begin_epoch(journal: Journal, last_epoch: int, now_ns: int) -> int:
    """Start the next epoch and make it durable before anything is granted under it."""
    epoch = last_epoch + 1
    journal.append(msgspec.msgpack.encode(EpochBegun(epoch)), now_ns)
    journal.sync()  # after a power cut the next life must not begin it again
    return epoch
