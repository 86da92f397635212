"""Binance spot, sans-I/O: one account's REST, WebSocket API, user data and market streams.

session         BinanceSession: what a venue actor drives
options         how it behaves where the venue leaves the choice
startup         REST questions: clock, instruments, account
logon           the order link from connected to live
order_link      what comes on the order link goes to whom it concerns
order_entry     answers to orders, cancels and replaces → order events
user_data       execution reports and balances
queries         what was asked on the order link and is not yet answered
market_streams  subscriptions, quotes, trades and local books
depth           the local-book rule as a state machine
rest            the REST link: one question at a time, signed when it is sent, retried
core            what these parts share
rate_limit      weights and order counts, with a share kept for cancels
errors          which error means what
orders          engine → wire
parse           wire → engine
levels          price levels of a depth message, by a kernel
messages        wire structs, in the venue's own names
signing         HMAC and Ed25519
urls            hosts and paths
"""
