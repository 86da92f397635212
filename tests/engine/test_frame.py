"""Frames survive any cut of the stream; a malformed length drops the link for good."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.errors import FrameError
from engine.frame import FRAME_HEADER_BYTES, MAX_PAYLOAD_BYTES, FrameDecoder, encode_frame

PAYLOADS = st.lists(st.binary(min_size=1, max_size=40), max_size=12)


@given(PAYLOADS, st.lists(st.integers(0, 600), max_size=12))
def test_any_cut_of_the_stream_gives_the_same_payloads(payloads: list[bytes], cuts: list[int]) -> None:
    stream = b"".join(encode_frame(p) for p in payloads)
    borders = [0, *sorted(min(c, len(stream)) for c in cuts), len(stream)]
    decoder = FrameDecoder(40)
    got = [p for a, b in pairwise(borders) for p in decoder.feed(stream[a:b])]
    assert got == payloads
    assert decoder.pending_bytes == 0


@given(PAYLOADS)
def test_byte_by_byte_equals_whole(payloads: list[bytes]) -> None:
    stream = b"".join(encode_frame(p) for p in payloads)
    slow = FrameDecoder(40)
    got = [p for i in range(len(stream)) for p in slow.feed(stream[i : i + 1])]
    assert got == FrameDecoder(40).feed(stream) == payloads


@given(st.lists(st.binary(max_size=30), max_size=20))
def test_noise_gives_payloads_or_a_frame_error_and_holds_at_most_one_frame(pieces: list[bytes]) -> None:
    decoder = FrameDecoder(16)
    try:
        for piece in pieces:
            for payload in decoder.feed(piece):
                assert 0 < len(payload) <= 16
            assert decoder.pending_bytes < 16 + FRAME_HEADER_BYTES
    except FrameError:
        with pytest.raises(FrameError):
            decoder.feed(b"")


@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview])
def test_payloads_are_copies_so_a_reused_receive_buffer_does_not_change_them(kind: type) -> None:
    buffer = bytearray(encode_frame(b"first") + encode_frame(b"second")[:5])
    decoder = FrameDecoder()
    (first,) = decoder.feed(kind(buffer))
    buffer[:] = b"\xff" * len(buffer)
    assert first == b"first"
    assert decoder.feed(encode_frame(b"second")[5:]) == [b"second"]


@pytest.mark.parametrize(("length", "named"), [(0, "empty"), (17, "17 bytes"), (2**32 - 1, "bound of 16")])
def test_a_malformed_length_is_an_error_now_and_ever_after(length: int, named: str) -> None:
    decoder = FrameDecoder(16)
    with pytest.raises(FrameError, match=named):
        decoder.feed(length.to_bytes(4, "little"))
    with pytest.raises(FrameError, match=named):
        decoder.feed(encode_frame(b"good"))
    assert decoder.pending_bytes == 0


def test_the_bound_itself_is_accepted_and_a_truncated_frame_shows_as_pending() -> None:
    decoder = FrameDecoder(16)
    frame = encode_frame(b"x" * 16)
    assert decoder.feed(frame[:-1]) == []
    assert decoder.pending_bytes == len(frame) - 1
    assert decoder.feed(frame[-1:]) == [b"x" * 16]


@pytest.mark.parametrize("payload", [b"", b"x" * 17])
def test_what_a_peer_would_refuse_is_never_encoded(payload: bytes) -> None:
    with pytest.raises(FrameError):
        encode_frame(payload, 16)


def test_the_default_bound_is_the_same_on_both_sides() -> None:
    payload = bytes(MAX_PAYLOAD_BYTES)
    assert FrameDecoder().feed(encode_frame(payload)) == [payload]
    with pytest.raises(FrameError):
        encode_frame(payload + b"\0")
