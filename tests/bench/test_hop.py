"""bench/hop.py at its tiny size: results, never times."""

import asyncio
import socket

import msgspec
import pytest

from bench.hop import FULL, TINY, run
from bench.hop_ends import EchoFrames, Ways, ping
from engine.errors import InvariantError
from engine.frame import encode_frame
from engine.messages import StatusRequest, encode_message


def test_frames_and_floor_echo_every_order():
    rows = {row.case: row for row in run(TINY)}
    assert list(rows) == ["frame", "floor"]
    assert {row.count for row in rows.values()} == {TINY.rounds * TINY.per_round}
    assert rows["frame"].baseline == "floor"
    assert all(0 < row.p50 <= row.p99 <= row.max for row in rows.values())


@pytest.mark.ray
@pytest.mark.slow
def test_between_two_ray_actors_it_is_held_against_a_ray_call():
    rows = {row.case: row for row in run(msgspec.structs.replace(TINY, with_ray=True))}
    assert list(rows) == ["frame", "ray_call", "floor"]
    assert rows["frame"].baseline == "ray_call"
    assert rows["frame"].target == "ratio_p50 ≤ 0.1, ratio_p99 ≤ 0.1"
    assert rows["frame"].met is not None
    assert FULL.with_ray


class AnswerOtherwise(EchoFrames):
    def data_received(self, data):
        self._transport.write(encode_frame(encode_message(StatusRequest(7))))


class HangUp(EchoFrames):
    def data_received(self, data):
        self._transport.close()


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("echo", "told"), [(AnswerOtherwise, "frame echoed StatusRequest"), (HangUp, "the frame link was lost")]
)
async def test_a_wrong_echo_or_a_lost_link_fails_the_bench(tmp_path, echo, told):
    server = await asyncio.get_running_loop().create_unix_server(echo, str(tmp_path / "frame"))
    with socket.socket(socket.AF_UNIX) as floor:
        floor.bind(str(tmp_path / "floor"))
        floor.listen()
        with pytest.raises(InvariantError, match=told):
            await ping((1, 0, 1, 1_000), Ways(str(tmp_path / "floor"), str(tmp_path / "frame"), None))
    server.close()
    await server.wait_closed()
