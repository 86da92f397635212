"""The venue's own books on our account, read through its public protocol, and held against the engine's.

Nothing here is shared with the engine's order path: plain HTTPS, the venue's REST queries, exact decimals.
"""

import ssl
import time
from dataclasses import dataclass, field
from decimal import Decimal
from http.client import HTTPSConnection
from typing import Any

import msgspec

from adapters.binance.signing import Signer, signed_query
from engine.errors import VenueError

__all__ = ["SymbolLedger", "VenueLedger", "read_venue_ledger"]

_PAGE = 1000


@dataclass
class SymbolLedger:
    """One symbol, in decimal text units: net base quantity bought, quote paid for it, fees by asset, counts."""

    quantity: Decimal = Decimal(0)
    cost: Decimal = Decimal(0)
    fees: dict[str, Decimal] = field(default_factory=dict)
    fills: int = 0
    open_orders: int = 0


@dataclass
class VenueLedger:
    symbols: dict[str, SymbolLedger]
    orders: int
    #: Venue times (UTC, ns) at which each order was accepted.
    order_times_ns: list[int]
    balances: dict[str, Decimal]


def read_venue_ledger(port: int, ca_file: str, signer: Signer, symbols: list[str]) -> VenueLedger:
    """Ask the venue on this host for every order, trade and balance. Raises VenueError when it refuses."""
    connection = HTTPSConnection("localhost", port, context=ssl.create_default_context(cafile=ca_file), timeout=30)
    try:
        ask = _Asker(connection, signer)
        ledgers: dict[str, SymbolLedger] = {}
        times: list[int] = []
        for symbol in symbols:
            ledger = ledgers[symbol] = SymbolLedger()
            for order in ask.pages("/api/v3/allOrders", symbol, "orderId", "orderId"):
                times.append(int(order["time"]) * 1000)
            for trade in ask.pages("/api/v3/myTrades", symbol, "fromId", "id"):
                _book(ledger, trade)
            ledger.open_orders = len(ask.get("/api/v3/openOrders", {"symbol": symbol}))
        balances = {
            row["asset"]: Decimal(row["free"]) + Decimal(row["locked"])
            for row in ask.get("/api/v3/account", {})["balances"]
        }
        return VenueLedger(ledgers, len(times), times, balances)
    finally:
        connection.close()


def _book(ledger: SymbolLedger, trade: dict[str, Any]) -> None:
    sign = 1 if trade["isBuyer"] else -1
    quantity, price = Decimal(trade["qty"]), Decimal(trade["price"])
    ledger.quantity += sign * quantity
    ledger.cost += sign * quantity * price
    fee = Decimal(trade["commission"])
    if fee:
        ledger.fees[trade["commissionAsset"]] = ledger.fees.get(trade["commissionAsset"], Decimal(0)) + fee
    ledger.fills += 1


class _Asker:
    def __init__(self, connection: HTTPSConnection, signer: Signer) -> None:
        self._connection = connection
        self._signer = signer

    def get(self, path: str, parameters: dict[str, str]) -> Any:
        timestamp = str(time.time_ns() // 1_000_000)
        signed = signed_query(self._signer, [*parameters.items(), ("timestamp", timestamp)])
        headers = {"X-MBX-APIKEY": self._signer.api_key, "X-MBX-TIME-UNIT": "MICROSECOND"}
        self._connection.request("GET", f"{path}?{signed}", headers=headers)
        response = self._connection.getresponse()
        body = response.read()
        if response.status != 200:
            raise VenueError(f"{path}: {response.status} {body[:200].decode(errors='replace')}")
        return msgspec.json.decode(body)

    def pages(self, path: str, symbol: str, cursor: str, key: str) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = []
        start = 0
        while True:
            page = self.get(path, {"symbol": symbol, cursor: str(start), "limit": str(_PAGE)})
            rows.extend(page)
            if len(page) < _PAGE:
                return rows
            start = int(page[-1][key]) + 1
