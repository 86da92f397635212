"""Books that are right or say that they are not, and limits that are never hit."""

from adapters.simulator.faults.rules import BadChecksum, Ban, Duplicate, Gap, Refuse, Reorder
from cli.conformance.desk import SECOND, Desk, expect
from cli.conformance.row import Rows
from cli.conformance.stage import Stage
from engine.codes import OrderStatus, Reason, Side
from engine.messages import Quote, Trade
from engine.venue import BookChanged, RateLimited

__all__ = ["BOOKS", "LIMITS"]

BOOKS = Rows("books")
LIMITS = Rows("limits")


def _market(desk: Desk) -> None:
    for number in range(5):
        for instrument_id in (1, 2):
            desk.others(Side.BUY, 990 - number, desk.lot, instrument_id=instrument_id)
            desk.others(Side.SELL, 1_010 + number, 2 * desk.lot, instrument_id=instrument_id)


def _expect_right(desk: Desk) -> None:
    """Both books become what the markets are."""
    for instrument_id, symbol in desk.stage.symbols:

        def is_right(instrument_id: int = instrument_id, symbol: str = symbol) -> bool:
            _, bids, asks = desk.markets[symbol].snapshot(20)
            shown = desk.session.book(instrument_id).depth(20)
            return desk.books.get(instrument_id, False) and shown == (bids, asks)

        desk.until(is_right, f"the book of {symbol} is the market", 60 * SECOND)


