"""bench/peers without its peers: a stand-in of our own, run as one of them would be."""

import sys
from pathlib import Path

import msgspec
import pytest

from bench import peers
from bench.peers import contest, environments
from bench.peers.environments import PEERS, Peer, python_of
from engine.errors import UsageError

#: The floor script as a peer: it has an HMAC key, so it cannot log on, and signs nothing; every second tick it sleeps.
LAZY = """
import hashlib, hmac, sys, time
from pathlib import Path
from bench.rig import floor

class Lazy(floor._Floor):
    def _log_on(self):
        self._logged_on.set()

    def _order(self, bid):
        self._count += 1
        if not self._count % 2:
            return
        terms = {"apiKey": self._api_key, "newClientOrderId": f"lazy-{self._count}"}
        terms |= {"price": bid, "quantity": "0.00100"}
        terms |= {"side": "BUY", "symbol": self._symbol, "timeInForce": "IOC", "timestamp": time.time_ns() // 1_000_000}
        terms["type"] = "LIMIT"
        payload = "&".join(f"{name}={value}" for name, value in sorted(terms.items())).encode()
        terms["signature"] = hmac.new(SECRET, payload, hashlib.sha256).hexdigest()
        self._orders.send(floor.msgspec.json.encode({"id": 1, "method": "order.place", "params": terms}).decode())

symbol, port, api_key_file, secret_file = sys.argv[1:]
SECRET = Path(secret_file).read_bytes().strip()

async def main():
    lazy = Lazy(symbol, int(port), Path(api_key_file).read_text().strip(), None, "")
    await lazy.start(int(port))
    await floor.asyncio.Event().wait()

floor.uvloop.run(main())
"""


#: A peer that keeps no book, and only reads the best bid of a change.
WATCHER = """
import asyncio, json, sys
sys.path.insert(0, "bench/peers")
from seen import Seen
from bench.rig import floor

symbol, port, tls_port, path = sys.argv[1:]
seen = Seen(path)

async def main():
    stream = f"ws://localhost:{port}/stream?streams={symbol.lower()}@depth@100ms"
    link = floor._Link(stream, lambda: None, lambda message: seen.add(json.loads(message)["data"]["b"][0][0]))
    await asyncio.get_running_loop().create_connection(lambda: link, "localhost", int(port))
    await seen.flush()

asyncio.run(main())
"""


def test_a_peer_takes_its_turns_and_what_it_leaves_unanswered_is_said(monkeypatch, tmp_path):
    script = tmp_path / "lazy.py"
    script.write_text(LAZY)
    watcher = tmp_path / "watcher.py"
    watcher.write_text(WATCHER)
    stand_ins = {
        "lazy": Peer("", str(script), str(watcher)),
        "mute": Peer("", "", str(watcher), "cannot: it only listens"),
    }
    monkeypatch.setattr(contest, "PEERS", stand_ins)
    monkeypatch.setattr(contest, "python_of", lambda peer: sys.executable)
    monkeypatch.setenv("PYTHONPATH", ".")
    size = msgspec.structs.replace(peers.TINY, peers=("mute", "lazy"), ticks=9)
    rows = {row.case: row for row in peers.run(size)}
    assert list(rows) == ["haltline", "lazy", "floor", "book_haltline", "book_mute", "book_lazy", "mute"]
    assert rows["book_lazy"].baseline == "book_haltline"
    assert 0 < rows["book_mute"].count <= 16
    assert (rows["haltline"].baseline, rows["lazy"].baseline) == ("lazy", "haltline")
    assert rows["haltline"].target == "ratio_p50 ≤ 1, ratio_p99 ≤ 1"
    assert rows["haltline"].count == rows["floor"].count == 16
    assert rows["lazy"].count == 8
    assert rows["lazy"].sample.remark == "50.0% of the ticks unanswered"
    assert rows["mute"].sample.remark == "cannot: it only listens"


def test_every_peer_is_of_a_fixed_version_and_takes_part_or_says_why_not():
    for peer in PEERS.values():
        assert "==" in peer.requirement
        assert bool(peer.script) != bool(peer.cannot)
        assert all((Path(environments.__file__).parent / name).exists() for name in (peer.script, peer.book_script))


def test_a_peer_that_cannot_be_installed_is_named(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match=r"peer absent==1: no environment in .*file/haltline/peers/absent-1"):
        python_of(Peer("absent==1", "", ""))


def test_an_environment_is_made_once(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    directory = tmp_path / "haltline" / "peers" / f"there-1-python{sys.version_info.major}.{sys.version_info.minor}"
    directory.mkdir(parents=True)
    (directory / "ready").touch()
    monkeypatch.setattr(environments.venv, "create", lambda *_, **__: pytest.fail("made again"))
    assert python_of(Peer("there==1", "", "")) == str(directory / "bin" / "python")
