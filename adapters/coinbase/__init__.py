"""Coinbase Advanced Trade (spot), sans-I/O: order entry by REST, user and market channels by WebSocket.

session         CoinbaseSession: what a venue actor drives
options         how it behaves where the venue leaves the choice
startup         REST questions: clock, key, products, fees, balances
order_entry     new orders, edits and cancels; what the answers mean
order_pool      the connections that orders leave on
cancels         cancels, batched where they have to wait
tokens          tokens for order entry, signed ahead
ledger          what the venue says about orders → order events
tracked         one order, its edits and its trades
reviews         asking for one order
fills           asking for trades
queries         what the engine asks about orders
trade_queries   what the engine asks about trades
user_channel    the user channel
market_streams  books, quotes and trades
channels        subscriptions, sequence numbers, heartbeats
rest            a REST link for questions: one at a time, signed when it is sent, retried
core            what these parts share
rate_limit      requests per second, with a share kept for cancels
errors          which answer means what
orders          engine → wire
parse           wire → engine
times           RFC 3339
messages        wire structs, in the venue's own names
signing         JWT, ES256 and Ed25519
urls            hosts and paths
"""
