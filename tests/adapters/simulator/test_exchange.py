"""The neutral exchange: whatever clients do, no money is made or lost, and what is locked belongs to open orders."""

from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from memory_venue import QuietMarket

from adapters.simulator.accounts import Accounts
from adapters.simulator.client_order import ClientOrder, Fill
from adapters.simulator.exchange import Exchange, Refused
from adapters.simulator.kraken.settings import SimAccount
from adapters.simulator.listing import Listing
from adapters.simulator.market import Public
from adapters.simulator.order import StpMode
from adapters.simulator.synthetic_market import default_instrument
from engine.codes import Side, TimeInForce

MONEY = (("BTC", "0.05"), ("USDT", "5000"))


class Ledger:
    """Remembers what it is told, and checks that the story makes sense."""

    def __init__(self) -> None:
        self.told: dict[int, list[str]] = {}

    def accepted(self, order: ClientOrder) -> None:
        assert order.number not in self.told
        self.told[order.number] = ["accepted"]

    def filled(self, order: ClientOrder, fill: Fill) -> None:
        assert fill.cum_lots == sum(each.quantity_lots for each in order.fills)
        self.told[order.number].append("filled")

    def ended(self, order: ClientOrder) -> None:
        assert order.locked_nanos == 0
        assert not order.is_open
        assert "ended" not in self.told[order.number]
        self.told[order.number].append("ended")

    def amended(self, order: ClientOrder) -> None:
        assert order.is_open
        self.told[order.number].append("amended")

    def public(self, listing: Listing, event: Public) -> None: ...


