"""Order types as Kraken names them, and what this adapter takes of every pair.

The venue also has orders that wait for a trigger (stop-loss, take-profit, trailing-stop, each with a limit too) and a
conditional close; the first are not spoken yet, the second excludes our client order ids.
"""

from adapters.grid import InstrumentGrid
from adapters.kraken.numbers import instant_text
from engine.codes import OrderType, SelfTradePrevention, TimeInForce
from engine.messages import Instructions
from engine.order_support import OrderSupport

__all__ = ["order_support", "wishes"]

_GTC, _IOC, _FOK, _GTD = TimeInForce.GTC, TimeInForce.IOC, TimeInForce.FOK, TimeInForce.GTD
_SECOND_NS = 1_000_000_000
#: One month, as February has it.
_EXPIRES_MOST_NS = 28 * 86_400 * _SECOND_NS
#: What is shown is at least so small a part of the whole.
_ICEBERG_PARTS_MOST = 15
_SELF_TRADE = {
    SelfTradePrevention.CANCEL_AGGRESSIVE: "cancel_newest",
    SelfTradePrevention.CANCEL_PASSIVE: "cancel_oldest",
    SelfTradePrevention.CANCEL_BOTH: "cancel_both",
}


def order_support(venue: str, symbol: str) -> OrderSupport:
    return OrderSupport(
        where=f"{venue} {symbol}",
        in_force={OrderType.MARKET: (_GTC, _IOC), OrderType.LIMIT: (_GTC, _IOC, _FOK, _GTD)},
        iceberg=frozenset((OrderType.LIMIT,)),
        iceberg_parts_most=_ICEBERG_PARTS_MOST,
        self_trade=frozenset(_SELF_TRADE),
        expires_step_ns=_SECOND_NS,
        expires_most_ns=_EXPIRES_MOST_NS,
    )


def wishes(wants: Instructions, grid: InstrumentGrid) -> str:
    """Instructions as members of an ``add_order``'s parameters, each with a comma in front."""
    display = f',"display_qty":{grid.instrument.quantity_text(wants.display_lots)}' if wants.display_lots else ""
    expires = f',"expire_time":"{instant_text(wants.expires_wall_ns)}"' if wants.expires_wall_ns else ""
    self_trade = f',"stp_type":"{_SELF_TRADE[wants.self_trade]}"' if wants.self_trade else ""
    return f"{display}{expires}{self_trade}"
