"""The private channels: ``executions`` and ``balances``, each with its own sequence per subscription."""

from collections.abc import Callable

from adapters.simulator.accounts import Account
from adapters.simulator.client_order import Fill
from adapters.simulator.encoding import encode_json
from adapters.simulator.exchange import Exchange
from adapters.simulator.kraken.encoding import Ids, number, time_text
from adapters.simulator.kraken.limits import PairCounters
from adapters.simulator.kraken.orders import (
    KrakenOrder,
    amended_report,
    ended_report,
    full_report,
    new_report,
    snapshot_fill,
    trade_report,
)
from adapters.simulator.kraken.settings import Tier
from adapters.simulator.kraken.tokens import Token
from engine.codes import Side
from engine.instrument import decimal_text

__all__ = ["PrivateFeed", "Subscription"]

_SNAPSHOT_FILLS = 50
_DECIMALS = 9
#: What ``order_status: false`` leaves out.
_TRANSITIONS = ("pending_new", "amended")


class Subscription:
    """One connection's subscription to one private channel."""

    def __init__(self, channel: str, token: Token, account: str, options: dict[str, bool]) -> None:
        self.channel = channel
        self.token = token
        self.account = account
        self.options = options
        self.sequence = 0


class PrivateFeed:
    """Tells accounts about their orders and balances. ``send(link, payload)`` is the port's."""

    def __init__(self, counters: PairCounters, ids: Ids, send: Callable[[str, bytes], None]) -> None:
        self._counters, self._ids, self._send = counters, ids, send
        self._subscriptions: dict[tuple[str, str], Subscription] = {}
        self.messages_sent = 0
        self.clock_ns = 0

    # -- subscribing --------------------------------------------------------------------------------------------

    def has(self, link: str, channel: str) -> bool:
        return (link, channel) in self._subscriptions

    def subscribe(self, link: str, subscription: Subscription) -> None:
        self._subscriptions[link, subscription.channel] = subscription
        subscription.token.links.add(link)

    def unsubscribe(self, link: str, channel: str) -> bool:
        subscription = self._subscriptions.pop((link, channel), None)
        if subscription is None:
            return False
        if not any(self.has(link, other) for other in ("executions", "balances")):
            subscription.token.links.discard(link)
        return True

    def forget(self, link: str) -> None:
        for channel in ("executions", "balances"):
            self.unsubscribe(link, channel)

    def subscribers(self, api_key: str) -> list[str]:
        """Links that are subscribed with a token of this key."""
        found = [link for (link, _), each in self._subscriptions.items() if each.token.credential.api_key == api_key]
        return list(dict.fromkeys(found))

    def snapshot(self, link: str, channel: str, exchange: Exchange[KrakenOrder]) -> None:
        """Send what the subscription begins with."""
        subscription = self._subscriptions[link, channel]
        if channel == "balances":
            account = exchange.accounts[subscription.account]
            rows = [_balance_row(asset, account) for asset in sorted(account.balances)]
        else:
            rows = _orders_and_fills(exchange, subscription)
        self._push(link, subscription, "snapshot", rows)

    # -- telling ------------------------------------------------------------------------------------------------

    def accepted(self, order: KrakenOrder) -> None:
        self._report(order, full_report(order, "pending_new", "pending_new"))
        self._report(order, new_report(order))

    def filled(self, order: KrakenOrder, fill: Fill) -> None:
        exec_id = self._ids.next("T")
        order.exec_ids[fill.trade_id] = exec_id
        self._report(order, trade_report(order, fill, exec_id))
        self._ledger(order, fill, exec_id)

    def ended(self, order: KrakenOrder) -> None:
        self._report(order, ended_report(order))

    def amended(self, order: KrakenOrder) -> None:
        self._report(order, amended_report(order))

    def _report(self, order: KrakenOrder, report: dict[str, object]) -> None:
        for (link, channel), subscription in list(self._subscriptions.items()):
            if channel != "executions" or subscription.account != order.account.name:
                continue
            if report["exec_type"] in _TRANSITIONS and not subscription.options.get("order_status", True):
                continue
            told = report
            if subscription.options.get("ratecounter"):
                told = {**report, "ratecount": self._rate_count(order, subscription)}
            self._push(link, subscription, "update", [told])

    def _rate_count(self, order: KrakenOrder, subscription: Subscription) -> object:
        counter = self._counters.get(order.account.name, order.listing.symbol, Tier(0, 0, 0, 0, 0))
        return number(decimal_text(counter.hundredths(self.clock_ns), 2))

    def _ledger(self, order: KrakenOrder, fill: Fill, exec_id: str) -> None:
        """A trade's two entries in the account's ledger, base first."""
        sign = 1 if order.side is Side.BUY else -1
        base_nanos = fill.quantity_lots * order.listing.lot_nanos
        entries = (
            (order.listing.base, sign * base_nanos, 0),
            (order.listing.quote, -sign * fill.cost_nanos, fill.fee_nanos),
        )
        for asset, amount_nanos, fee_nanos in entries:
            row: dict[str, object] = {
                "ledger_id": self._ids.next("L"),
                "ref_id": exec_id,
                "timestamp": time_text(fill.wall_ns),
                "type": "trade",
                "asset": asset,
                "asset_class": "currency",
                "category": "trade",
                "wallet_type": "spot",
                "wallet_id": "main",
                "amount": number(decimal_text(amount_nanos, _DECIMALS)),
                "fee": number(decimal_text(fee_nanos, _DECIMALS)),
                "balance": number(_total_text(asset, order.account)),
            }
            for (link, channel), subscription in list(self._subscriptions.items()):
                if channel == "balances" and subscription.account == order.account.name:
                    self._push(link, subscription, "update", [row])

    def _push(self, link: str, subscription: Subscription, kind: str, rows: list[dict[str, object]]) -> None:
        subscription.sequence += 1
        self.messages_sent += 1
        message = {"channel": subscription.channel, "type": kind, "data": rows, "sequence": subscription.sequence}
        self._send(link, encode_json(message))


def _total_text(asset: str, account: Account) -> str:
    balance = account.balance(asset)
    return decimal_text(balance.free_nanos + balance.locked_nanos, _DECIMALS)


def _balance_row(asset: str, account: Account) -> dict[str, object]:
    total = number(_total_text(asset, account))
    wallets = [{"type": "spot", "id": "main", "balance": total}]
    return {"asset": asset, "asset_class": "currency", "balance": total, "wallets": wallets}


def _orders_and_fills(exchange: Exchange[KrakenOrder], subscription: Subscription) -> list[dict[str, object]]:
    rows: list[dict[str, object]] = []
    if subscription.options.get("snap_orders", True):
        rows += [full_report(order, "new", order.status) for order in exchange.orders.open(subscription.account)]
    if subscription.options.get("snap_trades", False):
        fills = list(exchange.orders.fills(subscription.account))[-_SNAPSHOT_FILLS:]
        rows += [snapshot_fill(order, fill, order.exec_ids[fill.trade_id]) for order, fill in fills]
    return rows
