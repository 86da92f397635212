"""What venue actors tell their risk actor: true, at rest and under way."""

import msgspec
from hypothesis import given
from hypothesis import strategies as st
from trading_desk import MS, RISK, SIMULATOR, VENUE, Desk, MakeDesk, strategy

from actors.balance_watch import BalanceDrift
from actors.risk import RiskActor
from engine.messages import VenueTelemetry, decode_message, encode_message


def heard(desk: Desk) -> VenueTelemetry:
    actor = desk.actor(RISK)
    assert isinstance(actor, RiskActor)
    return actor.watch.latest[VENUE]


def test_telemetry_comes_ten_times_a_second_and_survives_the_wire(make_desk: MakeDesk) -> None:
    desk = make_desk(strategy("hand"))
    stamps = set()
    for _ in range(200):
        desk.run_for(0.01)
        stamps.add(heard(desk).sent_ns)
    assert 20 <= len(stamps) <= 21
    assert decode_message(encode_message(heard(desk))) == heard(desk)


def test_it_tells_the_ledger_the_market_and_the_counts(make_desk: MakeDesk) -> None:
    desk = make_desk(strategy("hand"))
    hand = desk.strategy("hand")
    hand.buy(hand.instrument, 1_000, hand.quote.ask_ticks + 500)
    hand.buy(hand.instrument, 1_000, hand.quote.ask_ticks + 1_000, post_only=True)  # the venue will not have it
    order = hand.buy(hand.instrument, 1_000, hand.quote.bid_ticks - 5_000)
    desk.run_for(1)
    hand.cancel(order)
    desk.run_for(0.2)
    told, core = desk.venue.telemetry._telemetry(desk.now_ns), desk.venue.core
    (seen,) = told.instruments
    line, quote, instrument = core.blotter.ledger_line(0), core.quotes[0], hand.instrument
    assert (seen.symbol, seen.quote_asset) == ("BTCUSDT", "USDT")
    assert (seen.position_lots, seen.cost_tick_lots) == (1_000, line.cost_tick_lots)
    assert (seen.bid_ticks, seen.ask_ticks) == (quote.bid_ticks, quote.ask_ticks)
    assert 0 <= seen.quote_age_ns < 1_000 * MS
    paid_in_btc = line.fee_nanos["BTC"]
    middle = (quote.bid_ticks + quote.ask_ticks) * instrument.tick_units
    assert seen.fees_nanos == paid_in_btc * middle // (2 * 10**instrument.price_scale) > 0
    assert (told.rejects, told.fills, told.authentication_failures, told.book_gaps) == (1, line.fills, 0, 0)
    assert (told.answer_wait_ns, told.loop_lag_ns, seen.drift_nanos) == (0, 0, 0)
    assert told.config_hash == core.settings.config_hash


