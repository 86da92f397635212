"""The control on what becomes of orders whose sender is gone."""

from pathlib import Path

from actors.places import venue_actor
from cli.controls.control import Control, expect
from cli.controls.desk import MS, make_desk

__all__ = ["DISCONNECT_CONTROLS"]

_TOML = """
[kill]
fence = true

[[triggers]]
kind = "heartbeat_lost"
scope = "venue:alpha"
mode = "cancel"
consecutive = 2
silence_ms_max = 1000
start_ms_max = 30000
"""


def _cancel_on_disconnect(folder: Path) -> str:
    desk = make_desk(folder, toml=_TOML, runtime="ray")
    desk.rest("one", 10)
    desk.runtime.crash(venue_actor("alpha"))
    began_ns = desk.now_ns
    while desk.open_at("alpha"):
        expect(
            desk.now_ns - began_ns < 30_000 * MS,
            f"30 s after its process died, {desk.open_at('alpha')} orders are open",
        )
        desk.run_for(0.05)
    took_ms = (desk.now_ns - began_ns) // MS
    expect(desk.latch.kills(), "its orders are gone and nothing is killed")
    return (
        "the process that sent 10 resting orders dies, nobody presses: all cancelled over another connection "
        f"{took_ms:,} virtual ms later"
    )


DISCONNECT_CONTROLS = (
    Control(
        28,
        "cancel on disconnect",
        "FIA15†",
        "Orders can be cancelled when their sender is disconnected, and the limits of that are documented.",
        "The venue actor's process dies with orders resting; nobody presses anything. The limits: docs/killing.md.",
        _cancel_on_disconnect,
    ),
)
