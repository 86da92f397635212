"""ccxt.pro keeping a book: ``watch_order_book``, as its documentation shows it. Runs in ccxt's own environment.

python ccxt_book.py SYMBOL PORT TLS_PORT FILE
"""

import asyncio
import sys

__all__ = ["main"]


async def main(name: str, port: str, tls_port: str, path: str) -> None:
    # Only here: what reads this file elsewhere has no ccxt, and finds ``seen`` in its package.
    import ccxt.pro
    from seen import Seen  # type: ignore[import-not-found]

    exchange = ccxt.pro.binance(
        {"enableRateLimit": False, "options": {"fetchMarkets": {"types": ["spot"]}, "fetchMargins": False}}
    )
    api, host = exchange.urls["api"], f"localhost:{port}"
    api["public"] = f"http://{host}/api/v3"
    api["ws"]["spot"] = f"ws://{host}/ws"
    await exchange.load_markets()
    symbol = f"{name.removesuffix('USDT')}/USDT"
    seen = Seen(path)
    flushing = asyncio.ensure_future(seen.flush())
    while not flushing.done():
        book = await exchange.watch_order_book(symbol)
        seen.add(book["bids"][0][0])


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
