"""The venue of a trial of kills, as a process of its own: one simulated exchange, an account per venue actor, no limits
on how often it may be asked, a quiet market, and its own record of what has reached it.

    python -m cli.kill_venue DIRECTORY ACCOUNTS      prints one JSON line once it listens; ends with its stdin
"""

import asyncio
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
import uvloop

from actors.runtime.local import LocalRuntime
from actors.runtime.spec import ActorSpec, HostSettings, HostSpec, Resources
from adapters.simulator.binance.settings import SimAccount, VenueLimits, VenueOptions
from adapters.simulator.binance.venue import SimulatedBinance
from adapters.simulator.synthetic_market import FlowParameters, SyntheticMarket, default_instrument
from cli.order_log import OrderLog
from cli.venue_keys import VenueKeys
from engine.actor import Endpoint
from engine.errors import HaltlineError
from risk.latch import LatchPage
from risk.latency import LatencyPage
from risk.scope import TradingNames
from store.segment import MemoryJournal

__all__ = ["KillVenue", "key_files", "kill_venue", "log_file"]

_MANY = 1_000_000_000
_LIMITS = VenueLimits(
    weight_per_minute=_MANY,
    requests_per_5_minutes=_MANY,
    connections_per_5_minutes=_MANY,
    orders_per_10_seconds=_MANY,
    orders_per_day=_MANY,
)
_BALANCES = (("BTC", "20"), ("USDT", "100000000"))
#: Enough to have a price; the load of the trial is the engine's own.
_FLOW = FlowParameters(events_per_second=5)
_START_S = 60.0


class KillVenue(msgspec.Struct, frozen=True):
    """Where it listens, without TLS, and what it trades."""

    port: int
    symbol: str


def log_file(directory: Path) -> Path:
    """The venue's own record, whole once its process has ended (``cli/order_log.py``)."""
    return directory / "orders.log"


def key_files(directory: Path, account: int) -> tuple[str, Path, Path]:
    """The key type of an account, its API key's file and its secret's."""
    home = directory / f"account{account}"
    return "ed25519", home / "ed25519.api-key", home / "ed25519.secret"


@contextmanager
def kill_venue(directory: Path, accounts: int) -> Iterator[KillVenue]:
    """Start it, wait until it listens; at the end it writes its record and stops. Raises HaltlineError."""
    directory.mkdir()
    command = [sys.executable, "-m", "cli.kill_venue", str(directory), str(accounts)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None, "a pipe was asked for"
    try:
        line = process.stdout.readline()
        if not line:
            raise HaltlineError(f"the simulated venue did not start: exit code {process.wait(_START_S)}")
        yield msgspec.json.decode(line, type=KillVenue)
    finally:
        process.communicate(timeout=_START_S)


# -- inside the process --------------------------------------------------------------------------------------------


async def _serve(directory: Path, accounts: int) -> None:
    names = [f"account{number}" for number in range(accounts)]
    keys = [VenueKeys(directory / name) for name in names]
    instrument = default_instrument()
    actor = SimulatedBinance(
        {instrument.symbol: SyntheticMarket(instrument, 1, _FLOW)},
        [SimAccount(name, each.keys(), _BALANCES) for name, each in zip(names, keys, strict=True)],
        (Endpoint("localhost", 0, False),),
        VenueOptions(_LIMITS),
    )
    log = OrderLog(log_file(directory), names)
    actor.observe(log.observe)
    settings = HostSettings(run_dir=str(directory / "run"), config_hash="", seed=0, tune_gc=True)
    ended = asyncio.Event()
    asyncio.get_running_loop().add_reader(0, ended.set)
    async with LocalRuntime(
        [HostSpec("venue", (ActorSpec("venue", lambda _: actor),), _resources, settings)]
    ) as runtime:
        port = runtime.actor("venue").listening_port("venue0")
        print(msgspec.json.encode(KillVenue(port, instrument.symbol)).decode(), flush=True)
        await ended.wait()
    log.close()


def _resources(actor: str, arguments: bytes) -> Resources:
    return Resources(MemoryJournal(), LatchPage.memory(TradingNames()).view(), LatencyPage.memory(("loop_lag",)))


if __name__ == "__main__":
    uvloop.run(_serve(Path(sys.argv[1]), int(sys.argv[2])))
