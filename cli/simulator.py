"""``haltline simulator VENUE``: a venue on this machine that speaks the real protocol, for anyone's client."""

import asyncio
import gzip
import os
import signal
import stat
from collections.abc import Callable, Iterator, Mapping, Sequence
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import Annotated

import msgspec
import typer
import uvloop

from actors.runtime.local import LocalRuntime
from actors.runtime.spec import ActorSpec, HostSettings, HostSpec, Resources
from adapters.simulator.market import Market
from adapters.simulator.recording import Recording, instrument_of, read_lines, scan
from adapters.simulator.remembered import RememberedVenue
from adapters.simulator.replay_market import ReplayMarket
from adapters.simulator.venue import SimulatedVenue
from cli.fault_files import load_faults
from cli.screen import CONSOLE
from cli.simulated_venues import ACCOUNT, VENUES, VenueKind
from cli.simulator_books import books_of
from cli.simulator_process import SimulatorReady
from cli.venue_keys import VenueKeys
from engine.actor import Actor, Endpoint
from engine.errors import UsageError
from engine.instrument import Instrument
from risk.latch import LatchPage
from risk.latency import LatencyPage
from risk.scope import TradingNames
from store.segment import MemoryJournal, SegmentJournal

__all__ = ["balances_of", "identity_of", "simulator", "simulator_resources"]

_BALANCES = {"USDT": "1000000", "USDC": "1000000", "USD": "1000000", "BTC": "20", "ETH": "300", "BNB": "1000"}
#: The streams that an engine follows: what it can be expected to have processed at the end.
_FOLLOWED = ("@trade", "@bookTicker", "@depth@100ms")
_SPARE_BASE = "1000000"
_SEGMENT_BYTES = 16 << 20
#: A remembered venue is forced to the disk this often; the death of its process takes nothing anyway.
_SYNC_NS = 50_000_000


