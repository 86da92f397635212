"""What a venue actor counts, once: for its StatusReport, and for its counter page, from which an exporter reads it.

A name ``family|word`` is one number of a family, told apart by the word: a reason, a strategy.
"""

from collections.abc import Collection, Mapping

from actors.venue_core import VenueCore
from actors.venue_events import VenueEvents
from actors.venue_orders import OrderEntry
from engine.book_audit import BookAudit
from engine.codes import Reason

__all__ = ["published_counters", "venue_counter_names", "venue_counters"]

_COUNTERS = (
    "messages",
    "orders",
    "open_orders",
    "unknown_orders",
    "rejected_by_venue",
    "restarts",
    "reconciliations",
    "recovered_fills",
    "foreign_orders",
    "foreign_found",
    "order_differences",
    "balance_differences",
    "foreign_events",
    "lease_epoch",
    "clock_offset_ns",
    "reports",
    "journal_owed",
    "in_flight",
    "orders_kept",
    "waiting_bytes",
)
_BLOTTER = ("orders_admitted", "fills", "duplicates", "foreign", "illegal", "violations", "critical")
_PEERS = (
    "frames_in",
    "frames_out",
    "frames_malformed",
    "links_made",
    "links_dropped",
    "conflated",
    "refused",
)
_AUDIT = ("book_mismatches", "bbo_comparisons", "bbo_disagreements")
_FLAGS = ("halted", "ready", "stopped", "session_live")
_REFUSALS, _BEHIND, _THROTTLED = "refusals|", "reports_behind|", "throttled|"


def venue_counter_names(strategies: Collection[str]) -> tuple[str, ...]:
    """Every name that a venue actor of these strategies publishes."""
    reasons = (_REFUSALS + reason.name for reason in Reason if reason is not Reason.NONE)
    behind = (_BEHIND + strategy for strategy in strategies)
    throttled = (_THROTTLED + strategy for strategy in strategies)
    return (*_COUNTERS, *_BLOTTER, *_PEERS, *_AUDIT, *_FLAGS, *reasons, *behind, *throttled)


def venue_counters(
    core: VenueCore, orders: OrderEntry, events: VenueEvents, lease_epoch: int, restarts: int, audit: BookAudit | None
) -> dict[str, int]:
    """Everything counted but the refusals, which a StatusReport has in a field of their own."""
    return {
        "messages": core.session.counters.get("market_messages", 0),
        "orders": orders.orders_sent,
        "open_orders": len(core.blotter.open_orders()),
        "unknown_orders": len(core.blotter.unknown_orders()),
        "rejected_by_venue": events.rejected_by_venue,
        "restarts": restarts,
        "reconciliations": core.reconciliation.rounds,
        "recovered_fills": core.reconciliation.recovered_fills,
        "foreign_orders": core.reconciliation.foreign_orders,
        "order_differences": core.reconciliation.differences,
        "foreign_events": core.foreign_events,
        "lease_epoch": lease_epoch,
        "clock_offset_ns": events.clock_offset_ns,
        "reports": core.delivery.reports_sent,
        "journal_owed": core.journal.owed,
        "in_flight": len(core.in_flight),
        "orders_kept": len(core.blotter.orders),
        **core.blotter.counters(),
        **core.ctx.counters(),
        **_audit_counters(audit),
    }


def published_counters(core: VenueCore, counters: Mapping[str, int]) -> dict[str, int]:
    """``venue_counters`` and what else its page shows: flags, refusals by reason, reports owed to each strategy."""
    return {
        **counters,
        "halted": not core.latch.is_trading(),
        "ready": core.ready,
        "stopped": core.stopped is not None,
        "session_live": core.session_live,
        **{_REFUSALS + Reason(code).name: count for code, count in core.refusals.items()},
        **{
            _THROTTLED + strategy_id: sum(each.strategy_id == strategy_id for each in core.throttle.throttled())
            for strategy_id in core.settings.strategies
        },
        **{_BEHIND + strategy_id: count for strategy_id, count in core.delivery.owed().items()},
    }


def _audit_counters(audit: BookAudit | None) -> dict[str, int]:
    if audit is None:
        return {}
    return {
        "book_mismatches": audit.book_mismatches,
        "bbo_comparisons": audit.bbo_comparisons,
        "bbo_disagreements": audit.bbo_disagreements,
    }
