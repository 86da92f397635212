"""Minutes of trading in virtual time: every kind of order, and afterwards both sides' books are the same."""

from trading_desk import MakeDesk, check_all, stranger_places_an_order, strategy

from engine.codes import ExecType, OrderStatus, OrderType, TimeInForce


def test_minutes_of_every_kind_of_order_leave_equal_books(make_desk: MakeDesk) -> None:
    desk = make_desk(strategy("one", "Churner", seed=1), strategy("two", "Churner", seed=2, placement="co-located"))
    desk.run_for(120)
    desk.settle()
    check_all(desk)
    kinds = {report.exec_type for report in desk.told("one")}
    ends = {report.order_status for report in desk.told("one") if report.order_status.is_terminal}
    assert kinds >= {ExecType.NEW, ExecType.TRADE, ExecType.CANCELLED, ExecType.REPLACED, ExecType.EXPIRED}
    assert ends == {status for status in OrderStatus if status.is_terminal}
    assert len(desk.orders_at_venue()) > 3_000


def test_each_kind_of_order_ends_as_it_should(make_desk: MakeDesk) -> None:
    desk = make_desk()
    hand = desk.strategy("hand")
    quote, btc = hand.quote, hand.instrument
    deep, far = quote.bid_ticks - 5_000, quote.ask_ticks + 5_000
    resting = hand.buy(btc, 1_000, deep)
    crossing = hand.buy(btc, 1_000, quote.ask_ticks + 100, post_only=True)
    ioc = hand.buy(btc, 1_000, deep, time_in_force=TimeInForce.IOC)
    fok = hand.sell(btc, 100_000, quote.bid_ticks + 3_000, time_in_force=TimeInForce.FOK)
    market = hand.sell(btc, 1_000, order_type=OrderType.MARKET)
    taken = hand.buy(btc, 1_000, far, time_in_force=TimeInForce.IOC)
    desk.run_for(0.5)
    replacement = hand.replace(resting, 2_000, deep - 100)
    desk.run_for(0.5)
    assert hand.last(resting).exec_type is ExecType.REPLACED
    assert list(hand.open_orders) == [replacement]
    hand.cancel(replacement)
    desk.run_for(0.5)

    def end(order: str) -> tuple[str, str]:
        report = hand.last(order)
        return report.order_status.name, report.refusal.reason.name if report.refusal else ""

    assert end(crossing) == ("REJECTED", "VENUE_POST_ONLY_WOULD_TAKE")
    assert end(ioc) == ("EXPIRED", "VENUE_EXPIRED")
    assert end(fok) == ("EXPIRED", "VENUE_EXPIRED")
    assert end(market) == ("FILLED", "")
    assert end(taken) == ("FILLED", "")
    assert end(replacement) == ("CANCELLED", "")
    assert not hand.open_orders
    assert hand.position_lots(btc) == 0
    check_all(desk)


def test_cancel_all_reaches_an_order_that_is_still_on_its_way(make_desk: MakeDesk) -> None:
    desk = make_desk()
    hand = desk.strategy("hand")
    orders = [hand.buy(hand.instrument, 1_000, hand.quote.bid_ticks - 5_000) for _ in range(3)]
    hand.cancel_all()
    desk.run_for(0.5)
    assert [hand.last(order).exec_type for order in orders] == [ExecType.CANCELLED] * 3
    assert not desk.open_at_venue()


def test_a_cancel_in_the_same_breath_as_its_order(make_desk: MakeDesk) -> None:
    desk = make_desk()
    hand = desk.strategy("hand")
    order = hand.buy(hand.instrument, 1_000, hand.quote.bid_ticks - 5_000)
    hand.cancel(order)
    desk.run_for(0.5)
    assert [report.exec_type for report in hand.of(order)] == [ExecType.NEW, ExecType.CANCELLED]
    check_all(desk)


def test_both_placements_give_the_same_reports(make_desk: MakeDesk) -> None:
    """Co-location changes when things happen, never what: the orders of this script end the same way in both."""

    def script(placement: str) -> list[tuple[str, str, int]]:
        desk = make_desk(strategy("hand", placement=placement))
        hand = desk.strategy("hand")
        quote, btc = hand.quote, hand.instrument
        kept = hand.buy(btc, 1_000, quote.bid_ticks - 8_000)
        desk.run_for(0.2)
        hand.replace(kept, 1_000, quote.bid_ticks - 9_000)
        desk.run_for(0.2)
        hand.sell(btc, 0, 1)
        hand.buy(btc, 1_000, quote.ask_ticks + 1_000, time_in_force=TimeInForce.FOK)
        desk.run_for(0.2)
        hand.cancel_all()
        desk.run_for(0.2)
        check_all(desk)
        return [(r.exec_type.name, r.order_status.name, r.report_seq) for r in desk.told("hand")]

    assert script("own-process") == script("co-located")


def test_depth_is_given_to_who_asked_for_levels(make_desk: MakeDesk) -> None:
    desk = make_desk(strategy("deep", levels=3), strategy("flat"))
    desk.run_for(1)
    depths = desk.strategy("deep").depths
    assert depths
    assert all(len(depth.bids) == len(depth.asks) == 3 for depth in depths)
    assert all(depth.bids[0][0] < depth.asks[0][0] for depth in depths)
    assert not desk.strategy("flat").depths


def test_orders_of_somebody_else_on_the_account_are_counted_and_left_alone(make_desk: MakeDesk) -> None:
    desk = make_desk()
    exchange = desk.simulator.exchange
    hand = desk.strategy("hand")
    ours = hand.buy(hand.instrument, 1_000, hand.quote.bid_ticks - 5_000)
    desk.run_for(0.2)
    stranger_places_an_order(desk, hand.quote.bid_ticks - 6_000)
    desk.run_for(0.2)
    assert desk.counters()["foreign_events"] > 0
    desk.restart("venue.binance")
    desk.run_for(2)
    assert desk.counters()["foreign_orders"] == 1
    assert {record.client_order_id for record in exchange.orders.open_orders("desk", "BTCUSDT")} == {ours, "by-hand"}
