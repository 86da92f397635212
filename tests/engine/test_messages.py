"""Messages and journalled events: what is encoded is decoded, and hostile bytes are refused in one way only."""

import typing
from enum import IntEnum
from types import UnionType
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.codes import OrderType, Side, TimeInForce
from engine.messages import (
    Depth,
    InstrumentCondition,
    Kill,
    Message,
    NewOrder,
    Quote,
    StatusReport,
    Trade,
    decode_message,
    encode_message,
    encode_message_into,
)
from engine.order_event import OrderEvent
from engine.venue import InstrumentDefined

MESSAGE_TYPES = typing.get_args(Message)
EVENT_TYPES = (*typing.get_args(OrderEvent), InstrumentDefined)

_event_decoder: msgspec.msgpack.Decoder[Any] = msgspec.msgpack.Decoder(OrderEvent | InstrumentDefined)


def values_of(kind: Any) -> st.SearchStrategy[Any]:
    """Any value of a field's type."""
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if isinstance(kind, UnionType) or origin is typing.Union:
        return st.one_of([values_of(argument) for argument in arguments])
    if origin is tuple and arguments[-1] is Ellipsis:
        return st.lists(values_of(arguments[0]), max_size=3).map(tuple)
    if origin is tuple:
        return st.tuples(*map(values_of, arguments))
    if origin is dict:
        return st.dictionaries(values_of(arguments[0]), values_of(arguments[1]), max_size=3)
    if kind is bool:
        return st.booleans()
    if kind is str:
        return st.text(max_size=20)
    if kind is int:
        return st.integers(-(2**63), 2**63 - 1)
    if kind is type(None):
        return st.none()
    if issubclass(kind, IntEnum):
        return st.sampled_from(kind)
    return st.builds(kind, *(values_of(field.type) for field in msgspec.structs.fields(kind)))


@pytest.mark.parametrize("kind", MESSAGE_TYPES, ids=lambda kind: kind.__name__)
def test_message_round_trip(kind: Any) -> None:
    @settings(max_examples=25, deadline=None)
    @given(message=values_of(kind))
    def round_trip(message: Any) -> None:
        payload = encode_message(message)
        again = decode_message(payload)
        assert type(again) is kind
        assert again == message
        assert encode_message(again) == payload
        buffer = bytearray(b"head")
        encode_message_into(message, buffer, 4)
        assert bytes(buffer) == b"head" + payload

    round_trip()


@pytest.mark.parametrize("kind", EVENT_TYPES, ids=lambda kind: kind.__name__)
def test_event_round_trip(kind: Any) -> None:
    @settings(max_examples=25, deadline=None)
    @given(event=values_of(kind))
    def round_trip(event: Any) -> None:
        again = _event_decoder.decode(msgspec.msgpack.encode(event))
        assert type(again) is kind
        assert again == event

    round_trip()


NEW_ORDER = NewOrder("m-1", "acc", "m", 1, Side.BUY, OrderType.LIMIT, TimeInForce.GTC, 10, 100)
_RAW = msgspec.msgpack.decode(encode_message(NEW_ORDER))


def refused(payload: bytes) -> msgspec.DecodeError | None:
    """How decoding ends: an error of the one allowed kind, or none. Any other exception fails the test."""
    try:
        decode_message(payload)
    except msgspec.DecodeError as error:
        return error
    return None


@settings(max_examples=500, deadline=None)
@given(payload=st.binary(max_size=64))
def test_random_bytes_are_refused_or_decoded(payload: bytes) -> None:
    refused(payload)


@settings(max_examples=300, deadline=None)
@given(
    message=st.one_of([values_of(kind) for kind in MESSAGE_TYPES]),
    at=st.integers(0, 10**6),
    byte=st.integers(0, 255),
    cut=st.booleans(),
)
def test_a_damaged_frame_is_refused_or_decoded(message: Any, at: int, byte: int, cut: bool) -> None:
    payload = bytearray(encode_message(message))
    at %= len(payload)
    if cut:
        assert refused(bytes(payload[:at])) is not None
        return
    payload[at] = byte
    refused(bytes(payload))


@pytest.mark.parametrize("at", range(1, len(_RAW)))
@pytest.mark.parametrize("wrong", [None, [], {}, 1.5, float("nan"), b"x", 2**64 - 1], ids=repr)
def test_a_field_of_another_type_is_refused(at: int, wrong: object) -> None:
    raw = [*_RAW]
    raw[at] = wrong
    is_right = at == len(_RAW) - 1 and wrong in (None, [])  # instructions: none, or none that ask for anything
    is_right = is_right or (wrong == 2**64 - 1 and type(_RAW[at]) is int)
    assert is_right or refused(msgspec.msgpack.encode(raw)) is not None


@pytest.mark.parametrize("raw", [[], [999], [10], {"type": 10}, [None, "x"], "x", 10, None, [10, *_RAW[1:5]]], ids=repr)
def test_what_is_no_message_is_refused(raw: object) -> None:
    assert refused(msgspec.msgpack.encode(raw)) is not None


def test_deeply_nested_bytes_are_refused() -> None:
    assert refused(b"\x91" * 100_000) is not None
    assert refused(b"\xdd\xff\xff\xff\xff" * 1_000) is not None
    with_an_unknown_field = msgspec.msgpack.encode([*_RAW, 0])
    assert refused(with_an_unknown_field) is None
    assert refused(with_an_unknown_field[:-1] + b"\x91" * 100_000 + b"\x00") is not None


def test_text_that_is_not_utf_8_is_refused() -> None:
    payload = encode_message(NEW_ORDER).replace(b"acc", b"a\xffc")
    error = refused(payload)
    assert error is not None
    assert "utf-8" in str(error)


def test_codes_that_do_not_exist_are_refused() -> None:
    raw = [*_RAW]
    raw[5] = 3
    assert refused(msgspec.msgpack.encode(raw)) is not None


@pytest.mark.parametrize("kind", MESSAGE_TYPES, ids=lambda kind: kind.__name__)
def test_messages_are_frozen_and_only_market_data_is_conflated(kind: Any) -> None:
    assert kind.__struct_config__.frozen
    assert kind.__struct_config__.array_like
    assert (kind in (Quote, Trade, Depth, InstrumentCondition)) == kind.CONFLATED


def test_two_status_reports_do_not_share_their_defaults() -> None:
    one, two = (StatusReport("a", "venue", 1, 1, "ready", {}) for _ in range(2))
    one.details["x"] = "y"
    assert two.details == {}


def test_a_kill_without_a_mode_that_exists_is_refused() -> None:
    raw = ["" for _ in msgspec.structs.fields(Kill)]
    assert refused(msgspec.msgpack.encode([50, *raw])) is not None
