"""Simulated venues: real protocols, a real matching engine, over a recorded or a synthetic market.

market             what a venue's protocol server asks of a market, and what a market tells
order              a client's order in it
matching           price-time priority, self-trade prevention
replay_market      a recording with the clients' orders laid over it; replay_book and replay_queue are its parts
synthetic_market   self-exciting agents and the clients in one book; hawkes, prng and public_feed are its parts
recording          reading recordings, line by line, checked
grid               exact decimals, fast
http_server        sans-I/O HTTP server; websocket_server the same for WebSocket
port               the connections of a venue: HTTP until the upgrade, then WebSocket
exchange           a spot exchange without a protocol (Kraken's, Coinbase's): funds, orders, trades; client_order,
                   listing and taking are its parts
book_feed          a public book as changes; public_trades reads trades out of a market's messages, trading_day sums
                   them up
window             how often something may happen
accounts           balances: free, locked, nothing made or lost
links              writing, and dropping readers that are too slow
encoding           JSON
binance/           the Binance spot protocol
kraken/            the Kraken spot protocol
coinbase/          the Coinbase Advanced Trade spot protocol
"""
