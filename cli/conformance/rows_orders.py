"""The life of an order, and every way to be refused."""

from cli.conformance.desk import SECOND, Desk, expect
from cli.conformance.row import Rows
from cli.conformance.row_names import DEAD_MAN
from cli.conformance.stage import Stage
from engine.codes import OrderStatus, OrderType, Reason, Side, TimeInForce
from engine.order import Approved
from engine.venue import CancelAllAnswered

__all__ = ["LIFE", "REJECTS"]

LIFE = Rows("the life of an order")
REJECTS = Rows("rejects")


# -- life ------------------------------------------------------------------------------------------------------------


@LIFE.row("a limit order rests, is filled in part, then whole; its fees are the venue's")
def _filled(stage: Stage) -> None:
    desk = Desk(stage).begin()
    order = desk.place(Side.BUY, 1_000, stage.lot)
    desk.advance(SECOND)
    desk.expect_status(order, OrderStatus.NEW)
    desk.others(Side.SELL, 1_000, stage.lot // 4, ioc=True)
    desk.advance(SECOND)
    desk.expect_status(order, OrderStatus.PARTIALLY_FILLED, stage.lot // 4)
    desk.others(Side.SELL, 1_000, stage.lot, ioc=True)
    desk.advance(SECOND)
    desk.expect_status(order, OrderStatus.FILLED, stage.lot)
    fills = [each.fill for each in desk.reports if each.fill is not None]
    expect(all(fill.is_maker for fill in fills), "the fills of a resting order are told as taker's")
    expect(all(fill.fee_nanos for fill in fills), "a fill is told without its fee")
    desk.settle()


@LIFE.row("an order that takes at once is filled at the prices of the book")
def _taker(stage: Stage) -> None:
    desk = Desk(stage).begin()
    for price_ticks in (1_000, 1_001, 1_002):
        desk.others(Side.SELL, price_ticks, stage.lot // 2)
    order = desk.place(Side.BUY, 1_001, 2 * stage.lot)
    desk.advance(SECOND)
    desk.expect_status(order, OrderStatus.PARTIALLY_FILLED, stage.lot)
    fills = [each.fill for each in desk.reports if each.fill is not None]
    expect([fill.last_ticks for fill in fills] == [1_000, 1_001], f"executed at {[f.last_ticks for f in fills]}")
    expect(not any(fill.is_maker for fill in fills), "the fills of a taker are told as a maker's")
    desk.settle()


@LIFE.row("a market order")
def _market(stage: Stage) -> None:
    desk = Desk(stage).begin()
    desk.others(Side.SELL, 1_000, 2 * stage.lot)
    desk.others(Side.BUY, 990, 2 * stage.lot)
    desk.advance(SECOND)
    for side in (Side.BUY, Side.SELL):
        order = desk.place(side, 0, stage.lot, OrderType.MARKET, TimeInForce.IOC)
        desk.advance(SECOND)
        desk.expect_status(order, OrderStatus.FILLED, stage.lot)
    desk.settle()


@LIFE.row("immediate-or-cancel: what is not executed at once expires")
def _ioc(stage: Stage) -> None:
    desk = Desk(stage).begin()
    desk.others(Side.SELL, 1_000, stage.lot)
    order = desk.place(Side.BUY, 1_000, 3 * stage.lot, time_in_force=TimeInForce.IOC)
    desk.advance(SECOND)
    desk.expect_status(order, OrderStatus.EXPIRED, stage.lot)
    desk.settle()


@LIFE.row("fill-or-kill: whole or not at all")
def _fok(stage: Stage) -> None:
    desk = Desk(stage).begin()
    desk.others(Side.SELL, 1_000, stage.lot)
    too_much = desk.place(Side.BUY, 1_000, 3 * stage.lot, time_in_force=TimeInForce.FOK)
    desk.advance(SECOND)
    expect(too_much.status.is_terminal and not too_much.cum_lots, f"it is {too_much.status.name}")
    whole = desk.place(Side.BUY, 1_000, stage.lot, time_in_force=TimeInForce.FOK)
    desk.advance(SECOND)
    desk.expect_status(whole, OrderStatus.FILLED, stage.lot)
    desk.settle()


@LIFE.row("a cancel, of an order that rests and of one that is filled in part")
def _cancelled(stage: Stage) -> None:
    desk = Desk(stage).begin()
    fresh, begun = desk.place(Side.BUY, 1_000, stage.lot), desk.place(Side.BUY, 1_001, stage.lot)
    desk.others(Side.SELL, 1_001, stage.lot // 4, ioc=True)
    desk.advance(SECOND)
    for order, done in ((fresh, 0), (begun, stage.lot // 4)):
        desk.cancel(order)
        desk.advance(SECOND)
        desk.expect_status(order, OrderStatus.CANCELLED, done)
    desk.settle()


@LIFE.row("replaces, one after the other, with fills in between")
def _replaced(stage: Stage) -> None:
    desk, lot = Desk(stage).begin(), stage.lot
    first = desk.place(Side.BUY, 1_000, 2 * lot)
    desk.others(Side.SELL, 1_000, lot // 2, ioc=True)
    desk.advance(SECOND)
    second = desk.replace(first, 1_001, lot)
    desk.advance(SECOND)
    desk.expect_status(first, OrderStatus.REPLACED, lot // 2)
    desk.expect_status(second, OrderStatus.NEW)
    desk.others(Side.SELL, 1_001, lot // 4, ioc=True)
    desk.advance(SECOND)
    third = desk.replace(second, 1_002, lot // 2)
    desk.advance(SECOND)
    desk.expect_status(second, OrderStatus.REPLACED, lot // 4)
    desk.others(Side.SELL, 1_002, lot, ioc=True)
    desk.advance(SECOND)
    desk.expect_status(third, OrderStatus.FILLED, lot // 2)
    desk.settle()


@LIFE.row("cancel-all ends everything of one instrument, and nothing of another")
def _cancel_all(stage: Stage) -> None:
    desk = Desk(stage).begin()
    orders = [desk.place(Side.BUY, 900 + number, stage.lot) for number in range(12)]
    other = desk.place(Side.BUY, 900, stage.lot, instrument_id=2)
    desk.advance(SECOND)
    desk.session.cancel_all(1, desk.now_ns)
    desk.advance(3 * SECOND)
    expect(CancelAllAnswered(1, "") in desk.told(CancelAllAnswered), "it was not answered")
    for order in orders:
        desk.expect_status(order, OrderStatus.CANCELLED)
    desk.expect_status(other, OrderStatus.NEW)
    desk.settle()


@LIFE.row("cancel-all with nothing open is answered as done")
def _cancel_none(stage: Stage) -> None:
    desk = Desk(stage).begin()
    desk.session.cancel_all(1, desk.now_ns)
    desk.advance(3 * SECOND)
    answers = desk.told(CancelAllAnswered)
    expect(answers and not answers[-1].failure, f"it was answered with {answers}")


@LIFE.row("cancel-all while the order link is down")
def _cancel_all_down(stage: Stage) -> None:
    desk = Desk(stage).begin()
    orders = [desk.place(Side.BUY, 900 + number, stage.lot) for number in range(5)]
    desk.advance(SECOND)
    for link in [each for each in desk.links if each.startswith((stage.links.orders, stage.links.news))]:
        desk.cut(link)
    desk.run(4)
    desk.cancel_all()
    desk.settle()
    for order in orders:
        desk.expect_status(order, OrderStatus.CANCELLED)


@LIFE.row(DEAD_MAN)
def _dead_man(stage: Stage) -> None:
    desk = Desk(stage).begin()
    order = desk.place(Side.BUY, 900, stage.lot)
    has_one = desk.session.arm_dead_man_timer(10 * SECOND, desk.now_ns)
    expect(has_one, "the session says that the venue has none")
    for _ in range(3):
        desk.session.arm_dead_man_timer(10 * SECOND, desk.now_ns)
        desk.advance(5 * SECOND)
        desk.expect_status(order, OrderStatus.NEW)
    desk.advance(10 * SECOND)
    desk.expect_status(order, OrderStatus.CANCELLED)
    desk.settle()


# -- rejects ---------------------------------------------------------------------------------------------------------


def _rejected(desk: Desk, what: str, words: tuple[str, ...], side: Side, price_ticks: int, lots: int) -> None:
    """Refused by the venue, in words of its own that say why."""
    order = desk.place(side, price_ticks, lots)
    desk.advance(SECOND)
    expect(order.status is OrderStatus.REJECTED, f"{what}: it is {order.status.name}")
    refusals = [each.refusal for each in desk.reports if each.client_order_id == order.client_order_id and each.refusal]
    text = refusals[-1].text if refusals else ""
    expect(any(word in text.lower() for word in words), f"{what}: the text is {text!r}")
    expect(not desk.truth().fills and not desk.truth().open_orders, f"{what}: the venue has taken it")


@REJECTS.row("no funds")
def _funds(stage: Stage) -> None:
    desk = Desk(stage).begin()
    _rejected(desk, "a buy beyond the cash", ("insufficient",), Side.BUY, 1_000_000, 2_000 * stage.lot)
    desk.settle()


@REJECTS.row("too little, and too little worth")
def _small(stage: Stage) -> None:
    desk = Desk(stage).begin()
    _rejected(desk, "one lot", ("minimum", "notional", "lot_size", "too_small", "too small"), Side.BUY, 1_000, 1)
    desk.settle()


@REJECTS.row("post-only, and it would have taken")
def _post_only(stage: Stage) -> None:
    desk = Desk(stage).begin()
    desk.others(Side.SELL, 1_000, stage.lot)
    order = desk.place(Side.BUY, 1_000, stage.lot, post_only=True)
    desk.advance(SECOND)
    expect(order.status.is_terminal and not order.cum_lots, f"it is {order.status.name}")
    reason = desk.reason(order)
    expect(reason is Reason.VENUE_POST_ONLY_WOULD_TAKE, f"the reason is {reason.name}")
    rests = desk.place(Side.BUY, 999, stage.lot, post_only=True)
    desk.advance(SECOND)
    desk.expect_status(rests, OrderStatus.NEW)
    desk.settle()


@REJECTS.row("the same client order id again while it is open: no second order")
def _twice(stage: Stage) -> None:
    desk = Desk(stage).begin()
    order = desk.place(Side.BUY, 900, stage.lot, name="maker-19729ab3c4d-7")
    desk.advance(SECOND)
    frame = desk.session.encode_new(Approved(order), desk.now_ns)
    desk.session.transmit(frame, desk.now_ns)
    desk.advance(5 * SECOND)
    expect(desk.truth().open_orders == 1, f"{desk.truth().open_orders} orders are open at the venue")
    expect(not order.status.is_terminal, f"the order that stands is called {order.status.name}")
    desk.settle()


@REJECTS.row("a cancel of an order that is gone")
def _cancel_gone(stage: Stage) -> None:
    desk = Desk(stage).begin()
    order = desk.place(Side.BUY, 1_000, stage.lot)
    desk.advance(SECOND)
    frame = desk.session.encode_cancel(order, desk.now_ns)
    desk.others(Side.SELL, 1_000, stage.lot, ioc=True)
    desk.session.transmit(frame, desk.now_ns)
    desk.advance(5 * SECOND)
    desk.expect_status(order, OrderStatus.FILLED, stage.lot)
    desk.settle()


@REJECTS.row("a replace of an order that is gone")
def _replace_gone(stage: Stage) -> None:
    desk = Desk(stage).begin()
    order = desk.place(Side.BUY, 1_000, stage.lot)
    desk.advance(SECOND)
    desk.others(Side.SELL, 1_000, stage.lot, ioc=True)
    replacement = desk.replace(order, 1_001, stage.lot)
    desk.until(desk.is_settled, "settled")
    desk.advance(10 * SECOND)
    desk.expect_status(order, OrderStatus.FILLED, stage.lot)
    desk.expect_status(replacement, OrderStatus.REJECTED)
    desk.settle()


@REJECTS.row("a replace that the venue refuses leaves the original as it is")
def _replace_refused(stage: Stage) -> None:
    desk = Desk(stage).begin()
    order = desk.place(Side.BUY, 1_000, stage.lot)
    desk.advance(SECOND)
    replacement = desk.replace(order, 1_000_000, 2_000 * stage.lot)
    desk.until(desk.is_settled, "settled")
    desk.advance(5 * SECOND)
    desk.expect_status(replacement, OrderStatus.REJECTED)
    expect(order.status in (OrderStatus.NEW, OrderStatus.CANCELLED), f"the original is {order.status.name}")
    desk.settle()


@REJECTS.row("an order at a venue that is closed: refused, and open again")
def _closed(stage: Stage) -> None:
    desk = Desk(stage).begin()
    stage.set_trading(desk.venue, False, desk.now_ns)
    desk.advance(SECOND)
    if desk.session.send_refusal(desk.now_ns) is Reason.NONE:
        order = desk.place(Side.BUY, 900, stage.lot)
        desk.advance(SECOND)
        desk.expect_status(order, OrderStatus.REJECTED)
    stage.set_trading(desk.venue, True, desk.now_ns)
    desk.advance(SECOND)
    order = desk.place(Side.BUY, 900, stage.lot)
    desk.advance(SECOND)
    desk.expect_status(order, OrderStatus.NEW)
    desk.settle()
