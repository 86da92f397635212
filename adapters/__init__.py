"""Venues.

http        sans-I/O HTTP client, one kept-alive connection
websocket   sans-I/O WebSocket client
binance/    Binance spot
simulator/  venues that speak those protocols
"""