@BOOKS.row("a book follows its market, level by level; trades are told")
def _follows(stage: Stage) -> None:
    desk = Desk(stage)
    _market(desk)
    desk.begin()
    _expect_right(desk)
    for number in range(20):
        desk.others(Side.BUY, 991 + number % 3, stage.lot + number)
        desk.others(Side.SELL, 991, stage.lot // 2, ioc=True)
        desk.advance(SECOND // 10)
    desk.advance(SECOND)
    _expect_right(desk)
    expect(len(desk.told(Trade)) >= 15, f"{len(desk.told(Trade))} trades were told")
    expect(desk.told(Quote), "no best bid and offer was told")
    expect(all(each.valid for each in desk.told(BookChanged)[2:]), "a book was given up for nothing")


def _upset(stage: Stage, desk: Desk, spares_the_other: bool) -> None:
    """After something has gone wrong on one book: it says so, it becomes right again, and the other goes on."""
    before = len(desk.events)
    for number in range(6):
        desk.others(Side.BUY, 991 + number, stage.lot)
        desk.advance(SECOND)
    given_up = [each for each in desk.events[before:] if isinstance(each, BookChanged) and not each.valid]
    expect(any(each.instrument_id == 1 for each in given_up), "the book did not say that it is wrong")
    if spares_the_other:
        expect(all(each.instrument_id == 1 for each in given_up), "the other book was given up as well")
    desk.venue.faults.clear()
    _expect_right(desk)
    desk.settle()


@BOOKS.row("what proves a book wrong, its checksum or its sequence: quarantined alone, synchronised, counted")
def _checksum(stage: Stage) -> None:
    desk = Desk(stage)
    _market(desk)
    desk.begin()
    desk.play(BadChecksum(times=1))
    _upset(stage, desk, spares_the_other=stage.quarantines_alone)
    expect(any("book" in name for name in desk.session.counters), "nothing was counted")


@BOOKS.row("messages of a book are lost: seen, synchronised, right again")
def _gap(stage: Stage) -> None:
    desk = Desk(stage)
    _market(desk)
    desk.begin()
    desk.play(Gap(message="book", lost=2, times=1))
    _upset(stage, desk, spares_the_other=stage.quarantines_alone)


@BOOKS.row("messages of books come twice or overtake each other")
def _twice(stage: Stage) -> None:
    for fault in (Duplicate(message="book", every=3), Reorder(message="book", every=3)):
        desk = Desk(stage)
        _market(desk)
        desk.begin()
        desk.play(fault)
        for number in range(12):
            desk.others(Side.BUY, 991 + number % 5, stage.lot)
            desk.advance(SECOND // 2)
        desk.venue.faults.clear()
        desk.others(Side.BUY, 992, stage.lot)
        desk.advance(SECOND)
        _expect_right(desk)


@BOOKS.row("market data is lost: no book is taken for valid, orders go on")
def _streams(stage: Stage) -> None:
    desk = Desk(stage)
    _market(desk)
    desk.begin()
    for link in [each for each in desk.links if each.startswith(stage.links.streams)]:
        desk.cut(link)
    desk.run(2)
    expect(not desk.books[1] and not desk.books[2], "a book is taken for valid without its link")
    order = desk.place(Side.BUY, 900, stage.lot)
    desk.advance(SECOND)
    desk.expect_status(order, OrderStatus.NEW)
    _expect_right(desk)
    desk.settle()


# -- limits ------------------------------------------------------------------------------------------------------------


@LIMITS.row("orders as fast as they are let: the venue never has to refuse one for the limit")
def _never_hit(stage: Stage) -> None:
    desk = Desk(stage).begin()
    sent = 0
    for _ in range(400):
        if desk.session.send_refusal(desk.now_ns) is Reason.NONE:
            desk.place(Side.BUY, 900, stage.lot)
            sent += 1
        desk.advance(SECOND // 100)
    expect(sent >= 20, f"only {sent} orders were let through")
    told = [each.text for each in desk.told(RateLimited)]
    expect(not told, f"the venue asked for silence: {told[:1]}")
    over = [each for each in desk.submitted if desk.blotter.orders[each].status is OrderStatus.REJECTED]
    kept = [each for each in over if desk.reason(desk.blotter.orders[each]) is not Reason.VENUE_RATE_LIMIT]
    expect(not kept, f"{len(kept)} orders were refused for something else")
    desk.cancel_all()
    desk.settle()


@LIMITS.row("with the limit used up by orders, cancels still leave at once: their share is kept")
def _share(stage: Stage) -> None:
    desk = Desk(stage).begin()
    first = desk.place(Side.BUY, 900, stage.lot)
    for _ in range(300):
        if desk.session.send_refusal(desk.now_ns) is not Reason.NONE:
            break
        order = desk.place(Side.BUY, 900, stage.lot)
        if order.status is OrderStatus.REJECTED:
            break
    desk.cancel(first)
    desk.advance(SECOND // 2)
    desk.expect_status(first, OrderStatus.CANCELLED)
    desk.session.cancel_all(1, desk.now_ns)
    desk.advance(2 * SECOND)
    expect(not desk.truth().open_orders, f"{desk.truth().open_orders} orders are left after cancel-all")
    desk.settle()


@LIMITS.row("the venue asks for silence (429): no new order until it is over, then they pass")
def _silence(stage: Stage) -> None:
    desk = Desk(stage).begin()
    desk.play(Refuse(message="order", why="rate_limit", times=1))
    order = desk.place(Side.BUY, 900, stage.lot)
    desk.advance(SECOND // 10)
    desk.expect_status(order, OrderStatus.REJECTED)
    expect(desk.reason(order) is Reason.VENUE_RATE_LIMIT, f"the reason is {desk.reason(order).name}")
    expect(desk.told(RateLimited), "the silence was not told")
    until_ns = desk.told(RateLimited)[-1].until_ns
    if until_ns > desk.now_ns:
        expect(desk.session.send_refusal(desk.now_ns) is Reason.VENUE_RATE_LIMIT, "orders could be sent meanwhile")
    desk.advance(max(0, until_ns - desk.now_ns) + 2 * SECOND)
    desk.until(desk.is_settled, "settled")
    order = desk.place(Side.BUY, 900, stage.lot)
    desk.advance(SECOND)
    desk.expect_status(order, OrderStatus.NEW)
    desk.settle()


@LIMITS.row("banned (418 and its kind): hardly a request until it is over, then everything as before")
def _banned(stage: Stage) -> None:
    desk = Desk(stage).begin()
    order = desk.place(Side.BUY, 1_000, stage.lot)
    desk.advance(SECOND)
    arrived = desk.venue.faults.arrived
    desk.play(Ban(for_ms=60_000))
    before = arrived.total()
    desk.advance(60 * SECOND)
    asked = arrived.total() - before
    expect(asked <= 120, f"{asked} requests in a minute's ban")
    desk.advance(120 * SECOND)
    desk.begin()
    desk.reconcile()
    desk.expect_status(order, OrderStatus.NEW)
    desk.settle()
