"""Links that break, in every state and in every way, and what a later life of the session finds."""

from adapters.simulator.faults.rules import Disconnect, ExpireKey, HalfOpen, Maintenance, RevokeKey
from adapters.simulator.prng import SplitMix64
from cli.conformance.desk import MS, SECOND, Desk, expect
from cli.conformance.row import Rows
from cli.conformance.stage import Stage
from engine.codes import OrderStatus, Reason, Side, TimeInForce
from engine.order import Order
from engine.venue import AuthenticationFailed, SessionState

__all__ = ["LINKS"]

LINKS = Rows("links")
#: In how many places the way from nothing to live is broken; it has fewer steps at every venue.
_STEPS_MAX = 400
_RANDOM_STEPS = 30
_MINUTE_NS = 60 * SECOND


@LINKS.row("every link lost after each step of the way from nothing to live")
def _starting(stage: Stage) -> None:
    for steps in range(_STEPS_MAX):
        desk = Desk(stage)
        if desk.run(steps) < steps:
            desk.advance(SECOND)
            if desk.is_settled():
                return  # the whole way has been broken everywhere
        desk.cut_all()
        desk.begin()
    expect(False, f"it takes more than {_STEPS_MAX} steps")


@LINKS.row("a link lost in each state of an order: new, in part, on its way, being cancelled, being replaced")
def _states(stage: Stage) -> None:
    for state in range(6):
        for prefix in dict.fromkeys(stage.links):
            desk = Desk(stage).begin()
            order = desk.place(Side.BUY, 1_000, stage.lot)
            desk.advance(SECOND)
            more = _into(desk, order, state)
            for link in [each for each in desk.links if each.startswith(prefix)]:
                desk.cut(link)
            desk.until(lambda desk=desk: desk.is_settled(), "settled")  # type: ignore[misc]
            desk.cancel_all()
            desk.settle()
            for each in (order, *more):
                expect(each.status.is_terminal, f"{each.client_order_id} is {each.status.name} in the end")


