"""bench/market_data.py at its tiny size: results, never times."""

import gzip

import msgspec
import pytest

from bench.market_data import TINY, run
from bench.market_stream import synthetic_stream
from engine.book import OrderBook
from engine.errors import InvariantError, UsageError


def with_recording(path, lines):
    with gzip.open(path, "wb") if path.suffix == ".gz" else path.open("wb") as file:
        file.writelines(lines)
    return msgspec.structs.replace(TINY, recording=str(path))


def test_a_made_up_stream_ends_in_the_same_book_both_ways():
    rows = {row.case: row for row in run(TINY)}
    messages = len(list(synthetic_stream(TINY.synthetic_diffs)))
    assert list(rows) == ["message", "script", "message_mean", "script_mean"]
    assert rows["message"].count == rows["script"].count == messages - TINY.block
    assert rows["message_mean"].count == (messages - TINY.block) // TINY.block
    assert rows["message_mean"].target == "p50 ≤ 3"


@pytest.mark.parametrize("name", ["some.gz", "some.txt"])
def test_a_recording_is_read_packed_or_plain(tmp_path, name):
    lines = list(synthetic_stream(30))
    rows = run(with_recording(tmp_path / name, lines))
    assert rows[0].count == len(lines) - TINY.block


def test_a_missing_update_fails_the_bench(tmp_path):
    lines = list(synthetic_stream(30))
    depth = [at for at, line in enumerate(lines) if b"@depth" in line]
    del lines[depth[5]]
    with pytest.raises(InvariantError, match="1 gaps"):
        run(with_recording(tmp_path / "some.txt", lines))


def test_a_wrong_book_fails_the_bench(monkeypatch):
    apply = OrderBook.apply
    monkeypatch.setattr(OrderBook, "apply", lambda self, side, ticks, lots, count: apply(self, side, ticks, lots, 0))
    with pytest.raises(InvariantError, match="the BUY side is not the recording's"):
        run(TINY)


def test_a_recording_that_cannot_be_used_is_named(tmp_path):
    with pytest.raises(UsageError, match=r"absent\.gz cannot be read"):
        run(msgspec.structs.replace(TINY, recording=str(tmp_path / "absent.gz")))
    size = with_recording(tmp_path / "some.txt", synthetic_stream(3))
    with pytest.raises(UsageError, match="no symbol 'ETHUSDT'; it has BTCUSDT"):
        run(msgspec.structs.replace(size, symbol="ETHUSDT"))
