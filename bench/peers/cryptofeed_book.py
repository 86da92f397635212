"""cryptofeed keeping a book: a feed handler with a callback. Runs in cryptofeed's own environment.

    python cryptofeed_book.py SYMBOL PORT TLS_PORT FILE

It takes no stream without TLS, so it alone has that on its way; SSL_CERT_FILE names the venue's authority.
"""

import asyncio
import sys
from typing import Any

__all__ = ["main"]


def main(name: str, port: str, tls_port: str, path: str) -> None:
    # Only here: what reads this file elsewhere has no cryptofeed, and finds ``seen`` in its package.
    from cryptofeed import FeedHandler
    from cryptofeed.connection import RestEndpoint, Routes, WebsocketEndpoint
    from cryptofeed.defines import L2_BOOK
    from cryptofeed.exchanges import Binance
    from seen import Seen  # type: ignore[import-not-found]

    seen = Seen(path)

    async def on_book(book: Any, receipt_s: float) -> None:
        seen.add(book.book.bids.index(0)[0])

    Binance.websocket_endpoints = [WebsocketEndpoint(f"wss://localhost:{tls_port}")]
    routes = Routes("/api/v3/exchangeInfo", l2book="/api/v3/depth?symbol={}&limit={}")
    Binance.rest_endpoints = [RestEndpoint(f"http://localhost:{port}", routes=routes)]
    handler = FeedHandler(config={"log": {"disabled": True}, "uvloop": True})
    symbols = [f"{name.removesuffix('USDT')}-USDT"]
    handler.add_feed(Binance(symbols=symbols, channels=[L2_BOOK], callbacks={L2_BOOK: on_book}))
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    flushing = loop.create_task(seen.flush())
    handler.run(install_signal_handlers=False)
    flushing.cancel()


if __name__ == "__main__":
    main(*sys.argv[1:])
