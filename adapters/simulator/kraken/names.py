"""The venue's three ways to name a pair or an asset.

WebSocket v2 says ``BTC/USD`` and ``BTC``; so do instruments here. REST says ``XXBTZUSD`` (the id), ``XBTUSD`` (altname)
and, where it names what WebSocket v1 said, ``XBT/USD``; its assets are ``XXBT`` and ``ZUSD``. Assets listed in later
years have one name everywhere.
"""

from collections.abc import Iterable

from engine.errors import UsageError

__all__ = ["PairName", "PairNames", "alternative_name", "rest_asset"]

#: asset → (REST id, altname)
_LEGACY = {
    "BTC": ("XXBT", "XBT"),
    "DOGE": ("XXDG", "XDG"),
    **{name: (f"X{name}", name) for name in ("ETC", "ETH", "LTC", "MLN", "REP", "XLM", "XMR", "XRP", "ZEC")},
    **{name: (f"Z{name}", name) for name in ("AUD", "CAD", "EUR", "GBP", "JPY", "USD")},
}


def rest_asset(asset: str) -> str:
    """The id that REST has for an asset."""
    return _LEGACY.get(asset, (asset, asset))[0]


def alternative_name(asset: str) -> str:
    return _LEGACY.get(asset, (asset, asset))[1]


class PairName:
    """The names of one pair."""

    def __init__(self, symbol: str) -> None:
        base, slash, quote = symbol.partition("/")
        if not base or not slash or not quote or symbol != symbol.upper():
            raise UsageError(f"symbol {symbol!r} is not like BTC/USD")
        self.symbol = symbol
        self.altname = alternative_name(base) + alternative_name(quote)
        is_legacy = base in _LEGACY and quote in _LEGACY
        self.rest_id = rest_asset(base) + rest_asset(quote) if is_legacy else self.altname
        self.wsname = f"{alternative_name(base)}/{alternative_name(quote)}"


class PairNames:
    """All pairs of the venue, found by any name that REST takes."""

    def __init__(self, symbols: Iterable[str]) -> None:
        self._by_symbol = {symbol: PairName(symbol) for symbol in symbols}
        self._symbols = {
            name: pair.symbol
            for pair in self._by_symbol.values()
            for name in (pair.rest_id, pair.altname, pair.wsname, pair.symbol)
        }

    def __getitem__(self, symbol: str) -> PairName:
        return self._by_symbol[symbol]

    def symbol(self, name: str) -> str | None:
        """The symbol of a pair that REST names; None: no such pair."""
        return self._symbols.get(name)
