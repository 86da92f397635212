"""The evolution rules of ``engine/messages``, held: tags are for ever, fields are only appended, with a default.

``schema_1.json`` pins every type's tag, field names and one frame, and every enumeration's values. When a test here
goes red because a field was appended on purpose: raise SCHEMA_VERSION, leave the old file as it is, and let
``PYTHONPATH=. python tests/engine/test_evolution.py`` write the next one. The old file then proves that what was
written before can still be read.
"""

import json
import typing
from enum import IntEnum
from pathlib import Path
from types import UnionType
from typing import Any

import msgspec
import pytest

from engine import codes
from engine.messages import SCHEMA_VERSION, Message
from engine.order_event import OrderEvent
from engine.venue import InstrumentDefined

#: What goes between actors, and what is journalled. Events that only go from a session to its actor are free to change.
TYPES: tuple[Any, ...] = (*typing.get_args(Message), *typing.get_args(OrderEvent), InstrumentDefined)
BY_NAME = {kind.__name__: kind for kind in TYPES}
FOLDER = Path(__file__).parent

by_type = pytest.mark.parametrize("kind", TYPES, ids=lambda kind: kind.__name__)


def example(kind: Any, name: str, number: int) -> Any:
    """A value of a field's type that is always the same and nobody's default."""
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if isinstance(kind, UnionType) or origin is typing.Union:
        return example(arguments[0], name, number)
    if origin is tuple:
        inner = arguments[:1] if arguments[-1] is Ellipsis else arguments
        return tuple(example(argument, name, number + at) for at, argument in enumerate(inner))
    if origin is dict:
        return {example(arguments[0], name, number): example(arguments[1], name, number + 1)}
    if kind is bool:
        return True
    if kind is str:
        return name
    if kind is int:
        return number
    if issubclass(kind, IntEnum):
        return list(kind)[-1]
    return message_of(kind)


def message_of(kind: Any) -> Any:
    fields = msgspec.structs.fields(kind)
    return kind(*(example(field.type, field.name, 1000 + at) for at, field in enumerate(fields)))


def encode(message: Any) -> bytes:
    return msgspec.msgpack.encode(message)


def decode(payload: bytes) -> Any:
    """As a reader that knows all types of today; a union of all, so that the tag decides."""
    return msgspec.msgpack.decode(payload, type=typing.Union[TYPES])  # noqa: UP007  # from a tuple of types


def schema() -> dict[str, Any]:
    types = {
        name: {
            "tag": kind.__struct_config__.tag,
            "fields": list(kind.__struct_fields__),
            "frame": encode(message_of(kind)).hex(),
        }
        for name, kind in sorted(BY_NAME.items())
    }
    enumerations = {
        name: {member.name: int(member) for member in getattr(codes, name)} for name in sorted(codes.__all__)
    }
    return {"schema_version": SCHEMA_VERSION, "types": types, "enumerations": enumerations}


def pinned(version: int) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((FOLDER / f"schema_{version}.json").read_text())
    return found


ALL_PINNED = [
    pytest.param(version, name, id=f"{version}-{name}")
    for version in range(1, len(list(FOLDER.glob("schema_*.json"))) + 1)
    for name in pinned(version)["types"]
]


def required_count(kind: Any) -> int:
    return sum(field.required for field in msgspec.structs.fields(kind))


# -- what is written today is what is pinned ---------------------------------------------------------------------


@by_type
def test_frame_is_byte_for_byte_the_pinned_one(kind: Any) -> None:
    assert schema()["types"][kind.__name__] == pinned(SCHEMA_VERSION)["types"][kind.__name__]


def test_no_type_and_no_code_is_missing_from_the_pinned_schema() -> None:
    today, then = schema(), pinned(SCHEMA_VERSION)
    assert set(today["types"]) == set(then["types"])
    assert today["enumerations"] == then["enumerations"]


