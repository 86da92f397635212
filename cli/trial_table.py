"""A trial's figures as one table for people: numbers first, the verdict last, where the eye ends."""

from typing import Any

from cli.screen import CONSOLE, latency_table, two_columns
from cli.trial import TrialResult

__all__ = ["print_result"]

_STAGES = (
    ("strategy_to_venue", "buy() called to order in the venue actor"),
    ("gate, journal, sign, write", "one after another, in the venue actor"),
    ("frame_to_wire", "the four together"),
    ("tick_to_wire", "market message in to order out, where the order answers one"),
    ("wire_to_accept", "order out to the venue's acceptance"),
    ("lease_round_trip", "asking the risk actor for the right to send"),
)


def print_result(result: TrialResult) -> None:
    figures = result.figures
    CONSOLE.print(two_columns("Trading", _trading_rows(figures)))
    CONSOLE.print()
    CONSOLE.print(latency_table("Order latency, µs", figures["order_latency_us"]))
    for stage, meaning in _STAGES:
        CONSOLE.print(f"[dim]  {stage}: {meaning}[/dim]", highlight=False)
    lag = figures["loop_lag_us"]
    if lag:
        CONSOLE.print(
            f"[dim]  longest stall of the venue actor's loop: {lag['max'] / 1000:,.1f} ms[/dim]", highlight=False
        )
    CONSOLE.print()
    kill = figures["kill_us"]
    stages = "   ".join(f"{stage} {row['max'] / 1000:,.2f}" for stage, row in kill.items())
    CONSOLE.print(f"Kill, ms after the trigger:  {stages}", highlight=False)
    CONSOLE.print(_verdict(result), highlight=False)


def _trading_rows(figures: dict[str, Any]) -> list[tuple[str, str]]:
    rows = [("market messages", f"{figures['messages']:,}")]
    rows += _order_rows(figures)
    rows += [
        (f"refused: {name.replace('_', ' ')}", f"{count:,}") for name, count in sorted(figures["refusals"].items())
    ]
    if figures["bbo_comparisons"]:
        rows.append(("book against its reference, mismatches", f"{figures['book_mismatches']:,}"))
        agreement = f"{figures['bbo_disagreements']:,} of {figures['bbo_comparisons']:,} differ"
        rows.append(("book's best bid/offer against the venue's ticker", agreement))
    for symbol, line in figures["positions"].items():
        rows.append((f"{symbol} position", line["quantity"]))
        rows.append((f"{symbol} paid for it, net", line["cost"]))
        rows.append((f"{symbol} PnL at the last price, before fees", line.get("pnl", "no price")))
        fees = " + ".join(f"{fee} {asset}" for asset, fee in line["fees"].items())
        rows.append((f"{symbol} fees", fees or "0"))
    rows += [("ledger difference", difference) for difference in figures["ledger_differences"]]
    rows.append(("open orders at the venue", f"{figures['open_orders_at_venue']:,}"))
    return rows


def _order_rows(figures: dict[str, Any]) -> list[tuple[str, str]]:
    sent, placed, rejected = figures["orders"], figures["orders_at_venue"], figures["rejected_by_venue"]
    rows = [
        ("orders sent", f"{sent:,}"),
        ("  placed at the venue", f"{placed:,}"),
        ("  rejected by the venue", f"{rejected:,}"),
    ]
    if sent - placed - rejected:
        rows.append(("  replacements that came too late, and the like", f"{sent - placed - rejected:,}"))
    rows.append(("fills", f"{figures['fills']:,}"))
    return rows


def _verdict(result: TrialResult) -> str:
    if result.failures:
        return "[bold red]FAIL[/bold red]  " + "; ".join(result.failures)
    kill_ms = max(row["max"] for row in result.figures["kill_us"].values()) / 1000
    return (
        "[bold green]PASS[/bold green]  ledger equal to the venue's own, 0 orders after the kill was acknowledged, "
        f"all cancelled in {kill_ms:,.1f} ms"
    )
