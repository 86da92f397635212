"""``haltline kill cancel``: with no engine alive, cancel what it has left open, over connections of its own."""

from pathlib import Path
from typing import Annotated

import typer

from actors.places import latch_path
from cli.screen import CONSOLE, ERRORS
from config.loader import load_config
from config.settings import EngineConfig, VenueSettings
from engine.codes import KillMode
from engine.errors import UsageError
from risk.latch import view_latch

__all__ = ["cancel", "killed_venues"]

#: Under a kill of a mode below, orders that reduce may still leave.
_FLATTEN = KillMode.FLATTEN.rank


def cancel(
    config: Annotated[Path, typer.Option(help="The engine's TOML file.")],
    venue: Annotated[str, typer.Option(help="Of one venue only; without it, of all that are killed.")] = "",
    seconds: Annotated[float, typer.Option(help="How long to try.", min=1, max=3600)] = 60.0,
) -> None:
    """Cancel every open order at the venues of a killed engine, until each venue shows that none is left.

    For when no process of the engine is alive to do it. The venue must be killed first (haltline kill): otherwise a new
    order could follow the last cancel. A venue's [bold]undertaker_credentials[/bold] are used if it has any: a key that
    may cancel and do nothing else, where the venue offers such keys. Run it on the host of the venue's actor.
    Exit code 0 only when every venue has confirmed.
    Example: [bold]haltline kill cancel --config desk.toml[/bold]
    """
    settings = load_config(config)
    venues = killed_venues(settings, venue)
    CONSOLE.print(f"cancelling at {', '.join(each.name for each in venues)}", markup=False)
    import uvloop  # here, with all that an engine needs: the red button itself must not wait for it

    from cli.cancel_run import cancel_at

    left = uvloop.run(cancel_at(settings, venues, seconds))
    if left:
        ERRORS.print(
            f"haltline: not confirmed within {seconds:g} s: {', '.join(sorted(left))}; look at the venue's own open "
            "orders",
            markup=False,
        )
        raise typer.Exit(1)
    CONSOLE.print("[green]nothing is open[/green]: each venue has confirmed")


def killed_venues(config: EngineConfig, name: str) -> list[VenueSettings]:
    """The venues to cancel at: that one, or all that are killed. Raises UsageError when one is not, or none is."""
    known = [venue.name for venue in config.venues]
    if name and name not in known:
        raise UsageError(f"kill cancel: there is no venue {name!r}; the configuration has {', '.join(known)}")
    killed = [
        venue
        for venue in config.venues
        if name in ("", venue.name) and view_latch(latch_path(config), venue.name, venue.account).rank() >= _FLATTEN
    ]
    if not killed:
        scope = f"venue:{name}" if name else "global"
        raise UsageError(
            f"kill cancel: {name or 'no venue'} is {'not ' if name else ''}halted as a whole, and a new order could "
            f"follow the last cancel; first: haltline kill --config FILE --scope {scope} --mode cancel --reason TEXT"
        )
    return killed
