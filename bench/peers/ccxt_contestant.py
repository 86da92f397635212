"""ccxt.pro as a contestant: answers each best bid with an order over the WebSocket API. Runs in ccxt's own environment.

    python ccxt_contestant.py SYMBOL PORT API_KEY_FILE SECRET_FILE

As its documentation shows it: ``watch_bids_asks``, then ``create_order_ws``. Its own rate limiter is off (by default it
waits 50 ms between requests), and the markets are loaded beforehand.
"""

import asyncio
import sys
from pathlib import Path

__all__ = ["main"]


async def main(name: str, port: str, api_key_file: str, secret_file: str) -> None:
    import ccxt.pro  # only here: what reads this file elsewhere has no ccxt

    exchange = ccxt.pro.binance(
        {
            "apiKey": Path(api_key_file).read_text().strip(),
            "secret": Path(secret_file).read_text().strip(),
            "enableRateLimit": False,
            "options": {"fetchMarkets": {"types": ["spot"]}, "fetchCurrencies": False, "fetchMargins": False},
        }
    )
    api, host = exchange.urls["api"], f"localhost:{port}"
    for kind in ("public", "private"):
        api[kind] = f"http://{host}/api/v3"
    api["ws"]["spot"] = f"ws://{host}/ws"
    api["ws"]["ws-api"]["spot"] = f"ws://{host}/ws-api/v3"
    exchange.has["fetchCurrencies"] = False
    await exchange.load_markets()
    symbol = f"{name.removesuffix('USDT')}/USDT"
    while True:
        tickers = await exchange.watch_bids_asks([symbol])
        bid = tickers[symbol]["bid"]
        await exchange.create_order_ws(symbol, "limit", "buy", 0.001, bid, {"timeInForce": "IOC"})


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
