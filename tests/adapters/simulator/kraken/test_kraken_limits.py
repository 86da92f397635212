"""The rate counters, as the venue's documentation counts its own examples, and enforced."""

from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.simulator.kraken import INTERMEDIATE, STARTER
from adapters.simulator.kraken.limits import CANCEL_PENALTIES, DecayingCounter, penalty

SECOND_NS = 10**9


def count(venue: Any, tier: Any, account: str = "a") -> Fraction:
    counter = venue.actor.venue.trading.counters.get(account, "BTC/USD", tier)
    return Fraction(counter.units(venue.host.now_ns), 10**11)


def test_the_documentations_first_example_add_amend_cancel(make_venue: Any, make_order: Any) -> None:
    venue = make_venue(tier=INTERMEDIATE._replace(decay_percent=0))
    client = venue.trader()
    mine = client.trade("add_order", **make_order())["result"]["order_id"]
    assert count(venue, None) == 1
    venue.host.advance(7 * SECOND_NS)
    client.trade("amend_order", order_id=mine, limit_price=99.0)
    assert count(venue, None) == 1 + 3
    venue.host.advance(36 * SECOND_NS)
    client.trade("cancel_order", order_id=[mine])
    assert count(venue, None) == 8


def test_an_amend_makes_an_order_young_again(make_venue: Any, make_order: Any) -> None:
    venue = make_venue(tier=INTERMEDIATE._replace(decay_percent=0))
    client = venue.trader()
    mine = client.trade("add_order", **make_order())["result"]["order_id"]
    venue.host.advance(400 * SECOND_NS)
    client.trade("amend_order", order_id=mine, limit_price=99.0)
    client.trade("cancel_order", order_id=[mine])
    assert count(venue, None) == 1 + 1 + 8


def test_the_documentations_second_example_decay(make_venue: Any, make_order: Any) -> None:
    venue = make_venue(tier=INTERMEDIATE)
    client = venue.trader()
    for _ in range(50):
        assert client.trade("add_order", **make_order())["success"]
    venue.host.advance(10 * SECOND_NS)
    assert count(venue, None) == Fraction(266, 10)


@pytest.mark.parametrize(
    ("age_s", "added"), [(0, 8), (4.999, 8), (5, 6), (10, 5), (15, 4), (44, 4), (45, 2), (90, 1), (299, 1), (300, 0)]
)
def test_penalties_by_age(age_s: float, added: int) -> None:
    assert penalty(CANCEL_PENALTIES, round(age_s * SECOND_NS)) == added


def test_a_full_counter_refuses_adds_and_single_cancels_but_no_batch(make_venue: Any, make_order: Any) -> None:
    venue = make_venue(tier=STARTER)
    client = venue.trader()
    ids = [client.trade("add_order", **make_order(price=50.0))["result"]["order_id"] for _ in range(6)]
    for _ in range(6):  # each costs 1, and 8 for the cancel
        added = client.trade("add_order", **make_order())["result"]["order_id"]
        assert client.trade("cancel_order", order_id=[added])["success"]
    assert count(venue, STARTER) == 60
    assert client.trade("add_order", **make_order())["error"] == "EOrder:Rate limit exceeded"
    assert client.trade("cancel_order", order_id=[ids[0]])["error"] == "EOrder:Rate limit exceeded"
    assert client.trade("batch_cancel", orders=[ids[0]])["result"] == {"count": 1}
    assert client.trade("cancel_all")["result"] == {"count": 5}
    assert count(venue, STARTER) == 69
    assert venue.trader("keyB").trade("add_order", **make_order())["success"]  # another account
    venue.host.advance(10 * SECOND_NS)
    assert client.trade("add_order", **make_order())["success"]


def test_what_is_invalid_is_counted_too(make_venue: Any, make_order: Any) -> None:
    venue = make_venue(tier=STARTER)
    client = venue.trader()
    assert client.trade("add_order", **make_order(price=100.05))["error"]
    assert count(venue, STARTER) == 1


def test_pairs_are_counted_apart(make_venue: Any, make_market: Any, make_order: Any) -> None:
    ether = make_market(symbol="ETH/USD", base_asset="ETH", instrument_id=2, tick_units=1, price_scale=2)
    venue = make_venue(make_market(), ether, tier=STARTER._replace(threshold=1))
    client = venue.trader()
    assert client.trade("add_order", **make_order())["success"]
    assert client.trade("add_order", **make_order())["error"] == "EOrder:Rate limit exceeded"
    assert client.trade("add_order", **make_order(symbol="ETH/USD"))["success"]
    assert venue.actor.exchange.orders.open_total() == 2


def test_open_orders_per_pair_are_limited_by_tier(make_venue: Any, make_order: Any) -> None:
    venue = make_venue(tier=STARTER._replace(open_orders=2, threshold=1_000))
    client = venue.trader()
    for _ in range(2):
        assert client.trade("add_order", **make_order())["success"]
    assert client.trade("add_order", **make_order())["error"] == "EOrder:Orders limit exceeded"


def test_the_counter_is_told_to_who_asks(make_venue: Any, make_order: Any) -> None:
    venue = make_venue(tier=STARTER)
    client = venue.socket().log_on()
    assert client.follow("executions", ratecounter=True)["maxratecount"] == 60
    client.trade("add_order", **make_order())
    assert [float(report["ratecount"]) for report in client.reports()] == [1.0, 1.0]


@given(
    decay=st.integers(0, 1_000),
    steps=st.lists(st.tuples(st.integers(0, 20 * SECOND_NS), st.integers(0, 20)), max_size=30),
)
def test_the_counter_equals_exact_arithmetic(decay: int, steps: list[tuple[int, int]]) -> None:
    counter, exact, now_ns = DecayingCounter(decay), Fraction(0), 0
    for wait_ns, halves in steps:
        now_ns += wait_ns
        exact = max(Fraction(0), exact - Fraction(wait_ns * decay, 100 * SECOND_NS))
        assert counter.takes(halves, 30, now_ns) == (exact + Fraction(halves, 2) <= 30)
        counter.add(halves, now_ns)
        exact += Fraction(halves, 2)
        assert Fraction(counter.units(now_ns), 10**11) == exact
