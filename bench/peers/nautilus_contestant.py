"""NautilusTrader as a contestant: a live node whose strategy answers each quote. Runs in its own environment.

    python nautilus_contestant.py SYMBOL PORT API_KEY_FILE SECRET_FILE

Its Binance adapter sends orders over REST and takes user data by listen key. Its risk engine and its cache are on, as
by default; its logger is set to errors.
"""

import sys
from pathlib import Path
from typing import Any

__all__ = ["main"]


def main(symbol: str, port: str, api_key_file: str, secret_file: str) -> None:
    # Only here: what reads this file elsewhere has no NautilusTrader.
    from nautilus_trader.adapters import binance
    from nautilus_trader.config import InstrumentProviderConfig, LiveRiskEngineConfig, LoggingConfig, TradingNodeConfig
    from nautilus_trader.live.node import TradingNode
    from nautilus_trader.model.identifiers import InstrumentId, TraderId

    instrument_id = InstrumentId.from_str(f"{symbol}.BINANCE")
    shared: dict[str, Any] = {
        "api_key": Path(api_key_file).read_text().strip(),
        "api_secret": Path(secret_file).read_text().strip(),
        "account_type": binance.BinanceAccountType.SPOT,
        "base_url_http": f"http://localhost:{port}",
        "base_url_ws": f"ws://localhost:{port}",
        "testnet": True,  # no request for fees, which the simulated venue does not have
        "instrument_provider": InstrumentProviderConfig(load_ids=frozenset([instrument_id])),
    }
    rate = "1000000/00:00:01"
    config = TradingNodeConfig(
        trader_id=TraderId("BENCH-001"),
        logging=LoggingConfig(log_level="ERROR"),
        risk_engine=LiveRiskEngineConfig(max_order_submit_rate=rate, max_order_modify_rate=rate),
        data_clients={binance.BINANCE: binance.BinanceDataClientConfig(**shared)},
        exec_clients={binance.BINANCE: binance.BinanceExecClientConfig(**shared)},
    )
    node = TradingNode(config=config)
    node.trader.add_strategy(_answer(instrument_id))
    node.add_data_client_factory(binance.BINANCE, binance.BinanceLiveDataClientFactory)
    node.add_exec_client_factory(binance.BINANCE, binance.BinanceLiveExecClientFactory)
    node.build()
    node.run()


def _answer(instrument_id: Any) -> Any:
    from nautilus_trader.config import StrategyConfig
    from nautilus_trader.model.enums import OrderSide, TimeInForce
    from nautilus_trader.trading.strategy import Strategy

    class Answer(Strategy):  # type: ignore[misc]
        def on_start(self) -> None:
            self._quantity = self.cache.instrument(instrument_id).make_qty(0.001)
            self.subscribe_quote_ticks(instrument_id)

        def on_quote_tick(self, tick: Any) -> None:
            order = self.order_factory.limit(
                instrument_id, OrderSide.BUY, self._quantity, tick.bid_price, time_in_force=TimeInForce.IOC
            )
            self.submit_order(order)

    return Answer(StrategyConfig(strategy_id="ANSWER-001"))


if __name__ == "__main__":
    main(*sys.argv[1:])
