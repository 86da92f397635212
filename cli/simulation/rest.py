"""What is still under way once nothing goes wrong any more, and what must hold when nothing is."""

from typing import TYPE_CHECKING

from actors.places import KILL_SWITCH
from cli.simulation.conservation import check_books, wrong_position
from cli.simulation.kills import PRESSER, Presser
from cli.simulation.truth import Violation
from engine.codes import KillMode
from engine.messages import StatusRequest
from risk.latch import LatchPage
from risk.scope import GLOBAL_SCOPE, Scope

if TYPE_CHECKING:
    from cli.simulation.world import World

__all__ = ["check_rest", "unrest"]


def unrest(world: "World") -> Violation | None:
    """What is still under way, as the violation that it is if it goes on for ever; None when all is at rest."""
    what = _venues_unrest(world)
    if what:
        return Violation("Account", f"does not come to rest: {what}")
    for strategy in world.strategies():
        if strategy.orders:
            waits = f"strategy {strategy.strategy_id} waits for {list(strategy.orders.values())[:5]}"
            return Violation("Account", f"does not come to rest: {waits}")
        wrong = wrong_position(strategy, world.limit.held_lots(strategy.strategy_id))
        if wrong is not None:
            return wrong  # until it has been told everything
    what = _kills_unrest(world)
    return Violation("Halt", f"does not come to rest: {what}") if what else None


def _venues_unrest(world: "World") -> str:
    for venue, plan in world.plans.items():
        actor = world.running_venue(venue)
        if actor is None:
            return f"{venue} is not up"
        if not actor.core.session_live:
            return f"{venue} is not connected"
        if actor.blotter.open_orders() or actor.core.in_flight or actor.core.reconciliation.doubts:
            return f"{venue} has open orders: {actor.blotter.open_orders()[:5]}"
        if world.venue(plan.name).is_lagging:
            return f"{plan.name} has not told everything"
    return ""


def _kills_unrest(world: "World") -> str:
    presser = world.runtime.actor(PRESSER)
    presser.send(KILL_SWITCH, StatusRequest(0))
    assert isinstance(presser.actor, Presser)
    in_progress, presser.actor.in_progress = presser.actor.in_progress, -1
    if in_progress < 0:
        return "the kill switch has not been heard of"
    return f"{in_progress} kills are not through" if in_progress > _flattens_that_wait(world.page) else ""


def _flattens_that_wait(page: LatchPage) -> int:
    """Kills that may close nothing because another one, that nobody has released, lets nothing leave."""
    kills = page.kills()
    strict = [kill.scope for kill in kills if kill.mode in (KillMode.HALT, KillMode.CANCEL) and not kill.scope.is_drill]
    if page.button_rank >= KillMode.HALT.rank:
        strict.append(GLOBAL_SCOPE)
    return sum(
        kill.mode is KillMode.FLATTEN and any(_may_meet(kill.scope, scope) for scope in strict) for kill in kills
    )


def _may_meet(one: Scope, other: Scope) -> bool:
    return all("" in (mine, its) or mine == its for mine, its in zip(one[:4], other[:4], strict=True))


def check_rest(world: "World") -> None:
    world.account.at_rest()
    world.halt.check_page(world.page)
    for venue, plan in world.plans.items():
        actor = world.running_venue(venue)
        assert actor is not None, "everything is at rest"
        open_orders = world.venue(plan.name).exchange.orders.open_total()
        if open_orders:
            raise Violation("Account", f"{open_orders} orders are open at {plan.name} when everything is at rest")
        for instrument_id in actor.settings.instrument_ids:
            check_books(actor, venue, instrument_id, world.limit.position_lots(venue, instrument_id))