def test_a_request_without_an_answer_is_told_for_as_long_as_it_waits(make_desk: MakeDesk) -> None:
    desk = make_desk(strategy("hand"))
    hand = desk.strategy("hand")
    desk.storm.cut(VENUE, SIMULATOR)
    hand.buy(hand.instrument, 1_000, hand.quote.bid_ticks - 5_000)
    waits = []
    for _ in range(4):
        desk.run_for(0.5)
        waits.append(heard(desk).answer_wait_ns // MS)
    assert [300 < wait <= 500 * (at + 1) for at, wait in enumerate(waits)] == [True] * 4
    assert waits == sorted(waits)
    assert waits[-1] > 1_500  # in doubt by now, and still waited for
    desk.storm.clear()
    desk.run_for(40)
    assert heard(desk).answer_wait_ns == 0


def test_a_pause_is_told_as_loop_lag_and_a_lost_stream_as_a_gap(make_desk: MakeDesk) -> None:
    desk = make_desk(strategy("hand"))
    desk.runtime.pause(VENUE, 300 * MS)
    lags = []
    for _ in range(50):
        desk.run_for(0.01)
        lags.append(heard(desk).loop_lag_ns)
    assert 150 * MS < max(lags) < 350 * MS
    assert lags[-1] == 0
    desk.runtime.actor(VENUE).close_link("session:streams")
    desk.run_for(2)
    assert heard(desk).book_gaps == 1


def test_before_the_venue_is_ready_no_quote_is_due(make_desk: MakeDesk) -> None:
    desk = make_desk(strategy("hand"))
    desk.storm.cut(VENUE, SIMULATOR)
    desk.restart(VENUE)
    desk.run_for(3)
    (seen,) = heard(desk).instruments  # known from the journal
    assert seen.quote_age_ns == -1


def test_what_the_venue_held_before_our_first_fill_is_said_and_after_a_restart_too(make_desk: MakeDesk) -> None:
    desk = make_desk(strategy("hand"))
    hand = desk.strategy("hand")
    assert "balance:BTC" in desk.venue.status().details
    hand.buy(hand.instrument, 1_000, hand.quote.ask_ticks + 500)
    desk.run_for(2)
    text = desk.venue.status().details["balance:BTC"]
    assert text.startswith("20 BTC at the venue are not of our fills: positions and limits count from zero")
    assert len(desk.logged("BALANCE DIFFERS FROM POSITIONS")) == 1
    desk.restart(VENUE)
    desk.run_for(5)
    assert desk.venue.status().details["balance:BTC"] == text


def test_what_moves_without_a_push_is_found_by_asking(make_desk: MakeDesk) -> None:
    desk = make_desk(strategy("hand"))
    core = desk.venue.core
    core.settings = msgspec.structs.replace(core.settings, balance_query_ns=5_000 * MS)
    desk.run_for(2)
    desk.simulator.exchange.accounts["desk"].balance("BTC").free_nanos -= 10**6
    desk.run_for(1)
    assert heard(desk).instruments[0].drift_nanos == 0
    desk.run_for(3)
    assert heard(desk).instruments[0].drift_nanos == -(10**6)


# -- drift --------------------------------------------------------------------------------------------------------

MOVES = st.lists(st.tuples(st.integers(-1_000, 1_000), st.integers(1, 3)), max_size=30)


@given(start=st.integers(-(10**12), 10**12), ours=st.integers(-(10**12), 10**12), moves=MOVES)
def test_our_own_fills_are_no_drift_however_late_the_balance_comes(
    start: int, ours: int, moves: list[tuple[int, int]]
) -> None:
    drift = BalanceDrift()
    for _ in range(10):
        drift.update({"BTC": start + ours}, {"BTC": ours})
    for moved, late_sweeps in moves:
        ours += moved
        for _ in range(late_sweeps):
            drift.update({"BTC": start + ours - moved}, {"BTC": ours})
            assert drift.nanos("BTC") == -moved
        drift.update({"BTC": start + ours}, {"BTC": ours})
        assert drift.nanos("BTC") == 0


@given(stolen=st.integers(-(10**12), 10**12))
def test_what_our_fills_do_not_explain_is_drift(stolen: int) -> None:
    drift = BalanceDrift()
    for _ in range(10):
        drift.update({"BTC": 500}, {"BTC": 100})
    drift.update({"BTC": 500 - stolen, "ETH": 3}, {"BTC": 100})
    assert drift.nanos("BTC") == -stolen
    assert drift.nanos("ETH") == 0


def test_a_difference_that_still_moves_is_not_taken_for_agreement() -> None:
    drift = BalanceDrift()
    for sweep in range(9):
        drift.update({"BTC": 700 if sweep % 4 else 600}, {"BTC": 100})
    for _ in range(10):
        drift.update({"BTC": 500}, {"BTC": 100})
    assert drift.nanos("BTC") == 0
    drift.update({"BTC": 501}, {"BTC": 100})
    assert drift.nanos("BTC") == 1
