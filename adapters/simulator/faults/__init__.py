"""Faults at simulated venues: a script of rules, played by the port that every simulated venue has.

===========  ==================================================================================
``rules``    what a script can say: one struct per kind of fault
``target``   what has to be known of one venue: its kinds of messages and its words
``layer``    between a venue and its connections: does to each message what the rules say
``drawn``    one rule while it is played: when it happens next
``moments``  faults that are states, or befall connections: bans, keys, clocks, silence
``agenda``   what is due later
===========  ==================================================================================

A venue's part (``target``) is a table of words; no venue has fault code of its own.
"""
