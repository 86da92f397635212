"""What a simulated venue tells about itself: counters for people, for the demo's table, and to compare ledgers with."""

from typing import TYPE_CHECKING

from engine.messages import StatusReport

if TYPE_CHECKING:
    from adapters.simulator.binance.venue import SimulatedBinance

__all__ = ["status_report"]


def status_report(venue: "SimulatedBinance", actor: str, nonce: int) -> StatusReport:
    """Counters, then per stream ``stream:NAME`` and per balance ``free_nanos:ACCOUNT:ASSET``, ``locked_nanos:…``,
    ``fees_nanos:ASSET``."""
    exchange, port = venue.exchange, venue.server
    counters = {
        "orders_received": exchange.orders_received,
        "last_order_received_ns": exchange.last_order_received_ns,
        "orders": exchange.orders_placed,
        "rejects": exchange.orders_rejected,
        "fills": exchange.fills,
        "open_orders": exchange.orders.open_total(),
        "connections": port.connections_open,
        "connections_opened": port.connections_opened,
        "websockets_opened": port.websockets_opened,
        "rest_requests": venue.rest.requests,
        "api_requests": venue.api.requests,
        "user_events": venue.api.events_sent,
        "stream_requests": venue.streams.requests,
        "stream_messages": sum(venue.streams.messages.values()),
        "bytes_sent": port.links.bytes_sent,
        "slow_readers_dropped": port.links.slow_readers_dropped,
        "silent_dropped": venue.silent_dropped,
        "flooding_dropped": venue.flooding_dropped,
        "bans": venue.limits.bans,
    }
    for stream, count in venue.streams.messages.items():
        counters[f"stream:{stream}"] = count
    for account in exchange.accounts:
        for asset, balance in account.balances.items():
            counters[f"free_nanos:{account.name}:{asset}"] = balance.free_nanos
            counters[f"locked_nanos:{account.name}:{asset}"] = balance.locked_nanos
    for asset, nanos in exchange.accounts.fees.items():
        counters[f"fees_nanos:{asset}"] = nanos
    return StatusReport(actor=actor, kind="simulated_binance", nonce=nonce, pid=0, state="running", counters=counters)
