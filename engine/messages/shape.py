"""What all messages have in common."""

from typing import ClassVar

import msgspec

__all__ = ["MessageBase"]


class MessageBase(msgspec.Struct, frozen=True, array_like=True, gc=False):
    #: Market data is conflated for a slow reader: the latest per (type, ``conflation_key()``) wins.
    CONFLATED: ClassVar[bool] = False
