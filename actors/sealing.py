"""Sealing: looking at venue actors' own pages until nothing more of a kill can leave any of them, or all have said so.

    kill latched ──▶ seals that came with it ──▶ a look ──▶ another each millisecond ──▶ all sealed, or out of time

Whoever presses has looked already (``cli/seal.py``); the kill switch actor goes on with what that did not reach, and
does it all for kills that it latches itself. An actor that is not sealed in time is waited for, and fenced, as without
this.
"""

from collections.abc import Callable, Iterable

from engine.actor import Context
from engine.messages import KillStage, VenueSeal
from risk.kill import KillCase

__all__ = ["SEALING_TIMER", "Seal", "Sealing", "no_seal"]

SEALING_TIMER = "sealing"
_LOOK_NS = 1_000_000

#: ``seal(actors)``: those that are sealed, and how many orders have ever left each (``actors.runtime.seal.PageSeal``).
Seal = Callable[[Iterable[str]], dict[str, int]]


def no_seal(actors: Iterable[str]) -> dict[str, int]:
    """Where there are no pages."""
    return {}


class Sealing:
    """Looks for ``acknowledge_ns``. ``on_stages(case, stages, now_ns)`` hears which stages a look has completed.
    ``is_here(actor)``: whether it runs on this host, so that its page and its clock are ours."""

    def __init__(
        self,
        seal: Seal,
        acknowledge_ns: int,
        on_stages: Callable[[KillCase, tuple[KillStage, ...], int], None],
        is_here: Callable[[str], bool],
    ) -> None:
        self._seal, self._acknowledge_ns, self._on_stages, self._is_here = seal, acknowledge_ns, on_stages, is_here
        #: Until when each kill's actors are looked at.
        self._watched: dict[KillCase, int] = {}

    def start(self, ctx: Context) -> None:
        self._ctx = ctx

    def watch(self, case: KillCase, now_ns: int) -> None:
        """A kill has just been latched."""
        clock_ns, kill = self._ctx.clock_ns(), case.kill
        told = [seal for seal in kill.seals if kill.latched_ns <= seal.at_ns <= clock_ns]
        self._take(case, (seal for seal in told if self._is_here(seal.venue_actor)), now_ns)
        self._look(case, now_ns)
        if case.unsealed:
            self._watched[case] = now_ns + self._acknowledge_ns
            self._ctx.set_timer(SEALING_TIMER, now_ns + _LOOK_NS)

    def on_timer(self, now_ns: int) -> None:
        for case, until_ns in list(self._watched.items()):
            self._look(case, now_ns)
            if not case.unsealed or now_ns >= until_ns:
                del self._watched[case]
        if self._watched:
            self._ctx.set_timer(SEALING_TIMER, now_ns + _LOOK_NS)

    def _look(self, case: KillCase, now_ns: int) -> None:
        left = [actor for actor in case.unsealed if self._is_here(actor)]
        if left:
            found = self._seal(left)
            at_ns = self._ctx.clock_ns()
            self._take(case, (VenueSeal(actor, at_ns, orders) for actor, orders in found.items()), now_ns)

    def _take(self, case: KillCase, seals: Iterable[VenueSeal], now_ns: int) -> None:
        stages = case.on_seals(seals)
        if stages:
            self._on_stages(case, stages, now_ns)
