"""The session from start to live, what breaks it, and how it comes back."""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from adapters.coinbase.options import CoinbaseOptions
from adapters.coinbase.session import CoinbaseSession
from adapters.coinbase.signing import Credentials
from adapters.coinbase.urls import LIVE
from engine.codes import Reason
from engine.errors import UsageError
from engine.venue import (
    AuthenticationFailed,
    Balance,
    ClockOffset,
    FeeRates,
    InstrumentDefined,
    OrderAccepted,
    OrderOutcomeUnknown,
    SessionState,
)

#: ``conftest.Host``.
Host = Any
Make = Callable[..., Host]
MS, SECOND = 1_000_000, 1_000_000_000
USER = "session:user"
LINKS = ["session:rest", "session:fills", "session:orders:0", USER, "session:streams:0"]
SHAPE = {"limit_limit_gtc": {"base_size": "1", "limit_price": "10.00"}}


def states(events: list[Any]) -> list[bool]:
    return [each.live for each in events if isinstance(each, SessionState)]


# -- start -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("chunk", [0, 1, 7])
def test_from_start_to_live(make: Make, chunk: int) -> None:
    host = make(chunk=chunk).begin()
    events = host.take()
    names = [type(each).__name__ for each in events]
    assert names[0] == "ClockOffset"
    assert names[1] == "InstrumentDefined"
    assert names[-1] == "SessionState"
    assert states(events) == [True]
    assert host.session.send_refusal(host.now_ns) is Reason.NONE
    (offset,) = [each for each in events if isinstance(each, ClockOffset)]
    assert abs(offset.offset_ns - 123 * MS) <= MS
    assert FeeRates(1, 4_000_000, 6_000_000) in events
    assert [path for path, _ in host.venue.asked][:3] == ["/time", "/key_permissions", "/products"]
    assert len([link for link, _ in host.opened if link.startswith("session:orders")]) == 8


def test_an_instrument_has_the_products_filters(make: Make) -> None:
    events = make().begin().take()
    (defined,) = [each.instrument for each in events if isinstance(each, InstrumentDefined)]
    assert (defined.symbol, defined.base_asset, defined.quote_asset) == ("BTC-USD", "BTC", "USD")
    assert (defined.tick_units, defined.price_scale, defined.lot_units, defined.quantity_scale) == (1, 2, 1, 5)
    assert (defined.quantity_lots_min, defined.quantity_lots_max) == (10, 340_000_000)
    assert defined.notional_tick_lots_min == 10_000_000
    assert defined.quote_text(defined.notional_tick_lots_min) == "1.0000000"
    assert defined.market_notional_min_applies


def test_balances_are_read_over_all_pages_and_wallets(make: Make) -> None:
    host = make()
    pages = {
        "": {
            "accounts": [wallet("USD", "10.1234567899", "1"), wallet("ETH", "3", "0")],
            "has_next": True,
            "cursor": "2",
        },
        "2": {"accounts": [wallet("USD", "5", "0")], "has_next": False, "cursor": ""},
    }
    pages[""]["cursor"] = "2"
    host.venue.rules["/accounts"] = lambda params: (200, pages[dict(params).get("cursor", "")])
    balances = [each for each in host.begin().take() if isinstance(each, Balance)]
    assert balances == [
        Balance("USD", 15_123_456_789, 1_000_000_000),
        Balance("ETH", 3_000_000_000, 0),
        Balance("BTC", 0, 0),
    ]


def wallet(asset: str, free: str, held: str) -> dict[str, Any]:
    return {"currency": asset, "available_balance": {"value": free, "currency": asset}, "hold": {"value": held}}


def test_balances_and_fees_in_the_middle_of_everything(live: Host) -> None:
    live.venue.wallets = [("USD", "7", "0"), ("BTC", "2", "1")]
    live.session.query_balances(live.now_ns)
    live.run()
    events = live.take()
    assert events[:2] == [Balance("USD", 7_000_000_000, 0), Balance("BTC", 2_000_000_000, 1_000_000_000)]
    assert isinstance(events[2], FeeRates)
    live.venue.rules["/accounts"] = lambda params: (500, b"")
    live.session.query_balances(live.now_ns)
    live.run()
    assert live.session.counters["balances not told"] == 1


