"""Order types as Coinbase names them, and what it takes of every product."""

from engine.codes import OrderType, TimeInForce
from engine.order_support import OrderSupport

__all__ = ["order_support"]

_GTC, _IOC, _FOK = TimeInForce.GTC, TimeInForce.IOC, TimeInForce.FOK


def order_support(venue: str, symbol: str) -> OrderSupport:
    return OrderSupport(
        where=f"{venue} {symbol}",
        in_force={OrderType.MARKET: (_GTC, _IOC), OrderType.LIMIT: (_GTC, _IOC, _FOK)},
    )