class Desk:
    """An exchange over a quiet market of BTCUSDT; accounts ``a`` (pays fees) and ``b`` (pays none)."""

    def __init__(self, cost_decimals: int = 5) -> None:
        self.market = QuietMarket(default_instrument())
        self.listing = Listing(self.market, cost_decimals)
        accounts = Accounts((SimAccount("a", (), MONEY), SimAccount("b", (), MONEY, 0, 0)))
        self.ledger = Ledger()
        self.exchange: Exchange[ClientOrder] = Exchange({"BTCUSDT": self.listing}, accounts, self.ledger, 100)
        self.orders: list[ClientOrder] = []
        self.totals = {asset: accounts.total(asset) for asset in ("BTC", "USDT")}

    def order(self, account: str, side: Side, price: int, lots: int, **more: Any) -> ClientOrder:
        in_force = TimeInForce.GTC if price else TimeInForce.IOC
        terms = {"time_in_force": in_force, "stp_mode": StpMode.EXPIRE_TAKER, **more}
        order = ClientOrder(
            number=len(self.orders) + 1,
            account=self.exchange.accounts[account],
            listing=self.listing,
            client_order_id="",
            side=side,
            price_ticks=price,
            quantity_lots=lots,
            **terms,
        )
        self.orders.append(order)
        return order

    def needed(self, order: ClientOrder) -> int:
        """What an open order has to have locked, exactly."""
        if order.side is Side.SELL:
            return order.leaves_lots * 10**4
        value = Fraction(order.price_ticks * order.leaves_lots, 10**7)
        step = 10**self.listing.cost_decimals
        fee = value * order.account.taker_fee_ppm / 10**6
        return sum(int(each * step) * 10**9 // step for each in (value, fee))

    def check(self) -> None:
        accounts = self.exchange.accounts
        for asset, total in self.totals.items():
            assert accounts.total(asset) == total
        for account in accounts:
            for asset, balance in account.balances.items():
                assert balance.free_nanos >= 0
                opened = self.exchange.orders.open(account.name)
                assert balance.locked_nanos == sum(o.locked_nanos for o in opened if o.locked_asset == asset)
        for order in (o for o in self.orders if o.is_open):
            assert order.leaves_lots > 0
            assert order.sim is None or order.leaves_lots == order.sim.leaves_lots
            assert order.locked_nanos == self.needed(order)
        resting = {o.order_id for side in Side for o in self.market.engine.side(side).orders() if o.account}
        assert resting == {o.number for o in self.orders if o.is_open and o.sim is not None}


PRICES = st.integers(5_999_990, 6_000_010)
LOTS = st.integers(1, 3_000)
STEPS = st.one_of(
    st.tuples(
        st.just("place"),
        st.sampled_from("ab"),
        st.sampled_from(list(Side)),
        st.one_of(st.just(0), PRICES),
        LOTS,
        st.sampled_from([TimeInForce.GTC, TimeInForce.IOC, TimeInForce.FOK]),
        st.booleans(),
        st.sampled_from([StpMode.EXPIRE_TAKER, StpMode.EXPIRE_MAKER, StpMode.EXPIRE_BOTH, StpMode.DECREMENT]),
    ),
    st.tuples(st.just("park"), st.sampled_from("ab"), st.sampled_from(list(Side)), PRICES, LOTS),
    st.tuples(st.just("release"), st.integers(0, 30)),
    st.tuples(st.just("cancel"), st.integers(0, 30)),
    st.tuples(st.just("amend"), st.integers(0, 30), PRICES, LOTS, st.booleans()),
    st.tuples(st.just("public"), st.sampled_from(list(Side)), PRICES, LOTS),
)


@settings(deadline=None, max_examples=150)
@given(steps=st.lists(STEPS, max_size=40), cost_decimals=st.integers(2, 9))
def test_nothing_is_made_or_lost(steps: list[tuple[Any, ...]], cost_decimals: int) -> None:
    desk = Desk(cost_decimals)
    exchange = desk.exchange
    for now_ns, step in enumerate(steps):
        try:
            if step[0] == "place":
                _, account, side, price, lots, in_force, post_only, stp = step
                more = {"time_in_force": in_force, "post_only": post_only and in_force is TimeInForce.GTC}
                order = desk.order(account, side, price, lots, stp_mode=stp, **(more if price else {}))
                exchange.place(order, now_ns)
            elif step[0] == "park":
                exchange.park(desk.order(*step[1:]), now_ns)
            elif step[0] == "public":
                desk.market.anonymous(*step[1:], now_ns)
                exchange.advance(now_ns)
            elif desk.orders:
                order = desk.orders[step[1] % len(desk.orders)]
                if step[0] == "release":
                    if order.is_open and order.sim is None:
                        exchange.release(order, now_ns)
                elif step[0] == "cancel":
                    was_open = order.is_open
                    assert exchange.cancel(order, now_ns) == was_open
                else:
                    exchange.amend(order, step[3], step[2], step[4], now_ns)
        except Refused:
            pass
        desk.check()


def test_a_refused_order_changes_nothing() -> None:
    desk = Desk()
    desk.market.anonymous(Side.SELL, 6_000_000, 100)
    for order, why in (
        (desk.order("a", Side.BUY, 6_000_000, 100_000), "insufficient_funds"),
        (desk.order("a", Side.SELL, 6_000_000, 100_000), "insufficient_funds"),
        (desk.order("a", Side.BUY, 0, 100_000), "insufficient_funds"),
        (desk.order("a", Side.BUY, 6_000_000, 1, post_only=True), "would_take"),
        (desk.order("a", Side.SELL, 0, 0, quote_nanos=10**9), "no_liquidity"),
    ):
        with pytest.raises(Refused) as refused:
            desk.exchange.place(order, 0)
        assert refused.value.why == why
        assert not order.is_open
        assert desk.exchange.accounts["a"].balance("USDT").locked_nanos == 0
    desk.listing.is_trading = False
    with pytest.raises(Refused, match="halted"):
        desk.exchange.place(desk.order("a", Side.BUY, 100, 1), 0)
    assert desk.ledger.told == {}


def test_money_for_the_worst_price_is_needed_but_only_the_true_cost_is_taken() -> None:
    desk = Desk()
    desk.market.anonymous(Side.SELL, 6_000_000, 1_000)
    desk.market.anonymous(Side.SELL, 6_100_000, 1_000)
    order = desk.order("b", Side.BUY, 0, 2_000)
    desk.exchange.place(order, 0)
    assert order.ended_why == "filled"
    assert order.cost_nanos == (600 + 610) * 10**9
    assert desk.exchange.accounts["b"].balance("USDT").free_nanos == (5_000 - 1_210) * 10**9
    desk.check()


@pytest.mark.parametrize(("side", "worst"), [(Side.BUY, 6_050_000), (Side.SELL, 5_950_000)])
def test_a_market_order_stops_at_its_worst_price(side: Side, worst: int) -> None:
    desk = Desk()
    for price, of in ((6_000_000, Side.SELL), (6_100_000, Side.SELL), (5_990_000, Side.BUY), (5_900_000, Side.BUY)):
        desk.market.anonymous(of, price, 100)
    order = desk.order("a", side, 0, 200, worst_ticks=worst)
    desk.exchange.place(order, 0)
    assert (order.ended_why, order.cum_lots) == ("expired_no_liquidity", 100)
    desk.check()


def test_an_order_that_waits_has_its_funds_locked_and_nobody_sees_it() -> None:
    desk = Desk()
    waiting, over = (desk.order("a", Side.SELL, 6_000_000, lots, expires_wall_ns=100) for lots in (4_000, 2_000))
    desk.exchange.park(waiting, 0)
    with pytest.raises(Refused, match="insufficient_funds"):
        desk.exchange.park(over, 0)
    assert desk.market.best() == (0, 0, 0, 0)
    desk.check()
    desk.exchange.release(waiting, 1)
    assert desk.market.best() == (0, 0, 6_000_000, 4_000)
    desk.exchange.advance(100)
    assert waiting.ended_why == "expired_gtd"
    desk.check()


def test_a_refused_amend_keeps_the_place() -> None:
    desk = Desk()
    first, second = desk.order("a", Side.BUY, 5_999_000, 10), desk.order("b", Side.BUY, 5_999_000, 10)
    desk.exchange.place(first, 0)
    desk.exchange.place(second, 0)
    desk.market.anonymous(Side.SELL, 6_000_000, 5)
    with pytest.raises(Refused, match="would_take"):
        desk.exchange.amend(first, 10, 6_000_000, True, 1)
    desk.market.anonymous(Side.SELL, 5_999_000, 4, 1, ioc=True)
    desk.exchange.advance(1)
    assert (first.cum_lots, second.cum_lots) == (4, 0)
    desk.check()


def test_an_order_good_till_a_date_ends_by_itself() -> None:
    desk = Desk()
    order = desk.order("a", Side.BUY, 6_000_000, 10, expires_wall_ns=1_000)
    desk.exchange.place(order, 400)
    assert desk.exchange.next_event_ns() == 1_000
    desk.exchange.advance(999)
    assert order.is_open
    desk.exchange.advance(1_000)
    assert order.ended_why == "expired_gtd"
    assert desk.exchange.next_event_ns() is None


def test_ended_orders_are_forgotten_beyond_the_bound_and_open_ones_never() -> None:
    desk = Desk()
    kept = desk.order("a", Side.BUY, 6_000_000, 1)
    desk.exchange.place(kept, 0)
    for _ in range(150):
        order = desk.order("a", Side.BUY, 5_000_000, 1)
        desk.exchange.place(order, 0)
        desk.exchange.cancel(order, 0)
    assert desk.exchange.orders.get(kept.number) is kept
    assert len(list(desk.exchange.orders.ended("a"))) == 100
    assert desk.exchange.orders.get(2) is None


def test_what_self_trade_prevention_takes_is_unlocked() -> None:
    desk = Desk()
    maker = desk.order("a", Side.SELL, 6_000_000, 300)
    desk.exchange.place(maker, 0)
    taker = desk.order("a", Side.BUY, 6_000_000, 100, stp_mode=StpMode.DECREMENT)
    desk.exchange.place(taker, 0)
    assert (taker.ended_why, taker.cum_lots) == ("expired_stp", 0)
    assert (maker.is_open, maker.leaves_lots) == (True, 200)
    desk.check()
    desk.exchange.place(desk.order("b", Side.BUY, 6_000_000, 200), 0)
    assert (maker.ended_why, maker.cum_lots) == ("filled", 200)
    desk.check()
