"""What each published counter is called in Prometheus: name, kind, unit, and what it says."""

from typing import Final, NamedTuple

__all__ = ["COUNTERS", "FAMILIES", "CounterMetric"]


class CounterMetric(NamedTuple):
    """``label`` is what a family's word is. A number is divided by ``per_unit`` (nanoseconds into seconds)."""

    name: str
    is_counter: bool
    text: str
    label: str = ""
    per_unit: int = 1


def _counter(name: str, text: str) -> CounterMetric:
    return CounterMetric(name, True, text)


def _gauge(name: str, text: str, per_unit: int = 1) -> CounterMetric:
    return CounterMetric(name, False, text, "", per_unit)


#: By the name on the counter page.
COUNTERS: Final[dict[str, CounterMetric]] = {
    # -- venue actors: orders
    "orders": _counter("haltline_orders_sent", "Orders and replaces whose bytes were written to the venue's socket."),
    "orders_admitted": _counter("haltline_orders_admitted", "Orders journalled, over all lives of the journal."),
    "fills": _counter("haltline_fills", "Fills booked, over all lives of the journal."),
    "rejected_by_venue": _counter("haltline_orders_rejected_by_venue", "Orders that the venue rejected."),
    "open_orders": _gauge("haltline_open_orders", "Orders that may still fill."),
    "unknown_orders": _gauge("haltline_unknown_orders", "Orders of which nobody knows whether the venue has them."),
    # -- venue actors: what must stay zero
    "violations": _counter("haltline_ledger_violations", "Words of the venue that contradict our books."),
    "critical": _counter("haltline_ledger_violations_critical", "Of these, such after which more may be at risk."),
    "illegal": _counter("haltline_order_events_illegal", "Events that an order's state does not allow."),
    "foreign": _counter("haltline_order_events_foreign", "Events of orders that the books do not know."),
    "duplicates": _counter("haltline_fills_duplicate", "Fills told more than once, booked once."),
    "foreign_found": _counter("haltline_foreign_orders", "Orders found at the venue that are not ours."),
    "foreign_orders": _gauge("haltline_foreign_orders_open", "Of these, such that the last list of open orders had."),
    "order_differences": _counter(
        "haltline_order_differences", "Orders in another state at the venue than in our books."
    ),
    "balance_differences": _counter(
        "haltline_balance_differences", "Balances found to have moved beyond what our fills explain."
    ),
    "foreign_events": _counter("haltline_foreign_events", "Events told of orders that are not ours."),
    "book_mismatches": _counter("haltline_book_mismatches", "Audited order books that differed from the reference."),
    "bbo_comparisons": _counter("haltline_bbo_comparisons", "Best prices compared with the venue's ticker."),
    "bbo_disagreements": _counter("haltline_bbo_disagreements", "Of these, such that differed."),
    # -- venue actors: state
    "halted": _gauge("haltline_halted", "1 while the latch stops this whole venue actor."),
    "ready": _gauge("haltline_ready", "1 once the venue is connected and reconciled."),
    "stopped": _gauge("haltline_stopped", "1 when new orders are refused until a restart."),
    "session_live": _gauge("haltline_session_live", "1 while the venue is logged on."),
    "lease_epoch": _gauge("haltline_lease_epoch", "Epoch of the lease held last."),
    "restarts": _gauge("haltline_journal_replayed", "1 when this life began with an earlier one's journal."),
    "reconciliations": _counter("haltline_reconciliations", "Rounds of comparing everything with the venue."),
    "recovered_fills": _counter("haltline_fills_recovered", "Fills learned by asking instead of being told."),
    "clock_offset_ns": _gauge("haltline_venue_clock_offset_seconds", "The venue's clock minus ours.", 1_000_000_000),
    "in_flight": _gauge("haltline_requests_in_flight", "Requests that the venue has not answered yet."),
    "orders_kept": _gauge("haltline_orders_kept", "Orders in memory, ended ones included; their number is bounded."),
    "waiting_bytes": _gauge("haltline_waiting_bytes", "Bytes that the kernel has not taken yet, over all links."),
    "journal_owed": _gauge("haltline_journal_owed_records", "Facts that wait for room in the journal."),
    "messages": _counter("haltline_market_messages", "Market data messages taken."),
    "reports": _counter("haltline_reports_sent", "Execution reports sent to strategies."),
    # -- peer links
    "frames_in": _counter("haltline_peer_frames_in", "Frames taken from other actors' processes."),
    "frames_out": _counter("haltline_peer_frames_out", "Frames given to other actors' processes."),
    "frames_malformed": _counter("haltline_peer_frames_malformed", "Frames that dropped their link."),
    "links_made": _counter("haltline_peer_links_made", "Links to other actors' processes made."),
    "links_dropped": _counter("haltline_peer_links_dropped", "Links lost."),
    "conflated": _counter("haltline_peer_conflated", "Market data replaced by newer before a slow peer took it."),
    "refused": _counter("haltline_peer_refused", "Messages not taken because the peer's way was full."),
    # -- kill switch
    "epoch": _gauge("haltline_kill_switch_epoch", "Epoch of the kill switch actor's authority."),
    "kills": _counter("haltline_kills", "Kills, over all lives of the journal; without drills."),
    "kills_in_progress": _gauge("haltline_kills_in_progress", "Kills whose last stage is not confirmed."),
    "kills_held": _gauge("haltline_kills_held", "Kills that have not been released."),
    "fenced": _counter("haltline_venue_actors_fenced", "Venue actors ended as they did not acknowledge a kill."),
    "undertaken": _gauge("haltline_venue_actors_undertaken", "Venue actors whose orders somebody else cancels."),
    "venue_actors_connected": _gauge("haltline_venue_actors_connected", "Venue actors that the kill switch reaches."),
    "drills": _counter("haltline_drills", "Drills that every venue actor acknowledged."),
    "drills_failed": _counter("haltline_drills_failed", "Drills that not every venue actor acknowledged in time."),
}

#: By what stands before the ``|`` in the name on the counter page; behind it is the label's value.
FAMILIES: Final[dict[str, CounterMetric]] = {
    "refusals": CounterMetric("haltline_refusals", True, "Requests refused, by reason.", "reason"),
    "reports_behind": CounterMetric(
        "haltline_reports_behind", False, "Execution reports that a strategy has not been sent yet.", "strategy"
    ),
    **{
        f"exposure_{measure}": CounterMetric(f"haltline_exposure_{measure}", False, text, "holder", 1_000_000_000)
        for measure, text in (
            ("net", "Value of all positions, long less short, in the account's currency."),
            ("gross", "Value of all positions, long and short added up, in the account's currency."),
            ("worst", "Gross at its largest over all subsets of the open orders, in the account's currency."),
            ("pnl", "Realised and marked profit over the life of the journal, before fees, in the account's currency."),
        )
    },
    "throttled": CounterMetric(
        "haltline_strategy_throttled",
        False,
        "Instruments in which a strategy fired too often and waits for a person.",
        "strategy",
    ),
}
