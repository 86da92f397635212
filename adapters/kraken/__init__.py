"""Kraken spot, sans-I/O: one account's REST, private and public WebSocket v2.

session         KrakenSession: what a venue actor drives
options         how it behaves where the venue leaves the choice, and the venue's tiers
startup         REST questions: clock, key, instruments, fees, token, balances
logon           the order link from connected to live
order_link      what comes on the order link goes to whom it concerns
requests        requests of order entry, built
order_entry     requests of order entry, sent, and their answers → order events
executions      the executions channel → order events
working         the venue's orders as the session knows them, and which of ours each one is
balances        what the account holds
questions       what is asked about orders over REST, and told of once
order_query     what has become of one order
order_lists     orders that are open, or since some time
rest_cancels    cancelling without an order link
trades          our own trades, over REST
market_streams  subscriptions, quotes, trades, quarantine of single books
book_sync       one book, kept in step and checked
checksum        CRC32 of a book, by a kernel
rest            the REST link: one question at a time, signed when it is sent, retried
core            what these parts share
rate_limit      the engine's counters per pair and the REST counter, with a share kept for cancels
errors          which error means what
orders          engine → wire
parse           wire → engine
client_ids      our client order ids ↔ the venue's
numbers         the venue's numbers and times as text
messages        wire structs, in the venue's own names
signing         HMAC-SHA512 and nonces
urls            hosts and paths
"""
