"""Conservation: a position is the sum of its fills, whoever counts it; reserved is what may still fill."""

from actors.strategy import StrategyActor
from actors.venue import VenueActor
from cli.simulation.truth import Violation
from engine.codes import Side

__all__ = ["check_books", "check_reserved", "wrong_position"]

_NAME = "Conservation"


def check_reserved(actor: VenueActor, venue: str) -> None:
    """Between any two steps: the gate and the blotter of one venue actor agree."""
    gate, blotter = actor.gate, actor.blotter
    buys: dict[int, int] = {}
    sells: dict[int, int] = {}
    orders = blotter.open_orders()
    for order in orders:
        lots = buys if order.side is Side.BUY else sells
        lots[order.instrument_id] = lots.get(order.instrument_id, 0) + order.leaves_lots
    if gate.open_orders != len(orders):
        raise Violation(_NAME, f"{venue} counts {gate.open_orders} open orders, and has {len(orders)}")
    for instrument_id in actor.settings.instrument_ids:
        for side, lots in ((Side.BUY, buys), (Side.SELL, sells)):
            reserved, leaves = gate.open_lots(instrument_id, side), lots.get(instrument_id, 0)
            if reserved != leaves:
                raise Violation(_NAME, f"{venue} has reserved {reserved} lots to {side.name}, {leaves} may still fill")
        booked, filled = gate.position_lots(instrument_id), blotter.ledger_line(instrument_id).position_lots
        if booked != filled:
            raise Violation(_NAME, f"{venue} counts a position of {booked} lots, its fills add up to {filled}")


def check_books(actor: VenueActor, venue: str, instrument_id: int, true_lots: int) -> None:
    """At rest: the engine's position is the venue's own, and over its strategies."""
    booked = actor.gate.position_lots(instrument_id)
    if booked != true_lots:
        raise Violation(_NAME, f"{venue} counts a position of {booked} lots, the venue one of {true_lots}")
    if actor.blotter.critical:
        raise Violation(_NAME, f"{venue}'s books contradict the venue: {actor.blotter.violations[-1]}")


def wrong_position(actor: StrategyActor, held_lots: dict[int, int]) -> Violation | None:
    """Once it has been told everything, a strategy believes to hold what the fills of all its lives add up to."""
    for instrument_id, lots in held_lots.items():
        believed = actor.position_lots(instrument_id)
        if believed != lots:
            who = f"strategy {actor.strategy_id}"
            return Violation(
                _NAME, f"{who} believes to hold {believed} lots of {instrument_id}, its fills add to {lots}"
            )
    return None
