"""Benchmarks: one module per question, each beside a baseline of the same run. ``haltline bench`` runs them.

suite           which benches there are, the table, the JSON
row             percentiles, spread, ratios and targets of one case
report, plot    a run as a page
pace, cores     planned send times, a quiet collector; which cores
histogram       what it costs to record a latency
gate            one pre-trade check
hop             a frame between two actors, against a Ray call (its ends: hop_ends, hop_ray)
market_data     a recorded message, decoded and in the book
market_stream   a made-up recording
"""

__all__ = [
    "cores",
    "gate",
    "histogram",
    "hop",
    "hop_ends",
    "hop_ray",
    "market_data",
    "market_stream",
    "pace",
    "plot",
    "report",
    "row",
    "suite",
]