# -- the key ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("permissions", [{"can_transfer": True}, {"can_trade": False}, {"can_view": False}])
def test_a_key_that_may_do_too_much_or_too_little_is_refused(make: Make, permissions: dict[str, bool]) -> None:
    host = make()
    host.venue.permissions |= permissions
    events = host.begin().take()
    assert [each for each in events if isinstance(each, AuthenticationFailed)]
    assert states(events) == [False]
    assert not [each for each in events if isinstance(each, InstrumentDefined)]
    host.venue.permissions |= {"can_transfer": False, "can_trade": True, "can_view": True}
    host.advance(61 * SECOND)
    assert states(host.take())[-1]


def test_a_key_that_may_withdraw_is_accepted_by_name_only(make: Make) -> None:
    host = make(options=CoinbaseOptions(key_may_withdraw=True))
    host.venue.permissions["can_transfer"] = True
    assert states(host.begin().take()) == [True]


# -- what goes wrong -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/time", "/key_permissions", "/products", "/accounts"])
@pytest.mark.parametrize("answer", [(500, b""), (200, b"{nonsense"), (429, b""), (401, b"Unauthorized")])
def test_start_goes_on_once_the_venue_answers(make: Make, path: str, answer: tuple[int, bytes]) -> None:
    host = make()
    host.venue.rules[path] = lambda params: answer
    host.begin()
    host.advance(3 * SECOND)
    assert True not in states(host.take())
    host.venue.rules.clear()
    host.advance(70 * SECOND)
    assert states(host.take())[-1]


def test_a_product_that_is_not_listed_is_never_traded(make: Make) -> None:
    host = make()
    host.venue.products.clear()
    host.begin()
    host.advance(5 * SECOND)
    assert True not in states(host.take())
    assert host.session.counters["session:rest malformed"] >= 1


def test_a_lost_user_channel_is_down_until_its_accounts_are_read_again(live: Host) -> None:
    live.venue.held.add(("GET", "/accounts"))
    live.cut(USER)
    assert states(live.take()) == [False]
    assert live.session.send_refusal(live.now_ns) is Reason.VENUE_LINK_DOWN
    live.advance(SECOND)
    assert states(live.take()) == []
    end, _, params = live.venue.waiting[0]
    end.reply(live.venue.rest_accounts(params))
    live.run()
    assert states(live.take()) == [True]


def test_a_gap_on_the_user_channel_makes_it_anew(live: Host) -> None:
    live.venue.add_order("o", "x", "BTC-USD", "BUY", SHAPE)
    live.venue.user.sequence += 1
    live.venue.tell("o")
    live.advance(SECOND)
    assert states(live.take()) == [False, True]


def test_a_message_of_the_user_channel_that_is_old_changes_nothing(live: Host) -> None:
    live.venue.add_order("o", "x", "BTC-USD", "BUY", SHAPE)
    live.venue.user.sequence -= 1
    live.venue.tell("o")
    assert live.take() == []


def test_a_snapshot_in_batches_is_complete_with_the_first_that_is_not_full(make: Make) -> None:
    host = make()
    for number in range(100):
        host.venue.add_order(f"o-{number}", f"x-{number}", "BTC-USD", "BUY", SHAPE)
    host.begin()
    assert states(host.take()) == [True]


def test_a_refused_token_is_told_and_tried_again_later(make: Make) -> None:
    host = make()
    host.venue.on_text = lambda end, message: end.send({"type": "error", "message": "authentication failure"})
    host.begin()
    assert [each for each in host.take() if isinstance(each, AuthenticationFailed)]
    del host.venue.on_text
    host.advance(61 * SECOND)
    assert states(host.take())[-1]


def test_a_subscription_that_is_not_answered_is_made_anew(make: Make) -> None:
    host = make()
    host.venue.on_text = lambda end, message: None
    host.begin()
    host.advance(12 * SECOND)
    del host.venue.on_text
    host.advance(10 * SECOND)
    assert states(host.take())[-1]


