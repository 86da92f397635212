"""A simulated Kraken spot venue that speaks the real protocol: REST and WebSocket v2.

==================  =============================================================================
``venue``           the actor: connections, timers, everything on one port
``settings``        accounts, keys, tiers, options
``core``            what REST and WebSocket share
``rest``            paths, bodies, signed requests; ``rest_public``, ``rest_account`` (reading) and
                    ``rest_trading`` (acting) are its endpoints
``front``           WebSocket requests and answers; ``channels`` (subscribing) and ``socket_orders``
``public_feed``     book with checksum, trade, ticker, instrument; ``tickers`` is a part
``private_feed``    executions and balances
``trading``         add, amend, edit, cancel, dead man's switch, and the engine's rate counters
``order_entry``     reading an order's parameters
``orders``          an order and its shapes in reports and answers
``limits``          rate counters
``auth``            keys, signatures, nonces
``tokens``          tokens of the private channels
``fees``            fees in percent
``names``           the names of pairs and assets
``encoding``        numbers, times, ids
``errors``          what the venue answers when it says no
``status``          counters
==================  =============================================================================

Not simulated: margin, orders with triggers, icebergs, fees in the base asset (the preference is only repeated),
deposits and withdrawals, OHLC, level 3.
"""

from adapters.simulator.kraken.settings import (
    INTERMEDIATE,
    PERMISSIONS,
    PRO,
    STARTER,
    SimAccount,
    SimKey,
    Tier,
    VenueOptions,
)
from adapters.simulator.kraken.venue import SimulatedKraken

__all__ = [
    "INTERMEDIATE",
    "PERMISSIONS",
    "PRO",
    "STARTER",
    "SimAccount",
    "SimKey",
    "SimulatedKraken",
    "Tier",
    "VenueOptions",
]
