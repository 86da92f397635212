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

Decided here, because the venue's documents are silent or disagree, and always for what is harder on a client:

- A single cancel whose penalty would exceed the pair's threshold is refused; ``batch_cancel`` and ``cancel_all`` never.
- TradesHistory and QueryTrades count 4 of the REST counter; trading calls count nothing there.
- Fees are taken in the quote asset, cut to the decimals of costs; so are costs.
- Reports come before or after the answer that they belong to, by a seeded coin.
- A client order id of 32 hexadecimal digits is shown as a dashed UUID; one that is open already is refused with
  ``EGeneral:Invalid arguments:cl_ord_id already in use``.
- Post-only that would take is refused in the answer, not accepted and cancelled.
- Public and private channels are served on the same path; the venue has a host for each.

Not simulated: margin, orders with triggers, fees in the base asset (the preference is only repeated),
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
