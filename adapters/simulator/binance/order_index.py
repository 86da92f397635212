"""Finding orders and trades: by id, by client order id, by account and symbol. Open orders are never forgotten."""

from collections import deque
from collections.abc import Iterator

from adapters.simulator.binance.orders import OrderRecord, TradeRecord

__all__ = ["OrderIndex"]

_Key = tuple[str, str]
_ClientKey = tuple[str, str, str]


class OrderIndex:
    """All orders the venue remembers, at most ``remembered`` ended ones and as many trades per account and symbol."""

    def __init__(self, remembered: int) -> None:
        self._remembered = remembered
        self._by_id: dict[int, OrderRecord] = {}
        self._by_client: dict[_ClientKey, OrderRecord] = {}
        self._open: dict[_Key, dict[int, OrderRecord]] = {}
        self._all: dict[_Key, dict[int, OrderRecord]] = {}
        self._ended: deque[OrderRecord] = deque()
        self._trades: dict[_Key, deque[TradeRecord]] = {}

    def __len__(self) -> int:
        return len(self._by_id)

    def by_id(self, order_id: int) -> OrderRecord | None:
        return self._by_id.get(order_id)

    def by_client_id(self, account: str, symbol: str, client_order_id: str) -> OrderRecord | None:
        """The order that has this id now; of several, the open one or else the latest."""
        return self._by_client.get((account, symbol, client_order_id))

    def is_open(self, account: str, symbol: str, client_order_id: str) -> bool:
        record = self._by_client.get((account, symbol, client_order_id))
        return record is not None and record.is_open

    def open_orders(self, account: str, symbol: str) -> list[OrderRecord]:
        """Open orders, oldest first."""
        return list(self._open.get((account, symbol), {}).values())

    def open_count(self, account: str, symbol: str) -> int:
        return len(self._open.get((account, symbol), {}))

    def open_total(self) -> int:
        return sum(len(orders) for orders in self._open.values())

    def all_orders(self, account: str, symbol: str) -> list[OrderRecord]:
        """Every remembered order, oldest first."""
        return list(self._all.get((account, symbol), {}).values())

    def trades(self, account: str, symbol: str) -> Iterator[TradeRecord]:
        """Executions of an account, oldest first."""
        return iter(self._trades.get((account, symbol), ()))

    # -- changes ------------------------------------------------------------------------------------------------

    def add(self, record: OrderRecord) -> None:
        key = _key(record)
        self._by_id[record.order_id] = record
        self._by_client[*key, record.client_order_id] = record
        self._open.setdefault(key, {})[record.order_id] = record
        self._all.setdefault(key, {})[record.order_id] = record

    def add_trade(self, trade: TradeRecord) -> None:
        self._trades.setdefault(_key(trade.record), deque(maxlen=self._remembered)).append(trade)

    def close(self, record: OrderRecord) -> None:
        """An order is no longer open; the oldest ended ones are forgotten beyond the bound."""
        self._open[_key(record)].pop(record.order_id, None)
        self._ended.append(record)
        while len(self._ended) > self._remembered:
            self._forget(self._ended.popleft())

    def rename(self, record: OrderRecord, client_order_id: str) -> None:
        """Give an order another client order id; an open order that has this id keeps it for itself in look-ups."""
        key = _key(record)
        self._drop_client_id(record)
        record.client_order_id = client_order_id
        if record.is_open or not self.is_open(*key, client_order_id):
            self._by_client[*key, client_order_id] = record

    def _forget(self, record: OrderRecord) -> None:
        del self._by_id[record.order_id]
        del self._all[_key(record)][record.order_id]
        self._drop_client_id(record)

    def _drop_client_id(self, record: OrderRecord) -> None:
        key = (*_key(record), record.client_order_id)
        if self._by_client.get(key) is record:
            del self._by_client[key]


def _key(record: OrderRecord) -> _Key:
    return record.account.name, record.listing.symbol
