"""How long do other engines take from a tick to an order, at the same venue in the same run?

              ══tick, WebSocket══▶ Haltline: venue actor, strategy co-located    ══order, WebSocket API══▶
    venue     ══tick═════════════▶ NautilusTrader: live node, Binance adapter    ══order, REST═══════════▶   venue
    process   ══tick═════════════▶ ccxt.pro: watch_bids_asks, create_order_ws    ══order, WebSocket API══▶   process
              ══tick═════════════▶ floor script (``bench/rig/floor.py``)         ══order, WebSocket API══▶

As bench tick_to_trade: one simulated Binance, loopback, no TLS, both readings on the venue's clock, cases in turns.
Haltline is under Ray with every limit set and its journal on, and has an Ed25519 key, whose session is logged on once.
The peers have HMAC keys, which are the cheaper ones for them, and do what their documentation shows. NautilusTrader
keeps its own risk checks; ccxt's rate limiter is off.

Peers are installed at first use, in fixed versions (``environments``), each into an environment of its own below
the user's cache directory. A peer may leave ticks unanswered, which is said beside its numbers: those count only what
it answered. A peer's ratio: how many times as long as Haltline it takes. Haltline's is to the fastest peer.

    book_*     a change of twenty levels, from its planned time to the call of the user's code with the book: Haltline's
               on_book, NautilusTrader's on_order_book_deltas, ccxt's watch_order_book, cryptofeed's callback (over TLS,
               as it takes no other stream). That code reads the best bid and the clock, which all processes share.

Checked: no order but an answer, at the tick's own price, accepted by the venue. Haltline and the floor answer all.
No book is seen before it was there.
"""

from bench.peers.contest import FULL, TINY, Size, run

__all__ = ["FULL", "TINY", "Size", "run"]
