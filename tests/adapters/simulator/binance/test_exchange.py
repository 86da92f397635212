"""Random operations of two accounts and the anonymous market: nothing is made or lost, and reports tell the truth."""

from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from adapters.simulator.binance import SimAccount, SimKey, SimulatedBinance, VenueOptions
from adapters.simulator.binance.errors import ApiError
from adapters.simulator.binance.orders import OrderTerms, milliseconds
from engine.actor import Endpoint
from engine.codes import Side

SIDES = st.sampled_from(list(Side))
PRICES = st.integers(97, 103)
LOTS = st.integers(1, 15)
STP = st.sampled_from(["NONE", "EXPIRE_TAKER", "EXPIRE_MAKER", "EXPIRE_BOTH", "DECREMENT"])
ACCOUNTS = st.sampled_from(["a", "b"])
OPERATIONS = st.one_of(
    st.tuples(
        st.just("place"),
        ACCOUNTS,
        SIDES,
        st.sampled_from(["LIMIT GTC", "LIMIT_MAKER GTC", "LIMIT GTC", "LIMIT IOC", "LIMIT FOK", "MARKET GTC"]),
        PRICES,
        LOTS,
        STP,
    ),
    st.tuples(st.just("meet"), ACCOUNTS, SIDES, PRICES, LOTS, LOTS, STP),
    st.tuples(st.just("quote"), ACCOUNTS, SIDES, st.integers(1, 3_000)),
    st.tuples(st.just("cancel"), st.integers(0, 30)),
    st.tuples(st.just("amend"), st.integers(0, 30), LOTS),
    st.tuples(st.just("anonymous"), SIDES, PRICES, LOTS, st.booleans()),
)
START = {"BTC": 40_000_000_000, "USDT": 4_000_000_000_000}


