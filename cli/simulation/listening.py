"""Listening in on a strategy: what it asks for and what it is told."""

from typing import TYPE_CHECKING

from actors.strategy import StrategyActor
from cli.simulation.trader import Trader
from engine.messages import ExecutionReport

if TYPE_CHECKING:
    from cli.simulation.world import World

__all__ = ["listen_in"]


def listen_in(world: "World", actor: StrategyActor) -> None:
    """From now on the promises hear of every order that the strategy makes and every report that it is given."""
    strategy_id, account, runtime = actor.strategy_id, world.account, world.runtime
    new_order, replace_order, told = actor.new_order, actor.replace_order, actor.strategy.on_execution_report

    def on_execution_report(report: ExecutionReport) -> None:
        world.trace.note(
            runtime.now_ns,
            f"strategy.{strategy_id}",
            "told",
            report.exec_type.name,
            report.client_order_id,
            report.order_status.name,
            report.cum_lots,
            report.refusal.reason.name if report.refusal else "",
        )
        account.told(strategy_id, report)
        told(report)

    def on_new_order(*arguments: object) -> str:
        client_order_id = new_order(*arguments)  # type: ignore[arg-type]  # passed on as they came
        account.submitted(strategy_id, client_order_id)
        return client_order_id

    def on_replace_order(*arguments: object) -> str:
        new_id = replace_order(*arguments)  # type: ignore[arg-type]  # passed on as they came
        account.submitted(strategy_id, new_id)
        return new_id

    actor.strategy.on_execution_report = on_execution_report  # type: ignore[method-assign]  # listening in
    actor.new_order = on_new_order  # type: ignore[method-assign, assignment]  # listening in
    actor.replace_order = on_replace_order  # type: ignore[method-assign, assignment]  # listening in
    if world.quiet and isinstance(actor.strategy, Trader):
        actor.strategy.quiet = True
