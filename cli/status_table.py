"""What the actors say of themselves, as a trader reads it: state and why first, counters only when asked for."""

from collections.abc import Iterator
from typing import Any

import msgspec
from rich.table import Table

from engine.codes import Reason
from engine.messages import StatusReport
from risk.latch import LatchView

__all__ = ["actors_table", "latch_lines"]

#: What the table tells without ``--verbose``, by kind of actor, in this order.
_FACTS = {
    "venue": ("messages", "orders_admitted", "fills", "rejected_by_venue", "open_orders", "unknown_orders"),
    "strategy": ("orders", "open_orders"),
    "risk": ("epoch",),
    "kill switch": ("kills_in_progress",),
}


def latch_lines(view: LatchView) -> Iterator[str]:
    """One line per kill that is on, or one that says that nothing is halted."""
    kills = view.kills()
    for kill in kills:
        cause = kill.cause
        why = f"{cause.kill_id} by {cause.by}: {cause.reason}" if cause is not None else "its cause cannot be read"
        yield f"latch  [red]{kill.mode.name.lower()}[/red] {kill.scope.text}  {why}"
    cause = view.cause()
    if not kills and cause is None:
        yield "latch  [green]trading[/green]"
    elif not kills and cause is not None:
        yield f"latch  [red]halted[/red]  {cause.kill_id} by {cause.by}: {cause.reason}"
    if kills or cause is not None:
        yield "[dim]       a kill ends when two people release it: haltline kill status[/dim]"


def actors_table(reports: dict[str, StatusReport | None], *, verbose: bool) -> Table:
    table = Table(box=None, pad_edge=False)
    for name in ("actor", "state", "facts"):
        table.add_column(name, overflow="fold")
    for actor, report in reports.items():
        if report is None:
            table.add_row(actor, "[red]no answer[/red]", "not running, or its process is being brought back")
            continue
        state = f"[red]{report.state}[/red]" if report.state in ("failed", "stopped", "halted") else report.state
        lines = list(_facts(report, verbose=verbose))
        table.add_row(actor, state, lines[0] if lines else "")
        for line in lines[1:]:
            table.add_row("", "", line)
    return table


def _facts(report: StatusReport, *, verbose: bool) -> Iterator[str]:
    names = tuple(report.counters) if verbose else _FACTS.get(report.kind, ())
    counted = [(name, report.counters[name]) for name in names if report.counters.get(name)]
    yield "  ".join(f"{name.replace('_', ' ')} {value:,}" for name, value in counted)
    for key, text in report.details.items():
        subject, _, name = key.partition(":")
        yield _ledger(name, msgspec.json.decode(text)) if subject == "ledger" else f"{key.replace(':', ' ')}: {text}"
    if report.refusals:
        yield "refused: " + "  ".join(
            f"{Reason(code).name.lower().replace('_', ' ')} {count:,}" for code, count in report.refusals.items()
        )


def _ledger(symbol: str, line: dict[str, Any]) -> str:
    fees = " + ".join(f"{fee} {asset}" for asset, fee in line["fees"].items()) or "0"
    return f"{symbol}: position {line['quantity']}  PnL before fees {line.get('pnl', 'no price')}  fees {fees}"
