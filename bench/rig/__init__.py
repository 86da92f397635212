"""What several benches share: a venue that writes ticks on time and stamps orders, an engine, a script to hold against.

    this process ──commands──▶ venue process (venue_process, venue, market)   ticks out, orders in, stamped there
         │                          ▲ ▲
         ├──starts──▶ engine ───────┘ │        (engine, strategies) as ``haltline run`` starts it
         └──starts──▶ floor script ───┘        (floor) the same libraries, one process, no risk, no journal

orders          the commands and their answers
venue_client    starts the venue's process and speaks with it
contest         contestants take turns on one venue
patience        a block during which the machine stood still is run again, and it is said so
gauges          memory, files and queues of an engine, read from outside
"""
