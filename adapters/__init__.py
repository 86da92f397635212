"""Venues.

core        what the parts of one session share: instruments, options, telling its actor, counting
options     what every session lets one choose
session     what the sessions of all venues have in common: links, timers, books
purpose     what a request is for, and the share of a rate limit that is the cancels'
links       one WebSocket link's life: open, back off, idle, too old
http        sans-I/O HTTP client, one kept-alive connection
rest        questions in a queue over one HTTP connection
websocket   sans-I/O WebSocket client
clock       a venue's clock
grid        decimal text → ticks and lots
binance/    Binance spot
coinbase/   Coinbase Advanced Trade (spot)
kraken/     Kraken spot
simulator/  venues that speak those protocols
"""
