"""A trial of kills as tables for people: what was sent, the percentiles of each stage, the verdict last."""

from typing import Any

from cli.kill_trial import KillTrialResult
from cli.screen import CONSOLE, latency_table, micros, two_columns

__all__ = ["kill_figures", "print_kill_result"]

_PER_MILLE = {"p50": 500, "p90": 900, "p99": 990, "p99_9": 999, "max": 1000}
_MEANINGS = (
    ("latched", "from the press to the latch: from here on every gate refuses"),
    ("sealed", "nothing more can leave anywhere, by each venue actor's own page: nobody had to wake up for that"),
    ("halted", "the last venue actor has seen it, so nothing more can leave anywhere"),
    ("acknowledged", "the kill switch actor has heard so from all of them"),
    ("cancel_sent", "the last venue actor's first cancel is on the wire"),
    ("cancelled", "the venue lists no order in the scope any more, for any of them"),
)


def kill_figures(result: KillTrialResult) -> dict[str, Any]:
    """What ``--json`` writes: times in µs."""
    trial, verdict = result.trial, result.verdict
    return {
        "kills": len(result.stages_ns["halted"]),
        "kills_asked": trial.kills,
        "venue_actors": trial.venue_actors,
        "placement": trial.placement,
        "runtime": trial.runtime,
        "orders_asked_per_second": trial.venue_actors * trial.orders_per_second,
        "orders_per_second": round(result.orders_meanwhile / max(result.seconds, 1e-9), 1),
        "seconds": round(result.seconds, 3),
        "resting_orders": result.resting_orders,
        "orders_at_venue": verdict.orders,
        "orders_refused": result.refused,
        "orders_cancelled": result.orders_cancelled,
        "orders_after_acknowledgement": verdict.after,
        "orders_lost": verdict.lost,
        "kills_sealed": len(result.stages_ns["sealed"]),
        "orders_after_seal": result.sealed.after,
        "orders_on_their_way": verdict.on_their_way,
        "kill_us": {stage: _percentiles(times) for stage, times in result.stages_ns.items() if times},
        "failures": result.failures,
    }


def _percentiles(times_ns: list[int]) -> dict[str, float]:
    """Nearest rank, in µs."""
    ordered = sorted(times_ns)
    row = {name: micros(ordered[-(-len(ordered) * rank // 1000) - 1]) for name, rank in _PER_MILLE.items()}
    return row | {"count": len(ordered)}


def print_kill_result(result: KillTrialResult) -> None:
    figures = kill_figures(result)
    rows = [
        ("kills, each released", f"{figures['kills']:,}"),
        ("venue actors", f"{figures['venue_actors']:,}"),
        ("orders at the venue, a second over all of the kills", f"{figures['orders_per_second']:,.0f}"),
        ("  asked for", f"{figures['orders_asked_per_second']:,}"),
        ("orders at the venue", f"{figures['orders_at_venue']:,}"),
        ("orders resting before the first kill", f"{figures['resting_orders']:,}"),
        ("orders that kills have cancelled", f"{figures['orders_cancelled']:,}"),
        ("orders refused", f"{figures['orders_refused']:,}"),
        ("orders that came after an acknowledgement and had left before it", f"{figures['orders_on_their_way']:,}"),
        ("orders that left after a seal", f"{figures['orders_after_seal']:,}"),
        ("orders that left after an acknowledgement", f"{figures['orders_after_acknowledgement']:,}"),
    ]
    CONSOLE.print(two_columns("Kills", rows))
    CONSOLE.print()
    CONSOLE.print(latency_table("Kill, µs after the press", figures["kill_us"]))
    for stage, meaning in _MEANINGS:
        CONSOLE.print(f"[dim]  {stage}: {meaning}[/dim]", highlight=False)
    CONSOLE.print()
    CONSOLE.print(_verdict(result), highlight=False)


def _verdict(result: KillTrialResult) -> str:
    if result.failures:
        shown = result.failures[:5]
        more = f"; and {len(result.failures) - 5} more" if len(result.failures) > 5 else ""
        return "[bold red]FAIL[/bold red]  " + "; ".join(shown) + more
    return (
        f"[bold green]PASS[/bold green]  {len(result.stages_ns['halted']):,} kills, each acknowledged by "
        f"{result.trial.venue_actors} venue actors, and 0 orders after any acknowledgement by the venue's own record"
    )