def simulator(
    venue: Annotated[str, typer.Argument(help=f"Which venue to be: {' or '.join(VENUES)}.")],
    port: Annotated[int, typer.Option(help="Port on localhost; 0 picks a free one.", min=0, max=65535)],
    recording: Annotated[
        Path | None, typer.Option(help="Replay this recording; without it, synthetic order flow.")
    ] = None,
    speed: Annotated[str, typer.Option(help="How many times faster than recorded.")] = "1",
    tls: Annotated[
        bool, typer.Option("--tls", help="Serve TLS, as the real venue does, with a local authority.")
    ] = False,
    directory: Annotated[Path, typer.Option(help="Keys and certificates are kept here, made when missing.")] = Path(
        "haltline-simulator"
    ),
    key_type: Annotated[
        str,
        typer.Option(
            help="Which of the account's keys to print: ed25519, hmac or es256; without it, the venue's usual."
        ),
    ] = "",
    seed: Annotated[int, typer.Option(help="Seed of the synthetic order flow, and of the faults.")] = 1,
    quote: Annotated[str, typer.Option(help="What BTC is quoted in; without it, what is usual at the venue.")] = "",
    faults: Annotated[Path | None, typer.Option(help="A fault file: what goes wrong, when and how often.")] = None,
    state: Annotated[
        Path | None,
        typer.Option(help="Remember everything in this directory, so that a restart, kill -9 included, goes on there."),
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON line once it listens.")] = False,
) -> None:
    """Be a venue: its REST and WebSocket protocols on one port, with a matching engine behind.

    The market starts when somebody subscribes to a stream. Stops on SIGINT or SIGTERM.
    Example: [bold]haltline simulator binance --port 9443 --tls --recording btcusdt.gz[/bold]
    With things going wrong: [bold]haltline simulator kraken --port 9443 --faults storm.toml[/bold]
    """
    kind = VENUES.get(venue)
    if kind is None:
        raise UsageError(f"simulator: no venue {venue!r}; it can be {' or '.join(VENUES)}")
    key_type = key_type or kind.key_types[0]
    if key_type not in kind.key_types:
        raise UsageError(f"simulator: {venue} has no key type {key_type!r}; it can be {' or '.join(kind.key_types)}")
    if recording is not None and not kind.replays:
        raise UsageError(f"simulator: recordings are of Binance's streams; {venue} has synthetic order flow only")
    keys = VenueKeys(directory)
    if recording is None:
        market = kind.market(seed, quote)
        markets: dict[str, Market] = {market.instrument.symbol: market}
        messages, seconds = 0, 0.0
    else:
        pace = _pace(speed)
        found = _scan(recording)
        markets = dict(_replay_markets(recording, found, pace))
        messages = sum(count for stream, count in found.streams.items() if stream.endswith(_FOLLOWED))
        seconds = float((found.last_time_ns - found.first_time_ns) / pace) / 1e9
    endpoint = Endpoint("localhost", port, tls)
    venue_itself = kind.actor(markets, tuple(balances_of(markets).items()), keys, endpoint, seed)
    if faults is not None:
        script = load_faults(faults)
        if script.venues and venue not in script.venues:
            raise UsageError(
                f"simulator: {faults} is for {' and '.join(script.venues)}; name one of them, or other faults"
            )
        venue_itself.play(script.fault, script.seed * 1_000 + seed)
    actor: Actor = venue_itself
    if state is not None:
        actor = RememberedVenue(actor, identity_of(venue, seed, quote, recording, recording and speed, faults))
    name = kind.key_name(key_type)
    ready = SimulatorReady(
        port,
        str(keys.ca_file.resolve()) if tls else "",
        str(keys.api_key_file(name).resolve()),
        str(keys.secret_file(name).resolve()),
        key_type,
        list(markets),
        messages,
        seconds,
    )
    instruments = [market.instrument for market in markets.values()]
    on_script = partial(_on_script, venue_itself, instruments, kind.fee_in_received)
    uvloop.run(_serve(actor, kind, keys, ready, state, on_script if json else None))


async def _serve(
    actor: Actor,
    kind: VenueKind,
    keys: VenueKeys,
    ready: SimulatorReady,
    state: Path | None,
    on_script: Callable[[asyncio.Event], None] | None,
) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    if on_script is not None and stat.S_ISFIFO(os.fstat(0).st_mode):
        loop.add_reader(0, on_script, stop)
    settings = HostSettings(
        run_dir=str(keys.directory / "run"),
        config_hash="",
        seed=0,
        certificate_file=str(keys.certificate_file),
        key_file=str(keys.key_file),
        sync_every_ns=0 if state is None else _SYNC_NS,
    )
    spec = HostSpec(
        "simulator", (ActorSpec("simulator", lambda _: actor),), partial(simulator_resources, state), settings
    )
    async with LocalRuntime([spec]) as runtime:
        ready.port = runtime.actor("simulator").listening_port("venue0")
        _announce(kind, ready, on_script is not None)
        await stop.wait()


def _on_script(
    venue: SimulatedVenue, instruments: Sequence[Instrument], fee_in_received: bool, stop: asyncio.Event
) -> None:
    """Lines of a script: ``books`` prints what was done here, ``calm`` ends the faults. Its pipe ends with the script,
    however that ends."""
    told = os.read(0, 4096)
    if not told:
        stop.set()
    for line in told.split(b"\n"):
        if line == b"calm" and venue.server.faults is not None:
            venue.server.faults.clear()
        elif line == b"books":
            books = books_of(venue, ACCOUNT, instruments, fee_in_received=fee_in_received)
            print(msgspec.json.encode(books).decode(), flush=True)


def identity_of(venue: str, seed: int, *more: object) -> str:
    """What a venue is made of, as its state has to know it: ``more`` are the options that are not empty."""
    return ", ".join((venue, f"seed {seed}", *(str(each) for each in more if each)))


def simulator_resources(state: Path | None, actor: str, arguments: bytes) -> Resources:
    latch, latency = LatchPage.memory(TradingNames()).view(), LatencyPage.memory(("loop_lag",))
    if state is None:
        return Resources(MemoryJournal(), latch, latency)
    journal = SegmentJournal(state, _SEGMENT_BYTES, actor)
    return Resources(journal, latch, latency, journal.close)


def _announce(kind: VenueKind, ready: SimulatorReady, json: bool) -> None:
    if json:
        print(msgspec.json.encode(ready).decode(), flush=True)
        return
    scheme = "s" if ready.ca_file else ""
    base = f"localhost:{ready.port}"
    lines = [
        f'rest_url = "http{scheme}://{base}"',
        f'orders_url = "ws{scheme}://{base}{kind.orders_path}"',
        f'streams_url = "ws{scheme}://{base}{kind.streams_path}"',
        *([f'ca_file = "{ready.ca_file}"'] if ready.ca_file else []),
        "[venues.reconcile]",
        'opening_positions = "zero"   # what the simulated account begins with is not ours',
        "[venues.credentials]",
        f'key_type = "{ready.key_type}"',
        f'api_key_file = "{ready.api_key_file}"',
        f'secret_file = "{ready.secret_file}"',
    ]
    CONSOLE.print(
        f"simulated {kind.title} on {base}, symbols {', '.join(ready.symbols)}; for a configuration:\n", highlight=False
    )
    CONSOLE.print("\n".join(lines), markup=False, highlight=False, soft_wrap=True)


# -- markets -------------------------------------------------------------------------------------------------------


def _pace(text: str) -> Fraction:
    try:
        pace = Fraction(text)
    except (ValueError, ZeroDivisionError):
        raise UsageError(f"simulator: speed {text!r} is not a number such as 10 or 0.5") from None
    if pace <= 0:
        raise UsageError(f"simulator: speed {text} must be above 0")
    return pace


def _lines(path: Path) -> Iterator[bytes]:
    """The file's lines, unpacked when it is gzip. Raises UsageError naming the file."""
    try:
        with gzip.open(path, "rb") if path.suffix == ".gz" else path.open("rb") as opened:
            yield from opened
    except OSError as error:
        raise UsageError(f"recording {path}: {error.strerror or error}; name a readable file") from error


def _scan(path: Path) -> Recording:
    return scan(_lines(path), str(path))


def _replay_markets(path: Path, found: Recording, pace: Fraction) -> Iterator[tuple[str, Market]]:
    for number, (symbol, recorded) in enumerate(found.symbols.items()):
        instrument = instrument_of(recorded, number)
        yield symbol, ReplayMarket(instrument, read_lines(_lines(path), str(path)), found, pace)


def balances_of(markets: Mapping[str, Market]) -> dict[str, str]:
    """What the account has at first."""
    assets = {asset for m in markets.values() for asset in (m.instrument.base_asset, m.instrument.quote_asset)}
    return {asset: _BALANCES.get(asset, _SPARE_BASE) for asset in sorted(assets)}