def test_a_silent_user_channel_is_made_anew(live: Host) -> None:
    live.pulse_at_ns = 0
    live.advance(10 * SECOND)
    live.pulse_at_ns = live.now_ns
    live.advance(2 * SECOND)
    assert states(live.take()) == [False, True]


def test_orders_in_flight_survive_a_lost_user_channel(live: Host) -> None:
    """The order connections stand on their own: the answer comes, and nothing is in doubt that need not be."""
    live.venue.held.add(("POST", "/orders"))
    live.place(live.order())
    live.cut(USER)
    end, _, body = live.venue.waiting[0]
    end.reply(live.venue.rest_orders(body))
    live.run()
    events = live.take()
    assert [type(each) for each in events if isinstance(each, OrderAccepted | OrderOutcomeUnknown)] == [OrderAccepted]


def test_an_end_that_was_missed_is_found_by_asking(live: Host) -> None:
    order = live.order()
    live.place(order)
    order.order_id = "uuid-1"
    live.cut(USER)
    live.venue.orders["uuid-1"]["status"] = "CANCELLED"
    live.advance(SECOND)
    live.take()
    live.session.query_order(order, live.now_ns)
    live.run()
    assert [type(each).__name__ for each in live.take()] == ["OrderCancelled", "OrderSeen"]


# -- life ------------------------------------------------------------------------------------------------------


def test_stop_closes_everything_and_leaves_no_timer(live: Host) -> None:
    live.place(live.order())
    live.session.stop(live.now_ns)
    live.run()
    live.take()
    assert live.up == set()
    assert live.timers == {}
    live.advance(60 * SECOND)
    assert live.take() == []
    assert live.session.counters == {}
    with pytest.raises(UsageError):
        live.session.cancel_all(1, live.now_ns)


def test_what_the_session_refuses_to_begin_with() -> None:
    credentials = Credentials("k", "k0BUni0p0vZG1BdpVjS6ogBJ7kxm630AJ2dN+tuputA=")
    listener: Any = None
    with pytest.raises(UsageError):
        CoinbaseSession("c", [], credentials, LIVE, listener)
    with pytest.raises(UsageError):
        CoinbaseSession("c", [(1, "A-B"), (2, "A-B")], credentials, LIVE, listener)
    with pytest.raises(UsageError):
        CoinbaseSession("c", [(1, "A-B")], Credentials("k", "x"), LIVE, listener)


@pytest.mark.parametrize(
    "changes",
    [
        {"order_connections": 2, "cancel_connections": 2},
        {"token_life_s": 121},
        {"token_age_max_s": 61},
        {"token_stock": -1},
        {"products_per_link": 16},
        {"requests_per_second": 0},
        {"cancel_share_ppm": 1_000_000},
        {"idle_timeout_ns": 0},
        {"retry_first_ns": 10, "retry_max_ns": 9},
    ],
)
def test_options_that_make_no_sense_are_refused(changes: dict[str, int]) -> None:
    with pytest.raises(UsageError, match=next(iter(changes))):
        CoinbaseOptions(**changes)  # type: ignore[arg-type]


def test_there_is_no_dead_man_timer_and_no_order_outlives_its_token_unknown(live: Host) -> None:
    assert live.session.arm_dead_man_timer(SECOND, live.now_ns) is False
    assert live.session.request_validity_ns >= live.session.options.token_life_s * SECOND


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    link=st.sampled_from(["session:rest", "session:fills", "session:orders:0", USER, "session:streams:0"]),
    noise=st.binary(max_size=80),
)
def test_noise_on_any_link_raises_nothing_and_heals(make: Make, link: str, noise: bytes) -> None:
    host = make().begin()
    host.session.query_open_orders(1, host.now_ns)
    host.run()
    host.session.on_link_bytes(link, noise, host.now_ns)
    host.run()
    host.advance(60 * SECOND)
    assert host.session.send_refusal(host.now_ns) is Reason.NONE
