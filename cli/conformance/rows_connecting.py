"""Connecting: from nothing to live, and the keys and clocks that may stand in the way."""

from cli.conformance.desk import MS, SECOND, Desk, expect
from cli.conformance.row import Rows
from cli.conformance.stage import Key, Stage
from engine.codes import Reason, Side
from engine.venue import AuthenticationFailed, Balance, ClockOffset, FeeRates, InstrumentDefined, SessionState

__all__ = ["CONNECTING"]

CONNECTING = Rows("connecting")
#: How often a venue that refuses a key may be asked in ten minutes, over all links.
_ASKED_MAX = 60


@CONNECTING.row("from nothing to live: instruments, balances, a book that is the market")
def _live(stage: Stage) -> None:
    desk = Desk(stage)
    desk.others(Side.BUY, 990, stage.lot)
    desk.others(Side.SELL, 1_010, 2 * stage.lot)
    desk.begin()
    defined = {each.instrument.instrument_id: each.instrument for each in desk.told(InstrumentDefined)}
    for instrument_id, symbol in stage.symbols:
        listed, told = stage.instrument(instrument_id, symbol), defined.get(instrument_id)
        expect(told is not None, f"{symbol} was not defined")
        for field in ("symbol", "base_asset", "quote_asset", "tick_units", "lot_units", "quantity_lots_min"):
            found, wanted = getattr(told, field), getattr(listed, field)
            expect(found == wanted, f"{symbol}: {field} is {found}, the venue lists {wanted}")
    held = {each.asset: each.free_nanos + each.locked_nanos for each in desk.told(Balance)}
    for asset, nanos in desk.truth().held_nanos.items():
        expect(held.get(asset) == nanos, f"balance of {asset} is told as {held.get(asset)}, the venue has {nanos}")
    expect(desk.session.send_refusal(desk.now_ns) is Reason.NONE, "no order could be sent")
    best = desk.session.book(1).best()
    expect(best == (990, stage.lot, 1_010, 2 * stage.lot), f"the book shows {best}")


@CONNECTING.row("the fees of the account are told")
def _fees(stage: Stage) -> None:
    desk = Desk(stage).begin()
    desk.advance(SECOND)
    told = {each.instrument_id: (each.maker_nanos, each.taker_nanos) for each in desk.told(FeeRates)}
    expect(told.get(1) == stage.fee_nanos, f"fees are told as {told.get(1)}, the account pays {stage.fee_nanos}")


@CONNECTING.row("a wrong secret is told and never live; the venue is not asked without end")
def _forged(stage: Stage) -> None:
    _refused(stage, Key.FORGED)


@CONNECTING.row("a key that the venue does not know is told and never live")
def _unknown(stage: Stage) -> None:
    _refused(stage, Key.UNKNOWN)


def _refused(stage: Stage, key: Key) -> None:
    desk = Desk(stage, key)
    desk.advance(600 * SECOND)
    expect(desk.told(AuthenticationFailed), "no AuthenticationFailed was told")
    expect(not any(each.live for each in desk.told(SessionState)), "the session went live")
    expect(desk.session.send_refusal(desk.now_ns) is Reason.VENUE_LINK_DOWN, "orders could be sent")
    asked = len(desk.told(AuthenticationFailed))
    expect(asked <= _ASKED_MAX, f"the venue refused the key {asked} times in ten minutes")


@CONNECTING.row("a key that may withdraw is refused, unless it is allowed by name")
def _withdraw(stage: Stage) -> None:
    desk = Desk(stage, Key.WITHDRAW)
    desk.advance(60 * SECOND)
    expect(any("withdraw" in each.text for each in desk.told(AuthenticationFailed)), "the key was not refused")
    expect(not any(each.live for each in desk.told(SessionState)), "the session went live")
    Desk(stage, Key.WITHDRAW, key_may_withdraw=True).begin()


@CONNECTING.row("the clock: ours is ten minutes wrong, and orders pass")
def _clock(stage: Stage) -> None:
    for error_ns in (600 * SECOND, -600 * SECOND):
        desk = Desk(stage, clock_error_ns=error_ns).begin()
        offsets = [each.offset_ns for each in desk.told(ClockOffset)]
        expect(bool(offsets), "no ClockOffset was told")
        expect(abs(offsets[-1] - error_ns) < 700 * MS, f"the offset is told as {offsets[-1]}, it is {error_ns}")
        order = desk.place(Side.BUY, 900, stage.lot)
        desk.advance(SECOND)
        expect(order.order_id, f"the order is {order.status.name}: {desk.reason(order).name}")
        desk.settle()


@CONNECTING.row("the clock: ours steps by an hour while live, and it is seen and corrected")
def _clock_steps(stage: Stage) -> None:
    desk = Desk(stage).begin()
    desk.clock_error_ns = 3_600 * SECOND
    desk.advance(180 * SECOND)
    offset_ns = desk.told(ClockOffset)[-1].offset_ns
    expect(abs(offset_ns - 3_600 * SECOND) < 700 * MS, f"after three minutes the offset is told as {offset_ns}")
    desk.until(desk.is_settled, "live again")
    desk.place(Side.BUY, 900, stage.lot)
    desk.settle()
    expect(desk.truth().open_orders == 1, "the order did not get through")
