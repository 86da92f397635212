"""A simulated Coinbase Advanced Trade spot venue that speaks the real protocol: REST and WebSocket.

==================  =============================================================================
``venue``           the actor: connections, timers, everything on one port
``settings``        accounts, keys, options
``core``            what REST and WebSocket share
``auth``            keys and tokens (JWT)
``rest``            paths, permissions, limits; ``rest_market``, ``rest_account``, ``rest_history``
                    (reading) and ``rest_orders`` (acting) are its endpoints, ``rest_request``
                    the parameters
``sockets``         subscribing; ``connections``: who follows what, and the user channel
``market_feed``     books, trades, tickers, candles, status; ``candles``, ``products`` are parts
``trading``         create, edit, cancel, and the queue before the engine
``order_entry``     reading an order; ``edits``, ``previews``
``triggers``        stop-limits and brackets
``orders``          an order and its shapes in lists and on the user channel
``encoding``        numbers, times, ids
``errors``          what the venue answers when it says no
``status``          counters
==================  =============================================================================

Decided here, because the venue's documents are silent or disagree, and nearly always for what is harder on a client:

- 30 private requests are counted in any sliding second, over all keys of an account; a request that is refused for it
  is not counted. The public limits count all clients as one address.
- A nonce counts as used for as long as its token could hold; a token may begin a second in the future.
- Edits and cancels are queued for ``queue_ns``. An edit that has become impossible by then (its size is filled, it is
  post-only and would take, the money is gone) is dropped without a word: the order is OPEN again as it was. Cancelling
  an order that is being edited is refused with ORDER_IS_BEING_REPLACED.
- News of orders come before or after the answer that causes them, snapshots before or after ``subscriptions``, by a
  seeded coin.
- The user channel's snapshot has orders whose state is OPEN and no others. OPEN cannot be combined with other states in
  List Orders. List Fills always has a cursor.
- Fills and edits have times in whole microseconds of which no two are the same.
- Frames have no ``client_id`` and heartbeats count in numbers, as in the venue's own schema of its production feed.
- More than ten level2 products on one connection are too many (the venue's true limit lies between 16 and 31).
- Self-trade prevention decrements both; an order that ends with less filled for it is CANCELLED, "102: Self Trade
  Prevention".
- Too many open orders: the order is taken and FAILED at once. Everything else is refused in the answer.
- Market orders stop 10 % from the last trade; what is left is CANCELLED, "104: Price Bound Order Protection".
- A bracket rests at its limit; its stop sends it 5 % beyond the trigger. Edits are for limit orders good till
  cancelled.

Not offered, and refused with UNSUPPORTED_ORDER_CONFIGURATION: TWAP, scaled and attached orders, margin, market orders
that fill whole or not at all. Not simulated: ``-USDC`` products that share a book, futures, portfolios and transfers,
the sandbox, ``preview_id`` (taken and not checked).
"""

from adapters.simulator.coinbase.settings import SimAccount, SimKey, VenueOptions
from adapters.simulator.coinbase.venue import SimulatedCoinbase

__all__ = ["SimAccount", "SimKey", "SimulatedCoinbase", "VenueOptions"]
