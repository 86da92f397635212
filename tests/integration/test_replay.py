"""``haltline replay``: every recorded message through the engine, the book verified at each, the ledgers equal."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from adapters.simulator.market import Public
from adapters.simulator.synthetic_market import SyntheticMarket, default_instrument

RECORDING = Path(__file__).resolve().parents[3] / "shared" / "data" / "binance" / "btcusdt_20240809.gz"
SECOND_NS = 1_000_000_000
SHIFT = 5_000_000_000
KEYS = {
    "messages",
    "book_mismatches",
    "bbo_disagreements",
    "bbo_comparisons",
    "orders",
    "fills",
    "refusals",
    "ledger_equal",
    "orders_after_kill",
    "order_latency_us",
    "kill_us",
}


def replay(recording: Path, folder: Path, *options: str) -> dict[str, Any]:
    command = [sys.executable, "-m", "cli.main", "replay", str(recording), "--venue", "binance", "--json", "out.json"]
    done = subprocess.run([*command, *options], cwd=folder, capture_output=True, text=True, timeout=110)
    assert done.returncode == 0, done.stdout + done.stderr
    figures: dict[str, Any] = json.loads((folder / "out.json").read_text())
    assert figures.keys() >= KEYS
    for rows in (figures["order_latency_us"], figures["kill_us"]):
        assert rows
        assert all(row.keys() == {"p50", "p90", "p99", "p99_9", "max", "count"} for row in rows.values())
    return figures


@pytest.mark.ray
@pytest.mark.slow
@pytest.mark.skipif(not RECORDING.exists(), reason=f"the recording {RECORDING.name} is not beside the project")
def test_five_minutes_of_the_real_market(tmp_path: Path) -> None:
    figures = replay(RECORDING, tmp_path, "--speed", "25")
    assert figures["messages"] == 58_325
    assert figures["book_mismatches"] == 0
    assert (figures["bbo_disagreements"], figures["bbo_comparisons"]) == (2, 3_043)
    assert figures["ledger_equal"]
    assert figures["orders"] > 0
    assert figures["orders_after_kill"] == 0
    assert figures["open_orders_at_venue"] == 0


def shifted(payload: bytes, is_second: bool) -> bytes:
    """The second symbol's update ids far from the first one's, as they are at the real venue."""
    if not is_second:
        return payload
    data = json.loads(payload)
    return json.dumps({key: value + SHIFT if key in ("U", "u") else value for key, value in data.items()}).encode()


def snapshot_of(market: SyntheticMarket, is_second: bool) -> bytes:
    update_id, *sides = market.snapshot(5000)
    instrument = market.instrument
    bids, asks = (
        [[instrument.price_text(ticks), instrument.quantity_text(lots)] for ticks, lots in side] for side in sides
    )
    return json.dumps({"lastUpdateId": update_id + SHIFT * is_second, "bids": bids, "asks": asks}).encode()


def write_recording(path: Path, seconds: int) -> int:
    """Two symbols, each with a REST snapshot in the middle of its first second, as a real recorder would write it."""
    markets = [
        SyntheticMarket(default_instrument(n, symbol), seed=n) for n, symbol in enumerate(("BTCUSDT", "ETHUSDT"))
    ]
    for market in markets:
        market.start(0, 1_700_000_000 * SECOND_NS)
    lines: list[tuple[int, bytes]] = []
    for at_ns in range(0, seconds * SECOND_NS, 10_000_000):
        for market in markets:
            for event in market.advance(at_ns):
                if isinstance(event, Public):
                    payload = shifted(event.payload, market is markets[1])
                    lines.append((event.due_ns, b'{"stream":"%s","data":%s}' % (event.stream.encode(), payload)))
        if at_ns == SECOND_NS // 2:
            lines += [(at_ns, snapshot_of(market, market is markets[1])) for market in markets]
    lines.sort(key=lambda line: line[0])
    start_ns = 1_723_161_600 * SECOND_NS
    path.write_bytes(b"".join(b"%d %s\n" % (start_ns + at_ns, text) for at_ns, text in lines))
    return sum(b'"stream"' in text for _, text in lines)


@pytest.mark.slow
def test_a_recording_of_two_symbols_with_snapshots_in_it(tmp_path: Path) -> None:
    recording = tmp_path / "two.txt"
    messages = write_recording(recording, seconds=20)
    figures = replay(recording, tmp_path, "--speed", "5", "--runtime", "local")
    assert figures["messages"] == messages
    assert figures["book_mismatches"] == 0
    assert figures["bbo_comparisons"] > 100
    assert figures["bbo_disagreements"] == 0
    assert figures["ledger_equal"]
    assert figures["orders_after_kill"] == 0
