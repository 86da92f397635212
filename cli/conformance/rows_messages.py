"""What a venue may say one day: fields that nobody knows are nothing, values that nobody knows are a failure where they
say what became of an order or of money, and nothing anywhere else."""

from collections.abc import Iterator

from cli.conformance.desk import SECOND, Desk, expect
from cli.conformance.row import Rows
from cli.conformance.stage import Stage
from cli.conformance.transit import Extra, Other
from engine.codes import OrderStatus, Side, TimeInForce
from engine.venue import QueryFailed

__all__ = ["MESSAGES"]

MESSAGES = Rows("messages that change")


def _life(desk: Desk) -> None:
    """Everything that an order can meet, both books, a link lost, and everything asked again."""
    lot = desk.lot
    for number in range(5):
        for instrument_id in (1, 2):
            desk.others(Side.BUY, 990 - number, lot, instrument_id=instrument_id)
            desk.others(Side.SELL, 1_010 + number, 2 * lot, instrument_id=instrument_id)
    desk.begin()
    rests = desk.place(Side.BUY, 1_000, 2 * lot)
    desk.others(Side.SELL, 1_000, lot // 2, ioc=True)
    desk.advance(SECOND)
    desk.expect_status(rests, OrderStatus.PARTIALLY_FILLED, lot // 2)
    replaced = desk.replace(rests, 1_001, lot)
    desk.advance(SECOND)
    desk.expect_status(rests, OrderStatus.REPLACED, lot // 2)
    desk.others(Side.SELL, 1_001, lot // 4, ioc=True)
    desk.advance(SECOND)
    desk.cut_all()
    desk.advance(SECOND)
    desk.until(desk.is_settled, "settled")
    desk.cancel(replaced)
    desk.advance(SECOND)
    desk.expect_status(replaced, OrderStatus.CANCELLED, lot // 4)
    takes = desk.place(Side.BUY, 1_010, 2 * lot, time_in_force=TimeInForce.IOC)
    refused = desk.place(Side.BUY, 1_000_000, 2_000 * lot)
    desk.advance(SECOND)
    desk.expect_status(takes, OrderStatus.FILLED, 2 * lot)
    desk.expect_status(refused, OrderStatus.REJECTED)
    desk.place(Side.BUY, 900, lot)
    desk.advance(SECOND)
    desk.reconcile()
    desk.cancel_all()
    desk.settle()


def _expect_books(desk: Desk) -> None:
    for instrument_id, symbol in desk.stage.symbols:

        def is_right(instrument_id: int = instrument_id, symbol: str = symbol) -> bool:
            _, bids, asks = desk.markets[symbol].snapshot(20)
            return desk.books.get(instrument_id, False) and desk.session.book(instrument_id).depth(20) == (bids, asks)

        desk.until(is_right, f"the book of {symbol} is the market", 60 * SECOND)


def _complaints(desk: Desk) -> Iterator[str]:
    """What a session says of a message that it does not understand."""
    yield from (name for name in desk.session.counters if "malformed" in name)
    yield from (str(fields) for _, fields in desk.logged if "not understood" in str(fields))
    yield from (event.text for event in desk.told(QueryFailed))


@MESSAGES.row("fields that nobody knows, in every object of every message: nothing is lost")
def _unknown_fields(stage: Stage) -> None:
    desk = Desk(stage)
    desk.rewrite = extra = Extra(stage.fields.maps)
    _life(desk)
    _expect_books(desk)
    expect(extra.seen > 200, f"only {extra.seen} objects were sent")
    expect(not list(_complaints(desk)), f"complained of: {list(_complaints(desk))[:2]}")


@MESSAGES.row("values that nobody knows in what only describes: nothing is lost")
def _descriptive(stage: Stage) -> None:
    desk = Desk(stage)
    desk.rewrite = other = Other(stage.fields.descriptive)
    _life(desk)
    _expect_books(desk)
    missing = set(stage.fields.descriptive) - set(other.changed)
    expect(not missing, f"nothing was sent that has {sorted(missing)}")
    expect(not list(_complaints(desk)), f"complained of: {list(_complaints(desk))[:2]}")


@MESSAGES.row("a value that nobody knows in what says how an order or its fills stand: told, counted, asked about")
def _strict(stage: Stage) -> None:
    for mark, field in stage.fields.strict:
        desk = Desk(stage).begin()
        desk.rewrite = other = Other(((mark, field),))
        order = desk.place(Side.BUY, 1_000, stage.lot)
        desk.others(Side.SELL, 1_000, stage.lot // 4, ioc=True)
        desk.advance(3 * SECOND)
        desk.cut_all()
        desk.advance(5 * SECOND)
        expect(other.changed, f"{field}: nothing was sent that has it")
        expect(list(_complaints(desk)), f"{field}: a value that nobody knows was taken without a word")
        expect(not order.status.is_terminal, f"{field}: the order that rests is called {order.status.name}")
        expect(order.cum_lots in (0, stage.lot // 4), f"{field}: {order.cum_lots} lots were booked")
        desk.rewrite = None
        desk.until(desk.is_settled, f"settled after a strange {field}", 600 * SECOND)
        desk.advance(5 * SECOND)
        desk.expect_status(order, OrderStatus.PARTIALLY_FILLED, stage.lot // 4)
        desk.settle()
