"""Benchmarks: one module per question, each beside a baseline of the same run. ``haltline bench`` runs them.

suite           which benches there are, the table, the JSON
row             percentiles, spread, ratios and targets of one case
report, plot    a run as a page
pace, cores     planned send times, a quiet collector; which cores
histogram       what it costs to record a latency
gate            one pre-trade check
exposure        a full revaluation
hop             a frame between two actors, against a Ray call (its ends: hop_ends, hop_ray)
market_data     a recorded message, decoded and in the book
market_stream   a made-up recording
tick_to_trade   a tick and the order that answers it, at the venue
order_entry     the same with TLS, and without
throughput      orders a second, and the latency at a share of it
scale           more venue actors
recovery        a kill -9, and a long journal
kill            from the trigger to the last cancel
peers/          other engines at the same venue, by name only: it installs them
rig/            the venue's process, the engine and the floor that these share
"""

__all__ = [
    "cores",
    "exposure",
    "gate",
    "histogram",
    "hop",
    "hop_ends",
    "hop_ray",
    "kill",
    "market_data",
    "market_stream",
    "order_entry",
    "pace",
    "plot",
    "recovery",
    "report",
    "row",
    "scale",
    "suite",
    "throughput",
    "tick_to_trade",
]
