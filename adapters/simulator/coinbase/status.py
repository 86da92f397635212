"""What the simulated venue tells about itself: counters for people, and to compare ledgers with."""

from typing import TYPE_CHECKING

from engine.messages import StatusReport

if TYPE_CHECKING:
    from adapters.simulator.coinbase.venue import SimulatedCoinbase

__all__ = ["status_report"]


def status_report(venue: "SimulatedCoinbase", actor: str, nonce: int) -> StatusReport:
    """Counters, then per channel and product ``stream:CHANNEL:PRODUCT`` and per balance ``free_nanos:ACCOUNT:ASSET``,
    ``locked_nanos:…``, ``fees_nanos:ASSET``."""
    exchange, port, trading, connections = venue.exchange, venue.server, venue.venue.trading, venue.connections
    counters = {
        "orders_received": trading.requests,
        "last_order_received_ns": trading.last_order_received_ns,
        "orders": exchange.orders_placed,
        "rejects": exchange.orders_refused,
        "fills": exchange.fills,
        "open_orders": exchange.orders.open_total(),
        "connections": port.connections_open,
        "connections_opened": port.connections_opened,
        "websockets_opened": port.websockets_opened,
        "rest_requests": venue.rest.requests,
        "api_requests": venue.sockets.requests,
        "user_events": connections.user_messages,
        "stream_messages": sum(connections.messages.values()),
        "bytes_sent": port.links.bytes_sent,
        "slow_readers_dropped": port.links.slow_readers_dropped,
    }
    for stream, count in connections.messages.items():
        counters[f"stream:{stream}"] = count
    for account in exchange.accounts:
        for asset, balance in account.balances.items():
            counters[f"free_nanos:{account.name}:{asset}"] = balance.free_nanos
            counters[f"locked_nanos:{account.name}:{asset}"] = balance.locked_nanos
    for asset, nanos in exchange.accounts.fees.items():
        counters[f"fees_nanos:{asset}"] = nanos
    return StatusReport(actor=actor, kind="simulated_coinbase", nonce=nonce, pid=0, state="running", counters=counters)