def test_every_version_up_to_now_is_pinned_under_its_own_number() -> None:
    files = sorted(path.name for path in FOLDER.glob("schema_*.json"))
    assert files == sorted(f"schema_{version}.json" for version in range(1, SCHEMA_VERSION + 1))
    assert all(pinned(version)["schema_version"] == version for version in range(1, SCHEMA_VERSION + 1))


# -- what was written then is still read -------------------------------------------------------------------------


@pytest.mark.parametrize(("version", "name"), ALL_PINNED)
def test_pinned_frame_still_decodes_to_the_same_fields(version: int, name: str) -> None:
    entry = pinned(version)["types"][name]
    payload = bytes.fromhex(entry["frame"])
    message = decode(payload)
    kind = type(message)
    assert kind is BY_NAME[name]
    assert kind.__struct_config__.tag == entry["tag"]
    assert list(kind.__struct_fields__)[: len(entry["fields"])] == entry["fields"]
    then, now = msgspec.msgpack.decode(payload), msgspec.msgpack.decode(encode(message))
    assert now[: len(then)] == then or any(isinstance(value, list) for value in then)


@pytest.mark.parametrize("version", range(1, SCHEMA_VERSION + 1))
def test_codes_keep_their_values(version: int) -> None:
    for name, values in pinned(version)["enumerations"].items():
        members = getattr(codes, name).__members__
        assert {member: int(members[member]) for member in values} == values


# -- the rules ---------------------------------------------------------------------------------------------------


def test_tags_are_unique_and_whole_numbers() -> None:
    tags = [kind.__struct_config__.tag for kind in TYPES]
    assert len(set(tags)) == len(tags)
    assert all(type(tag) is int for tag in tags)


@by_type
def test_fields_with_a_default_come_last(kind: Any) -> None:
    required = [field.required for field in msgspec.structs.fields(kind)]
    assert required == sorted(required, reverse=True)


@by_type
def test_frame_of_an_older_writer_decodes_with_defaults(kind: Any) -> None:
    message = message_of(kind)
    raw = msgspec.msgpack.decode(encode(message))
    fields = msgspec.structs.fields(kind)
    for count in range(required_count(kind), len(fields)):
        older = decode(encode(raw[: 1 + count]))
        assert type(older) is kind
        for at, field in enumerate(fields):
            expected = getattr(message, field.name) if at < count else _default(field)
            assert getattr(older, field.name) == expected


@by_type
def test_frame_without_a_required_field_is_refused(kind: Any) -> None:
    raw = msgspec.msgpack.decode(encode(message_of(kind)))
    with pytest.raises(msgspec.ValidationError):
        decode(encode(raw[: required_count(kind)]))


@by_type
@pytest.mark.parametrize("appended", [[7], ["x", None], [{"a": [1, 2]}, -1, True]], ids=repr)
def test_frame_of_a_newer_writer_decodes_without_what_is_new(kind: Any, appended: list[Any]) -> None:
    message = message_of(kind)
    raw = msgspec.msgpack.decode(encode(message))
    assert decode(encode([*raw, *appended])) == message


@pytest.mark.parametrize(
    ("name", "at"), [("ExecutionReport", -4), ("ExecutionReport", -3), ("InstrumentDefinition", 1)]
)
def test_newer_inner_values_decode_without_what_is_new(name: str, at: int) -> None:
    message = message_of(BY_NAME[name])
    raw = msgspec.msgpack.decode(encode(message))
    raw[at] = [*raw[at], "new"]
    assert decode(encode(raw)) == message


def test_an_unknown_tag_is_refused() -> None:
    with pytest.raises(msgspec.ValidationError):
        decode(encode([9_999, 1]))


def _default(field: Any) -> Any:
    if field.default_factory is not msgspec.NODEFAULT:
        return field.default_factory()
    return field.default


if __name__ == "__main__":
    with (FOLDER / f"schema_{SCHEMA_VERSION}.json").open("x") as file:
        file.write(json.dumps(schema(), indent=1) + "\n")
