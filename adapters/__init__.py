"""Venues.

telling     how a session tells its actor, and counts
links       one WebSocket link's life: open, back off, idle, too old
http        sans-I/O HTTP client, one kept-alive connection
websocket   sans-I/O WebSocket client
clock       a venue's clock
grid        decimal text → ticks and lots
binance/    Binance spot
coinbase/   Coinbase Advanced Trade (spot)
kraken/     Kraken spot
simulator/  venues that speak those protocols
"""
