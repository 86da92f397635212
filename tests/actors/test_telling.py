"""Urgency that is lent with the word of a kill: to each before it is told, and for a moment only."""

from collections.abc import Iterable

import pytest
from trading_desk import KILL_SWITCH, VENUE, MakeDesk

from actors.kill_switch import KillSwitchActor
from actors.places import venue_actor
from engine.codes import KillMode
from engine.messages import Kill


class _Loans:
    """What an operating system would be asked for."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def lend(self, actors: Iterable[str]) -> None:
        self.asked += actors

    def take_back(self) -> None:
        self.asked.append("back")


@pytest.mark.parametrize("scope", ["global", "venue:second", "drill"])
def test_each_that_is_told_has_its_turn_and_gives_it_back_within_milliseconds(make_desk: MakeDesk, scope: str) -> None:
    desk = make_desk(more_venues=["second"])
    loans = _Loans()
    actor = desk.runtime.actor(KILL_SWITCH)
    assert isinstance(actor.actor, KillSwitchActor)
    actor.actor._telling._loan = loans
    if scope == "drill":
        now_ns = desk.now_ns
        kill = Kill("drill-1", scope, KillMode.HALT, "rehearsal", "eve", "person", now_ns)
        desk.runtime.actor("presser").send(KILL_SWITCH, kill)
    else:
        desk.kill(scope)
    desk.run_for(0.001)
    told = [venue_actor("second")] if scope == "venue:second" else [VENUE, venue_actor("second")]
    assert loans.asked == told
    desk.run_for(0.02)
    assert loans.asked == [*told, "back"]