class World:
    """An exchange with coarse money (a lot is one BTC, a tick one USDT), what it reported, and a naive ledger."""

    def __init__(self, make_market: Any) -> None:
        coarse: dict[str, Any] = {
            "price_scale": 0,
            "quantity_scale": 0,
            "price_ticks_max": 0,
            "quantity_lots_max": 0,
            "market_quantity_lots_max": 0,
            "notional_tick_lots_min": 0,
            "notional_tick_lots_max": 0,
            "open_orders_max": 0,
        }
        self.market = make_market(**coarse)
        money = (("BTC", "40"), ("USDT", "4000"))
        accounts = [
            SimAccount("a", (SimKey("ka", "hmac", secret="x"),), money, 1_000, 2_500),
            SimAccount("b", (SimKey("kb", "hmac", secret="x"),), money, 0, 100),
        ]
        actor = SimulatedBinance({"BTCUSDT": self.market}, accounts, [Endpoint("x", 0, False)], VenueOptions())
        self.exchange = actor.exchange
        self.exchange._feed = self
        self.events: list[tuple[str, dict[str, Any]]] = []
        self.ledger = {name: dict(START) for name in ("a", "b")}
        self.placed: list[Any] = []

    def user_event(self, account: str, render: Any) -> None:
        self.events.append((account, render(milliseconds)))

    def public_event(self, listing: Any, event: Any) -> None:
        raise AssertionError("this market publishes nothing")

    def do(self, operation: tuple[Any, ...]) -> None:
        kind, *rest = operation
        try:
            getattr(self, f"_{kind}")(*rest)
        except ApiError as error:
            if error.code not in (-2010, -2011, -2038):
                raise
        self.exchange.advance(0)

    def _terms(self, side: Side, kind: str, price: int, lots: int, stp: str, quote: int = 0) -> OrderTerms:
        order_type, time_in_force = kind.split()
        ticks = 0 if order_type == "MARKET" else price
        listing = self.exchange.listings["BTCUSDT"]
        return OrderTerms(
            listing, side, order_type, time_in_force, ticks, lots, quote, f"id{len(self.placed)}", stp, "FULL"
        )

    def _place(self, account: str, side: Side, kind: str, price: int, lots: int, stp: str) -> None:
        terms = self._terms(side, kind, price, lots, stp)
        self.placed.append(self.exchange.place(self.exchange.accounts[account], terms, 0)[0])

    def _meet(self, account: str, side: Side, price: int, maker_lots: int, taker_lots: int, stp: str) -> None:
        """An account meets its own order."""
        self._place(account, side, "LIMIT GTC", price, maker_lots, "NONE")
        other = Side.SELL if side is Side.BUY else Side.BUY
        self._place(account, other, "LIMIT GTC", price, taker_lots, stp)

    def _quote(self, account: str, side: Side, quote: int) -> None:
        terms = self._terms(side, "MARKET GTC", 0, 0, "NONE", quote * 1_000_000_000)
        self.placed.append(self.exchange.place(self.exchange.accounts[account], terms, 0)[0])

    def _pick(self, index: int) -> Any:
        """An open order when there is one, so that most cancels and amendments do something."""
        open_orders = [record for record in self.placed if record.is_open]
        candidates = open_orders if open_orders and index else self.placed
        return candidates[index % len(candidates)] if candidates else None

    def _cancel(self, index: int) -> None:
        record = self._pick(index)
        if record is not None:
            self.exchange.cancel(record, f"cancel{len(self.events)}", 0)

    def _amend(self, index: int, lots: int) -> None:
        record = self._pick(index)
        if record is not None and lots < record.quantity_lots:
            self.exchange.amend(record, lots, record.client_order_id, 0)

    def _anonymous(self, side: Side, price: int, lots: int, ioc: bool) -> None:
        self.market.anonymous(side, price, lots, ioc=ioc)

    # -- what must hold ------------------------------------------------------------------------------------------

    def check(self) -> None:
        accounts = self.exchange.accounts
        assert {asset: accounts.total(asset) for asset in START} == {asset: 2 * START[asset] for asset in START}
        for account in accounts:
            for balance in account.balances.values():
                assert balance.free_nanos >= 0
                assert balance.locked_nanos >= 0
        self._check_locks()
        self._check_ledger()

    def _check_locks(self) -> None:
        """What is locked is exactly what open orders could still cost."""
        for account in self.exchange.accounts:
            needed = {"BTC": 0, "USDT": 0}
            for record in self.exchange.orders.open_orders(account.name, "BTCUSDT"):
                assert record.leaves_lots == record.sim.leaves_lots > 0
                assert record.sim.is_resting
                price = record.terms.price_ticks if record.terms.side is Side.BUY else 1
                needed[record.locked_asset] += record.leaves_lots * price * 1_000_000_000
            assert {a: account.balance(a).locked_nanos for a in needed} == needed

    def _check_ledger(self) -> None:
        """A ledger kept from the reports alone agrees with the venue's own; the last position told is the truth."""
        ledger = {name: dict(START) for name in ("a", "b")}
        told: dict[str, Any] = {}
        cumulative: dict[int, int] = {}
        for name, event in self.events:
            if event["e"] == "outboundAccountPosition":
                told[name] = {row["a"]: (_nanos(row["f"]), _nanos(row["l"])) for row in event["B"]}
                continue
            order_id = event["i"]
            cumulative[order_id] = cumulative.get(order_id, 0) + _nanos(event["l"])
            assert _nanos(event["z"]) == cumulative[order_id]
            if event["x"] == "TRADE":
                sign = 1 if event["S"] == "BUY" else -1
                ledger[name]["BTC"] += sign * _nanos(event["l"])
                ledger[name]["USDT"] -= sign * _nanos(event["Y"])
                ledger[name][event["N"]] -= _nanos(event["n"])
        for account in self.exchange.accounts:
            held = {a: (account.balance(a).free_nanos, account.balance(a).locked_nanos) for a in START}
            assert {asset: sum(parts) for asset, parts in held.items()} == ledger[account.name]
            assert told.get(account.name, held) == held


def _nanos(text: str) -> int:
    whole, _, fraction = text.partition(".")
    return int(whole + fraction.ljust(9, "0"))


@settings(deadline=None, max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(operations=st.lists(OPERATIONS, min_size=10, max_size=40))
def test_nothing_is_made_or_lost(make_market: Any, operations: list[tuple[Any, ...]]) -> None:
    world = World(make_market)
    for operation in operations:
        world.do(operation)
        world.check()


@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(operations=st.lists(OPERATIONS, min_size=10, max_size=40))
def test_every_order_is_new_first_and_ends_once(make_market: Any, operations: list[tuple[Any, ...]]) -> None:
    world = World(make_market)
    for operation in operations:
        world.do(operation)
    lives: dict[int, list[dict[str, Any]]] = {}
    for _, event in world.events:
        if event["e"] == "executionReport":
            lives.setdefault(event["i"], []).append(event)
    assert set(lives) == {record.order_id for record in world.placed}
    for record in world.placed:
        life = lives[record.order_id]
        assert (life[0]["x"], life[0]["X"]) == ("NEW", "NEW")
        assert [event["x"] for event in life].count("NEW") == 1
        endings = [event for event in life if event["X"] not in ("NEW", "PARTIALLY_FILLED")]
        assert len(endings) == (0 if record.is_open else 1)
        assert life[-1]["X"] == record.status
        ids = [event["I"] for event in life]
        assert ids == sorted(set(ids))
