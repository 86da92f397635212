"""NautilusTrader keeping a book: a live node whose strategy follows the deltas. Runs in its own environment.

python nautilus_book.py SYMBOL PORT TLS_PORT FILE
"""

import sys
from typing import Any

__all__ = ["main"]


def main(symbol: str, port: str, tls_port: str, path: str) -> None:
    # Only here: what reads this file elsewhere has no NautilusTrader, and finds ``seen`` in its package.
    from nautilus_trader.adapters import binance
    from nautilus_trader.config import InstrumentProviderConfig, LoggingConfig, StrategyConfig, TradingNodeConfig
    from nautilus_trader.live.node import TradingNode
    from nautilus_trader.model.identifiers import InstrumentId, TraderId
    from nautilus_trader.trading.strategy import Strategy
    from seen import Seen  # type: ignore[import-not-found]

    instrument_id = InstrumentId.from_str(f"{symbol}.BINANCE")
    seen = Seen(path)

    class Watch(Strategy):  # type: ignore[misc]
        def on_start(self) -> None:
            self.subscribe_order_book_deltas(instrument_id)

        def on_order_book_deltas(self, deltas: Any) -> None:
            best = self.cache.order_book(instrument_id).best_bid_price()
            if best is not None:
                seen.add(float(best))

    client = binance.BinanceDataClientConfig(
        api_key="none",
        api_secret="none",
        account_type=binance.BinanceAccountType.SPOT,
        base_url_http=f"http://localhost:{port}",
        base_url_ws=f"ws://localhost:{port}",
        testnet=True,
        instrument_provider=InstrumentProviderConfig(load_ids=frozenset([instrument_id])),
    )
    config = TradingNodeConfig(
        trader_id=TraderId("BENCH-002"),
        logging=LoggingConfig(log_level="ERROR"),
        data_clients={binance.BINANCE: client},
    )
    node = TradingNode(config=config)
    node.trader.add_strategy(Watch(StrategyConfig(strategy_id="WATCH-001")))
    node.add_data_client_factory(binance.BINANCE, binance.BinanceLiveDataClientFactory)
    node.build()
    flushing = node.get_event_loop().create_task(seen.flush())
    node.run()
    flushing.cancel()


if __name__ == "__main__":
    main(*sys.argv[1:])
