"""People who press the red button: the latch first, by themselves, then the kill switch actor, if it can be reached."""

from actors.places import KILL_SWITCH, latch_path, trading_names
from actors.runtime.virtual_host import VirtualActor
from config.settings import EngineConfig, instruments_of
from engine.actor import Actor
from engine.codes import KillMode
from engine.messages import Kill, Message, StatusReport
from risk.latch import LatchCause, LatchPage
from risk.scope import parse_scope

__all__ = ["MODES", "PRESSER", "Presser", "press", "scopes"]

PRESSER = "presser"
MODES = tuple(KillMode)


class Presser(Actor):
    """Stands for whoever presses. ``in_progress`` is how many kills the kill switch last said are not through; -1: it
    has not been heard of."""

    peers = (KILL_SWITCH,)

    def __init__(self) -> None:
        self.in_progress = -1

    def on_message(self, sender: str, message: Message, now_ns: int) -> None:
        if isinstance(message, StatusReport):
            self.in_progress = message.counters["kills_in_progress"]


def scopes(config: EngineConfig) -> list[str]:
    """Every scope that can be killed here."""
    return [
        "global",
        *(f"venue:{venue.name}" for venue in config.venues),
        *(f"account:{account.id}" for account in config.accounts),
        *(f"venue:{venue.name}+account:{venue.account}" for venue in config.venues),
        *(f"strategy:{strategy.id}" for strategy in config.strategies),
        *(f"instrument:{instrument.name}" for instrument in instruments_of(config)),
        *(f"strategy:{each.id}+instrument:{each.instruments[0]}" for each in config.strategies),
    ]


def press(config: EngineConfig, presser: VirtualActor, kill: Kill, *, latch: bool, message: bool) -> bool:
    """``latch``: write the page directly; ``message``: tell the kill switch actor. True: it has been told."""
    scope, page = parse_scope(kill.scope, trading_names(config)), LatchPage.open(latch_path(config))
    if latch:
        page.store(kill.kill_id, scope, kill.mode)
    told = message and presser.send(KILL_SWITCH, kill)
    if latch:
        page.latch(
            scope, LatchCause(kill.kill_id, kill.by, kill.reason, kill.mode, kill.pressed_ns, trigger=kill.trigger)
        )
    return told
