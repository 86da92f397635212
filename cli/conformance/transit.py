"""What a venue sends, changed on its way: another field, another value. Everything else stays as the venue has written
it, each number with all its digits."""

import re
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import msgspec

from adapters.simulator.websocket_server import text_frame

__all__ = ["Extra", "Other", "Rewrite", "rewritten"]

#: Changes one object where it stands.
Rewrite = Callable[[dict[str, Any]], None]

_HEAD_END = b"\r\n\r\n"
_LENGTH = re.compile(rb"(?i)(content-length: *)(\d+)")
_TEXT = 0x81
_WORD = "NEVER_HEARD_OF"
_BEFORE, _AFTER = "newBefore", "newAfter"


def _exact(text: str) -> msgspec.Raw:
    """A number that is not whole, as it was written."""
    return msgspec.Raw(text.encode())


_decode = msgspec.json.Decoder(float_hook=_exact).decode


def rewritten(data: bytes, rewrite: Rewrite) -> bytes:
    """Whole HTTP responses and unmasked WebSocket frames, in which ``rewrite`` has seen every object."""
    return b"".join(_pieces(data, rewrite))


def _pieces(data: bytes, rewrite: Rewrite) -> Iterator[bytes]:
    at = 0
    while at < len(data):
        if data.startswith(b"HTTP/", at):
            begin = data.index(_HEAD_END, at) + len(_HEAD_END)
            head = data[at:begin]
            found = _LENGTH.search(head)
            at = begin + (int(found[2]) if found else 0)
            body = _changed(data[begin:at], rewrite)
            yield _LENGTH.sub(lambda length, body=body: length[1] + b"%d" % len(body), head) + body  # type: ignore[misc]
        else:
            kind, size, begin = data[at], data[at + 1], at + 2
            if size >= 126:
                width = 2 if size == 126 else 8
                size, begin = int.from_bytes(data[begin : begin + width]), begin + width
            frame, payload = data[at : begin + size], data[begin : begin + size]
            at = begin + size
            yield text_frame(_changed(payload, rewrite)) if kind == _TEXT else frame


def _changed(text: bytes, rewrite: Rewrite) -> bytes:
    try:
        value = _decode(text)
    except msgspec.DecodeError:
        return text  # no JSON
    _visit(value, rewrite)
    return msgspec.json.encode(value)


def _visit(value: Any, rewrite: Rewrite) -> None:
    if isinstance(value, dict):
        for each in value.values():
            _visit(each, rewrite)
        rewrite(value)
    elif isinstance(value, list):
        for each in value:
            _visit(each, rewrite)


class Extra:
    """Every object has fields that nobody knows, before and after the others. ``maps``: fields that hold things by
    name, to which nothing can be added. ``seen`` objects have been changed."""

    def __init__(self, maps: frozenset[str]) -> None:
        self._maps = maps
        self.seen = 0

    def __call__(self, found: dict[str, Any]) -> None:
        for name in self._maps & found.keys():
            inner = found[name]
            if isinstance(inner, dict) and all(isinstance(each, dict | list) for each in inner.values()):
                for added in (_BEFORE, _AFTER):  # its turn came before this one's
                    del inner[added]
        fields = dict(found)
        found.clear()
        found.update({_BEFORE: {"a": [1, None, {"b": _WORD}]}, **fields, _AFTER: []})
        self.seen += 1


class Other:
    """Fields have a value that nobody knows: of the objects that have ``mark``, the field. ``changed``: how often."""

    def __init__(self, fields: tuple[tuple[str, str], ...]) -> None:
        self._fields = fields
        self.changed: Counter[tuple[str, str]] = Counter()

    def __call__(self, found: dict[str, Any]) -> None:
        there = [each for each in self._fields if each[0] in found and each[1] in found]
        self.changed.update(there)
        found.update(dict.fromkeys((field for _, field in there), _WORD))
