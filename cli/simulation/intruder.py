"""Somebody who got a link to the engine and speaks for others: nothing that it asks for may happen."""

from random import Random

from actors.places import KILL_SWITCH, NODE_AGENT, undertaker_actor, venue_actor
from engine.actor import Actor
from engine.codes import OrderType, Side, TimeInForce
from engine.messages import (
    CancelAll,
    FenceActor,
    LeaseGrant,
    LeaseRequest,
    Message,
    NewOrder,
    StrategyFailed,
    StrategyLogon,
    Undertake,
)

__all__ = ["INTRUDER", "Intruder", "forged"]

INTRUDER = "intruder"


class Intruder(Actor):
    def __init__(self, targets: tuple[str, ...]) -> None:
        self.peers = targets


def forged(
    random: Random, target: str, venue: str, account_id: str, strategy_id: str, number: int, now_ns: int
) -> Message:
    """A message that ``target`` would act on if the right actor had sent it; of a strategy and its venue."""
    if target == KILL_SWITCH or target.startswith("risk."):
        return LeaseRequest(f"venue.{strategy_id}", now_ns, 0, 0, "")
    if target == NODE_AGENT:
        return FenceActor(f"kill-{number}", venue_actor(venue))
    if target == undertaker_actor(venue):
        return Undertake(f"kill-{number}", venue_actor(venue), is_halted=random.random() < 0.5)
    side = random.choice([Side.BUY, Side.SELL])
    name = f"{strategy_id}-f-{number}"
    choices: list[Message] = [
        NewOrder(name, account_id, strategy_id, 0, side, OrderType.MARKET, TimeInForce.GTC, 100, 0),
        StrategyLogon(account_id, strategy_id, 0, -1),
        CancelAll(account_id, strategy_id, -1),
        StrategyFailed(strategy_id, "forged"),
        LeaseGrant(1 << 40, now_ns, 1_000_000_000_000),
    ]
    return random.choice(choices) if random.random() < 0.6 else choices[0]
