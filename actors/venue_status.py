"""A venue actor's state as a StatusReport: counters, refusals by reason, and its own ledger in exact decimal text."""

from collections.abc import Mapping
from datetime import UTC, datetime

import msgspec

from actors.venue_core import VenueCore
from engine.instrument import Instrument, decimal_text, plain
from engine.messages import StatusReport

__all__ = ["venue_status"]


def venue_status(core: VenueCore, counters: Mapping[str, int]) -> StatusReport:
    """Without nonce: the caller fills in whose question it answers."""
    details = {
        f"ledger:{definition.instrument.symbol}": _ledger_text(core, definition.instrument)
        for definition in core.definitions.values()
    }
    for attachment in core.delivery.attachments.values():
        if attachment.stopped:
            details[f"stopped:{attachment.strategy_id}"] = attachment.stopped
    for throttled in core.throttle.throttled():
        since = f"since {datetime.fromtimestamp(throttled.since_ns // 1_000_000_000, UTC):%Y-%m-%d %H:%M:%S} UTC"
        details[f"throttled:{throttled.strategy_id}:{throttled.instrument}"] = (
            f"fired too often, {since}; a person lets it trade again: haltline enable"
        )
    for asset, note in core.balance_notes.items():
        details[f"balance:{asset}"] = note
    if core.stopped is not None:
        details["stopped"] = core.stopped.text
    return StatusReport(core.ctx.name, "venue", 0, 0, _state(core), dict(counters), details, dict(core.refusals))


def _state(core: VenueCore) -> str:
    if not core.latch.is_trading():
        return "halted"
    if core.stopped is not None:
        return "stopped"
    return "ready" if core.ready and core.positions_known else "connecting"


def _ledger_text(core: VenueCore, instrument: Instrument) -> str:
    """What this actor's own fills add up to, in exact decimal text, as JSON. PnL is marked at the middle, if any."""
    line = core.blotter.ledger_line(instrument.instrument_id)
    ledger: dict[str, object] = {
        "quantity": plain(instrument.quantity_text(line.position_lots)),
        "cost": plain(instrument.quote_text(line.cost_tick_lots)),
        "fees": {asset: plain(decimal_text(nanos, 9)) for asset, nanos in sorted(line.fee_nanos.items())},
        "fills": line.fills,
    }
    quote = core.quotes.get(instrument.instrument_id)
    if quote is not None and quote.bid_lots and quote.ask_lots:
        value_tick_lots = line.position_lots * (quote.bid_ticks + quote.ask_ticks) // 2
        ledger["pnl"] = plain(instrument.quote_text(value_tick_lots - line.cost_tick_lots))
    return msgspec.json.encode(ledger).decode()
