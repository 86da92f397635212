"""What ``haltline kill cancel`` runs: undertakers of the killed venues, and who asks them, on one loop."""

import asyncio
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import suppress

import msgspec
from rich.markup import escape

from actors.cancel_desk import CancelDesk
from actors.places import KILL_SWITCH, latch_path, undertaker_actor, venue_actor
from actors.runtime.local import LocalRuntime
from actors.runtime.spec import ActorSpec, HostSettings, HostSpec, Resources
from actors.wiring import Plan, build_actor
from cli.screen import CONSOLE
from config.settings import EngineConfig, VenueSettings
from engine.journal import MemoryJournal
from engine.messages import KillProgress
from risk.latch import view_latch
from risk.latency import LatencyPage

__all__ = ["cancel_at", "cancel_host"]


def cancel_host(
    config: EngineConfig,
    venues: Sequence[VenueSettings],
    run_dir: str,
    told: Callable[[KillProgress], None],
    done: Callable[[], None],
) -> HostSpec:
    """Everything that it takes, in one place: an undertaker for each venue, and who asks them."""
    undertakers = {undertaker_actor(venue.name): venue_actor(venue.name) for venue in venues}
    kill_id = f"cancel-{time.time_ns() // 1000:x}"
    actors = [
        ActorSpec(name, build_actor, msgspec.msgpack.encode(Plan(config, name, audit_books=False)))
        for name in undertakers
    ]
    actors.append(ActorSpec(KILL_SWITCH, lambda _: CancelDesk(undertakers, kill_id, told, done)))

    def resources(actor: str, arguments: bytes) -> Resources:
        return Resources(MemoryJournal(), view_latch(latch_path(config)), LatencyPage.memory(("loop_lag",)))

    return HostSpec("cancel", tuple(actors), resources, HostSettings(run_dir, "", seed=0))


async def cancel_at(config: EngineConfig, venues: Sequence[VenueSettings], seconds: float) -> set[str]:
    """The venue actors of which the venue has not confirmed in time."""
    done = asyncio.Event()
    with tempfile.TemporaryDirectory(prefix="haltline-") as run_dir:
        host = cancel_host(config, venues, run_dir, _tell, done.set)
        async with LocalRuntime([host]) as runtime:
            with suppress(TimeoutError):
                await asyncio.wait_for(done.wait(), seconds)
            desk = runtime.actor(KILL_SWITCH).actor
            assert isinstance(desk, CancelDesk)
            return set(desk.open)


def _tell(progress: KillProgress) -> None:
    text = f"{progress.venue_actor}: {progress.stage}" + (f": {progress.failure}" if progress.failure else "")
    CONSOLE.print(f"[dim]{escape(text)}[/dim]", highlight=False)
