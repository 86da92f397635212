"""``haltline simulator`` for each venue it can be: a real process, a real socket, and the keys that it names."""

import base64
import hashlib
import hmac
import json
import secrets
import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from adapters.coinbase.signing import Credentials, TokenMaker, make_signer
from cli.simulated_venues import VENUES
from cli.simulator_process import SimulatorBooks, SymbolBooks, simulated_venue


@pytest.mark.parametrize("venue", VENUES)
def test_each_venue_listens_and_names_keys_that_exist(venue: str, tmp_path: Path) -> None:
    ready = start_and_stop(venue, tmp_path, lambda ready: None)
    assert ready["port"] > 0
    assert ready["key_type"] == VENUES[venue].key_types[0]
    assert ready["symbols"]
    for file in ("api_key_file", "secret_file"):
        assert Path(ready[file]).stat().st_mode & 0o077 == 0


def test_kraken_answers_a_request_signed_with_its_key(tmp_path: Path) -> None:
    answers: list[Any] = []

    def ask(ready: dict[str, Any]) -> None:
        secret = base64.b64decode(Path(ready["secret_file"]).read_text())
        path, body = "/0/private/Balance", b"nonce=1"
        mac = hmac.new(secret, path.encode() + hashlib.sha256(b"1" + body).digest(), hashlib.sha512)
        headers = {
            "API-Key": Path(ready["api_key_file"]).read_text(),
            "API-Sign": base64.b64encode(mac.digest()).decode(),
        }
        request = urllib.request.Request(f"http://localhost:{ready['port']}{path}", body, headers)
        with urllib.request.urlopen(request, timeout=20) as response:
            answers.append(json.load(response))

    start_and_stop("kraken", tmp_path, ask)
    assert answers == [{"error": [], "result": {"XXBT": "20.000000000", "ZUSD": "1000000.000000000"}}]


@pytest.mark.parametrize("key_type", ["es256", "ed25519"])
def test_coinbase_answers_a_request_signed_with_its_key(tmp_path: Path, key_type: str) -> None:
    answers: list[Any] = []

    def ask(ready: dict[str, Any]) -> None:
        credentials = Credentials(Path(ready["api_key_file"]).read_text(), Path(ready["secret_file"]).read_text())
        tokens = TokenMaker(make_signer(credentials), "api.coinbase.com", 120, secrets.randbelow)
        path = "/api/v3/brokerage/key_permissions"
        headers = {"Authorization": f"Bearer {tokens.rest('GET', path, int(time.time()))}"}
        request = urllib.request.Request(f"http://localhost:{ready['port']}{path}", None, headers)
        with urllib.request.urlopen(request, timeout=20) as response:
            answers.append(json.load(response))

    start_and_stop("coinbase", tmp_path, ask, "--key-type", key_type)
    assert [(each["can_trade"], each["can_transfer"]) for each in answers] == [(True, False)]


@pytest.mark.parametrize(
    ("venue", "symbol"), [("binance", "BTCUSDT"), ("kraken", "BTC/USDT"), ("coinbase", "BTC-USDT")]
)
def test_a_script_is_told_what_was_done_there(venue: str, symbol: str, tmp_path: Path) -> None:
    with simulated_venue(tmp_path, ["--quote", "USDT"], venue) as simulator:
        simulator.calm()
        books = simulator.books()
    assert books == SimulatorBooks({symbol: SymbolBooks("0", "0", {}, 0, 0, 0)}, {})


def start_and_stop(venue: str, directory: Path, meanwhile: Any, *options: str) -> dict[str, Any]:
    """Start it, do something once it listens, and let its standard input end, which stops it."""
    command = [sys.executable, "-m", "cli.main", "simulator", venue, "--port", "0", "--json", "--directory", "venue"]
    command += options
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=directory) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        ready = json.loads(process.stdout.readline())
        assert isinstance(ready, dict)
        for file in ("api_key_file", "secret_file"):
            ready[file] = str(directory / ready[file])
        meanwhile(ready)
        process.stdin.close()
        assert process.wait(timeout=20) == 0
    return ready