def _into(desk: Desk, order: Order, state: int) -> list[Order]:
    """Bring an order into one of its states; the requests of some are still on their way."""
    lot = desk.lot
    if state == 1:
        desk.others(Side.SELL, 1_000, lot // 2, ioc=True)
    elif state == 2:
        return [desk.place(Side.BUY, 999, lot, steps=1)]
    elif state == 3:
        desk.cancel(order, steps=1)
    elif state == 4:
        return [desk.replace(order, 1_001, lot, steps=1)]
    elif state == 5:
        desk.others(Side.SELL, 1_000, lot, ioc=True)
    return []


@LINKS.row("the venue closes every connection")
def _disconnected(stage: Stage) -> None:
    desk = Desk(stage).begin()
    order = desk.place(Side.BUY, 1_000, stage.lot)
    desk.advance(SECOND)
    desk.play(Disconnect())
    desk.advance(SECOND // 10)
    desk.others(Side.SELL, 1_000, stage.lot // 4, ioc=True)
    desk.advance(10 * SECOND)
    desk.begin()
    desk.expect_status(order, OrderStatus.PARTIALLY_FILLED, stage.lot // 4)
    desk.settle()


@LINKS.row("a connection dies without a word: it is noticed and made anew")
def _half_open(stage: Stage) -> None:
    desk = Desk(stage).begin()
    order = desk.place(Side.BUY, 1_000, stage.lot)
    desk.advance(SECOND)
    desk.play(HalfOpen())
    desk.advance(SECOND)
    desk.others(Side.SELL, 1_000, stage.lot // 4, ioc=True)
    desk.until(lambda: any(not each.live for each in desk.told(SessionState)), "noticed", 150 * SECOND)
    desk.begin()
    desk.expect_status(order, OrderStatus.PARTIALLY_FILLED, stage.lot // 4)
    desk.settle()


@LINKS.row("a venue that cannot be reached is not called upon without end")
def _unreachable(stage: Stage) -> None:
    desk = Desk(stage).begin()
    desk.refuses_links = True
    desk.cut_all()
    before = len(desk.opened)
    desk.advance(600 * SECOND)
    links = len({link for link, _ in desk.opened})
    tries = len(desk.opened) - before
    expect(tries <= 40 * links, f"{tries} attempts on {links} links in ten minutes")
    expect(desk.session.send_refusal(desk.now_ns) is Reason.VENUE_LINK_DOWN, "orders could be sent")
    desk.refuses_links = False
    desk.begin()
    desk.settle()


@LINKS.row("connections and tokens run out of age, one after the other, and trading goes on")
def _days(stage: Stage) -> None:
    desk = Desk(stage, link_age_max_ns=10 * _MINUTE_NS).begin()
    for _ in range(2):
        desk.advance(16 * _MINUTE_NS)
        desk.until(desk.is_settled, "settled")
        order = desk.place(Side.BUY, 900, stage.lot)
        desk.advance(SECOND)
        desk.expect_status(order, OrderStatus.NEW)
        desk.cancel(order)
        desk.advance(SECOND)
        desk.expect_status(order, OrderStatus.CANCELLED)
    expect(len(desk.opened) > len({link for link, _ in desk.opened}), "no connection was made anew")
    desk.settle()


@LINKS.row("the key is taken away, with a word and without, and given back")
def _key_gone(stage: Stage) -> None:
    for fault in (RevokeKey(for_ms=20_000), ExpireKey(for_ms=20_000)):
        desk = Desk(stage).begin()
        order = desk.place(Side.BUY, 1_000, stage.lot)
        desk.advance(SECOND)
        desk.play(fault)
        desk.advance(5 * SECOND)
        if desk.session.send_refusal(desk.now_ns) is Reason.NONE:
            refused = desk.place(Side.BUY, 900, stage.lot)
            desk.advance(SECOND)
            expect(refused.status is not OrderStatus.NEW, "an order was taken without a key")
        desk.advance(120 * SECOND)
        desk.begin()
        expect(desk.told(AuthenticationFailed), "nobody was told")
        desk.reconcile()
        desk.expect_status(order, OrderStatus.NEW)
        desk.settle()


@LINKS.row("the venue is closed for maintenance, and opens again")
def _maintenance(stage: Stage) -> None:
    desk = Desk(stage).begin()
    order = desk.place(Side.BUY, 1_000, stage.lot)
    desk.advance(SECOND)
    desk.play(Maintenance(for_ms=20_000))
    desk.advance(30 * SECOND)
    desk.begin()
    desk.expect_status(order, OrderStatus.NEW)
    desk.settle()


@LINKS.row("a later life finds what an earlier one has left, and what happened meanwhile")
def _later(stage: Stage) -> None:
    desk, lot = Desk(stage).begin(), stage.lot
    plain, first = desk.place(Side.BUY, 900, lot), desk.place(Side.BUY, 1_000, 2 * lot)
    desk.advance(SECOND)
    second = desk.replace(first, 1_001, 2 * lot)
    desk.advance(SECOND)
    gone = desk.place(Side.BUY, 1_000, lot)
    desk.advance(SECOND)
    desk.stop()
    desk.others(Side.SELL, 1_001, lot, ioc=True)
    desk.advance(5 * SECOND)
    desk.restart()
    desk.begin()
    desk.expect_status(second, OrderStatus.PARTIALLY_FILLED, lot)
    desk.expect_status(plain, OrderStatus.NEW)
    desk.others(Side.SELL, 1_000, 2 * lot, ioc=True)
    desk.advance(2 * SECOND)
    desk.expect_status(second, OrderStatus.FILLED, 2 * lot)
    desk.expect_status(gone, OrderStatus.FILLED, lot)
    desk.cancel(plain)
    desk.advance(SECOND)
    desk.settle()


@LINKS.row("orders, replaces, cancels and the public at random while links break: the ledgers agree, twice")
def _random(stage: Stage) -> None:
    for seed in range(2):
        chance = SplitMix64(seed)
        desk = Desk(stage).begin()
        for _ in range(_RANDOM_STEPS):
            _step(desk, chance)
            desk.advance((1, 2, 50, 400, 2_000)[chance.below(5)] * MS)
        desk.breaks = ""
        desk.until(desk.is_settled, "settled")
        desk.cancel_all()
        desk.reconcile()
        desk.settle()
        expect(not desk.blotter.open_orders(), f"seed {seed}: still open: {desk.blotter.open_orders()[:2]}")


def _step(desk: Desk, chance: SplitMix64) -> None:
    what = chance.below(100)
    desk.breaks = ("", "", "", "", "", "", "before", "after")[chance.below(8)]
    can_send = desk.session.send_refusal(desk.now_ns) is Reason.NONE
    working = desk.blotter.open_orders()
    any_of_them = working[chance.below(len(working))] if working else None
    lots = (1 + chance.below(4)) * desk.lot
    side = Side.BUY if chance.below(2) else Side.SELL
    away = (-1 if side is Side.BUY else 1) * (chance.below(12) - 2)
    if what < 35 and can_send:
        in_force = (TimeInForce.GTC, TimeInForce.GTC, TimeInForce.IOC, TimeInForce.FOK)[chance.below(4)]
        desk.place(side, 1_000 + away, lots, time_in_force=in_force)
    elif what < 50 and can_send and any_of_them is not None and any_of_them.can_replace:
        desk.replace(any_of_them, any_of_them.price_ticks + chance.below(7) - 3, lots)
    elif what < 60 and can_send and any_of_them is not None and any_of_them.can_cancel:
        desk.cancel(any_of_them)
    elif what < 90:
        desk.others(side, 1_000 + chance.below(17) - 8, lots, ioc=chance.below(10) < 7)
    elif what < 92:
        desk.stop()
        desk.restart()
    elif what < 96:
        desk.cut(list(desk.links)[chance.below(len(desk.links))] if desk.links else "")
