"""The engine of a bench: a configuration like any other, started as ``haltline run`` starts it.

Every limit there is is set, wide enough that none is reached: all of them are checked on every order.
"""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import msgspec

from actors.places import strategy_actor, venue_actor
from actors.wiring import make_plan, open_state
from bench.cores import pin_process
from bench.rig.orders import VenueReady
from cli.engine_process import RunningEngine, start_engine
from cli.status import ask_actor
from config.loader import load_config
from config.settings import EngineConfig
from engine.codes import Reason
from engine.errors import InvariantError

__all__ = ["Seat", "bench_config", "config_file", "engine_toml", "running_engine"]

_READY_S = 60.0


class Seat(msgspec.Struct, frozen=True):
    """One venue actor of the engine, with one strategy on one symbol, which answers its ticks unless told otherwise.

    ``name`` is its venue's, its strategy's, and its account's at the venue; several may share an ``account`` of the
    engine.
    """

    name: str
    symbol: str
    placement: str = "co-located"
    tls: bool = False
    account: str = "bench"
    source: str = "bench.rig.strategies:Answer"
    parameters: str = 'quantity = "0.001"'
    #: Further lines of its venue's table.
    tuning: str = ""


#: An engine in this very process is a test's: machines that run tests may stall for longer than a real lease lasts.
_LEASE_MS = {"ray": 1_000, "local": 60_000}

_ACCOUNT = """
[[accounts]]
id = "{account}"
[accounts.limits]
open_orders_max = 1000000
orders_per_second_max = 1000000
orders_burst_max = 1000000
replaces_per_second_max = 1000000
replaces_burst_max = 1000000
cancels_per_second_max = 1000000
cancels_burst_max = 1000000
currency = "USDT"
gross_notional_max = "1000000000"
net_notional_max = "1000000000"
daily_loss_max = "1000000"
drawdown_max = "1000000"
duplicate_window_ms = 0
concentration_max_percent = 99
concentration_from = "900000000"
messages_per_trade_max = 1000000
messages_free = 1000000000
"""

_ASSET = """
[[accounts.assets]]
asset = "{base}"
long_max = "1000000"
short_max = "1000000"
"""

_SEAT = """
[[venues]]
name = "{name}"
adapter = "binance"
account = "{account}"
rest_url = "http://localhost:{port}"
orders_url = "{orders_url}"
streams_url = "ws://localhost:{port}"
ca_file = "{ca_file}"
{tuning}
[venues.reconcile]
opening_positions = "zero"
[venues.credentials]
key_type = "ed25519"
api_key_file = "{api_key_file}"
secret_file = "{secret_file}"
[[venues.instruments]]
symbol = "{symbol}"
[venues.instruments.limits]
order_quantity_max = "1"
order_notional_max = "100000"
long_position_max = "100000"
short_position_max = "100000"
price_collar_bps = 500
window_collar_bps = 1000
window_ms = 60000
reference_age_ms = 86400000

[[strategies]]
id = "{name}"
account = "{account}"
source = "{source}"
placement = "{placement}"
venue = "{name}"
instruments = ["{name}:{symbol}"]
[strategies.limits]
orders_per_second_max = 1000000
orders_burst_max = 1000000
position_notional_max = "900000000"
gross_notional_max = "900000000"
executions_max = 1000000
executions_window_ms = 10000
[strategies.parameters]
{parameters}
"""


def engine_toml(seats: Sequence[Seat], venue: VenueReady, state_dir: Path, runtime: str, lease_ms: int = 0) -> str:
    """The configuration as text. ``lease_ms`` 0: the runtime's (``_LEASE_MS``)."""
    parts = [f'[engine]\nname = "bench"\nruntime = "{runtime}"\nstate_dir = "{state_dir}"\n']
    parts.append(f"[lease]\nduration_ms = {lease_ms or _LEASE_MS[runtime]}\n")
    for account in dict.fromkeys(seat.account for seat in seats):
        parts.append(_ACCOUNT.format(account=account))
        parts += [_ASSET.format(base=seat.symbol.removesuffix("USDT")) for seat in seats if seat.account == account]
    for seat in seats:
        api_key_file, secret_file = venue.keys[seat.name]
        scheme, port = ("wss", venue.tls_port) if seat.tls else ("ws", venue.port)
        parts.append(
            _SEAT.format(
                name=seat.name,
                account=seat.account,
                port=venue.port,
                orders_url=f"{scheme}://localhost:{port}/ws-api/v3",
                ca_file=venue.ca_file if seat.tls else "",
                api_key_file=api_key_file,
                secret_file=secret_file,
                tuning=seat.tuning,
                symbol=seat.symbol,
                placement=seat.placement,
                source=seat.source,
                parameters=seat.parameters,
            )
        )
    return "\n".join(parts)


def bench_config(
    seats: Sequence[Seat], venue: VenueReady, directory: Path, runtime: str, lease_ms: int = 0
) -> EngineConfig:
    """Write and load the configuration of an engine with its state in ``directory``."""
    directory.mkdir(parents=True, exist_ok=True)
    file = config_file(directory)
    file.write_text(engine_toml(seats, venue, directory / "state", runtime, lease_ms))
    return load_config(file)


def config_file(directory: Path) -> Path:
    """Where ``bench_config`` writes it."""
    return directory / "engine.toml"


@contextmanager
def running_engine(config: EngineConfig, cores: Sequence[int] = ()) -> Iterator[RunningEngine]:
    """Start it, wait until every strategy runs, move its processes to ``cores`` when given; stop it at the end.

    An InvariantError of the block is told with what the engine has refused: that is most often why an order is missing.
    """
    open_state(config)
    engine = start_engine(config, make_plan(config))
    try:
        _wait_until_running(config)
        if cores:
            for pid in engine.pids().values():
                pin_process(pid, cores)
        yield engine
    except InvariantError as error:
        raise InvariantError(f"{error}{_refused(config)}") from error
    finally:
        engine.stop()


def _wait_until_running(config: EngineConfig) -> None:
    names = [venue_actor(venue.name) for venue in config.venues] + [strategy_actor(s.id) for s in config.strategies]
    deadline = time.monotonic() + _READY_S
    while True:
        reports = {name: ask_actor(config, name, 1.0) for name in names}
        states = {name: report.state if report else "starting" for name, report in reports.items()}
        if all(state in ("ready", "running") for state in states.values()):
            return
        if "failed" in states.values() or time.monotonic() > deadline:
            raise InvariantError(f"the engine of the bench did not get ready: {states}")
        time.sleep(0.05)


def _refused(config: EngineConfig) -> str:
    refused = []
    for venue in config.venues:
        report = ask_actor(config, venue_actor(venue.name), 1.0)
        if report is None:
            refused.append(f"{venue_actor(venue.name)} does not answer")
        else:
            refused += [
                f"{venue_actor(venue.name)} refused {count:,} orders: {Reason(code).name.lower()}"
                for code, count in report.refusals.items()
            ]
    return "".join(f"; {each}" for each in refused)
