"""The events of the user data stream, with the venue's one-letter keys."""

from collections.abc import Iterable

from adapters.simulator.accounts import Account
from adapters.simulator.binance.listing import nanos_text
from adapters.simulator.binance.orders import ZERO, OrderRecord, Stamp, TradeRecord

__all__ = ["account_position", "execution_report", "server_shutdown", "stream_terminated"]


def execution_report(
    record: OrderRecord,
    exec_type: str,
    event_wall_ns: int,
    stamp: Stamp,
    *,
    trade: TradeRecord | None = None,
    orig_client_order_id: str = "",
    last_prevented_lots: int = 0,
) -> dict[str, object]:
    """One executionReport: the order's state right after what ``exec_type`` tells."""
    terms, listing = record.terms, record.listing
    on_book = record.is_open and not terms.is_market and terms.time_in_force == "GTC"
    report: dict[str, object] = {
        "e": "executionReport",
        "E": stamp(event_wall_ns),
        "s": listing.symbol,
        "c": record.client_order_id,
        "S": terms.side.name,
        "o": terms.order_type,
        "f": terms.time_in_force,
        "q": listing.quantity_text(record.quantity_lots),
        "p": listing.price_text(terms.price_ticks),
        "P": listing.price_text(terms.stop_ticks) if terms.stop_ticks else ZERO,
        "F": listing.quantity_text(terms.iceberg_lots) if terms.iceberg_lots else ZERO,
        "g": record.list_id,
        "C": orig_client_order_id,
        "x": exec_type,
        "X": record.status,
        "r": "NONE",
        "i": record.order_id,
        "l": listing.quantity_text(trade.quantity_lots) if trade else ZERO,
        "z": listing.quantity_text(record.cum_lots),
        "L": listing.price_text(trade.price_ticks) if trade else ZERO,
        "n": nanos_text(trade.fee_nanos) if trade else "0",
        "N": trade.fee_asset if trade else None,
        "T": stamp(record.updated_wall_ns),
        "t": trade.trade_id if trade else -1,
    }
    if record.prevented_lots:
        report["v"] = record.prevented_match_id
    report["I"] = listing.execution_id
    report["w"] = record.is_working and (on_book or exec_type == "NEW")
    report["m"] = trade.is_maker if trade else False
    report["M"] = trade is not None
    report["O"] = stamp(record.created_wall_ns)
    report["Z"] = nanos_text(record.quote_nanos)
    report["Y"] = nanos_text(trade.quote_nanos) if trade else ZERO
    report["Q"] = nanos_text(terms.quote_order_nanos)
    if record.is_working:
        report["W"] = stamp(record.working_wall_ns)
    report["V"] = terms.stp_mode
    _conditional(report, record, last_prevented_lots)
    return report


def _conditional(report: dict[str, object], record: OrderRecord, last_prevented_lots: int) -> None:
    if record.terms.trailing_bips:
        report["d"], report["D"] = record.terms.trailing_bips, -1
    if record.terms.strategy_id is not None:
        report["j"] = record.terms.strategy_id
    if record.terms.strategy_type is not None:
        report["J"] = record.terms.strategy_type
    if record.prevented_lots:
        report["A"] = record.listing.quantity_text(record.prevented_lots)
    if last_prevented_lots:
        report["B"] = record.listing.quantity_text(last_prevented_lots)
    if record.expiry_reason:
        report["eR"] = record.expiry_reason


def account_position(account: Account, assets: Iterable[str], wall_ns: int, stamp: Stamp) -> dict[str, object]:
    """outboundAccountPosition: absolute balances of the assets that may have changed."""
    return {
        "e": "outboundAccountPosition",
        "E": stamp(wall_ns),
        "u": stamp(account.updated_wall_ns),
        "B": [
            {
                "a": asset,
                "f": nanos_text(account.balance(asset).free_nanos),
                "l": nanos_text(account.balance(asset).locked_nanos),
            }
            for asset in assets
        ],
    }


def stream_terminated(wall_ns: int, stamp: Stamp) -> dict[str, object]:
    return {"e": "eventStreamTerminated", "E": stamp(wall_ns)}


def server_shutdown(wall_ns: int, stamp: Stamp) -> dict[str, object]:
    return {"e": "serverShutdown", "E": stamp(wall_ns)}
