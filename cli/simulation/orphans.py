"""Nobody's orders: a strategy that has gone leaves nothing open for long."""

from typing import TYPE_CHECKING

from actors.places import strategy_actor
from cli.simulation.truth import Violation

if TYPE_CHECKING:
    from cli.simulation.world import World

__all__ = ["OrphanWatch"]

_SECOND_NS = 1_000_000_000
#: The engine waits 5 s for the strategy to come back.
_ABSENT_NS = 6 * _SECOND_NS
_LOOK_NS = _SECOND_NS // 4
#: So often in a row nothing stood in the way of a cancel, and none left.
_IDLE_LOOKS = 12


class OrphanWatch:
    """Looks from the death of a strategy's host until it is back."""

    def __init__(self, world: "World", strategy_id: str) -> None:
        self._world, self._strategy_id = world, strategy_id
        (plan,) = [each for each in world.scenario.strategies if each.id == strategy_id]
        self._venue, self._plan = world.account.venue_of(strategy_id), plan.venue
        self._idle: dict[str, int] = {}
        world.runtime.agenda.put(world.runtime.now_ns + _ABSENT_NS, self._look)

    def _look(self) -> None:
        world = self._world
        if world.runtime.hosts[strategy_actor(self._strategy_id)].is_up:
            return
        now_ns = world.runtime.now_ns
        for order in world.account.written_by(self._venue):
            name = order.client_order_id
            asked_ns = max(world.observer.cancels.get(name, 0), world.observer.cancels.get(self._venue, 0))
            idle = order.strategy_id == self._strategy_id and order.open_lots and asked_ns < now_ns - 3 * _SECOND_NS
            self._idle[name] = self._idle.get(name, 0) + 1 if idle and self._could_cancel() else 0
            if self._idle[name] > _IDLE_LOOKS:
                raise Violation("Account", f"{order} stays open although its strategy has gone")
        world.runtime.agenda.put(now_ns + _LOOK_NS, self._look)

    def _could_cancel(self) -> bool:
        world, host = self._world, self._world.runtime.hosts[self._venue]
        actor = world.running_venue(self._venue)
        exchange = world.venue(self._plan.name)
        return (
            actor is not None
            and world.runtime.now_ns >= world.born_ns[self._venue] + _ABSENT_NS  # its new life waits anew
            and actor.core.session_live
            and host.paused_until_ns <= world.runtime.now_ns
            and not world.journals[self._venue].is_full
            and not exchange.is_banning
        )
