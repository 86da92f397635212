"""The shadow's book fills what a model fills that goes lot by lot and looks at everything each time."""

from typing import NamedTuple

from hypothesis import given, settings
from hypothesis import strategies as st

from engine.codes import Side
from engine.shadow_book import ShadowBook, ShadowFill, ShadowOrder

Levels = tuple[tuple[int, int], ...]
PRICES = st.integers(95, 105)
LOTS = st.integers(1, 6)


class Resting(NamedTuple):
    name: str
    side: Side
    price: int


class LotByLot:
    """Every lot stands for itself. ``used`` has the price of each one that was taken and is still shown."""

    def __init__(self) -> None:
        self.shown: dict[Side, Levels] = {Side.BUY: (), Side.SELL: ()}
        self.used: dict[Side, list[int]] = {Side.BUY: [], Side.SELL: []}
        self.waiting: list[Resting] = []

    def free(self, side: Side) -> list[int]:
        """The price of each lot that is shown and not taken, best first."""
        lots: list[int] = []
        for price, count in self.shown[side]:
            lots += [price] * (count - self.used[side].count(price))
        return lots

    def take_one(self, side: Side, price: int) -> int:
        """The price at which one lot could be bought or sold, and now is; 0: none."""
        other = Side.SELL if side is Side.BUY else Side.BUY
        for level in self.free(other):
            if price == 0 or (level <= price if side is Side.BUY else level >= price):
                self.used[other].append(level)
                return level
        return 0

    def place(self, name: str, side: Side, lots: int, price: int, rests: bool) -> list[int]:
        got: list[int] = []
        for at in range(lots):
            level = self.take_one(side, price)
            if level:
                got.append(level)
            else:
                if rests and price:
                    self.waiting += [Resting(name, side, price)] * (lots - at)
                break
        return got

    def in_turn(self) -> list[Resting]:
        buys = sorted((lot for lot in self.waiting if lot.side is Side.BUY), key=lambda lot: -lot.price)
        return buys + sorted((lot for lot in self.waiting if lot.side is Side.SELL), key=lambda lot: lot.price)

    def show(self, bids: Levels, asks: Levels) -> list[str]:
        for side, levels in ((Side.BUY, bids), (Side.SELL, asks)):
            before, kept = self.used[side], []
            for price, count in levels:
                kept += [price] * min(count, before.count(price))
            self.shown[side], self.used[side] = levels, kept
        return self.fill([lot for lot in self.in_turn() if self.take_one(lot.side, lot.price)])

    def on_trade(self, price: int, lots: int) -> list[str]:
        beyond = [lot for lot in self.in_turn() if (lot.price > price if lot.side is Side.BUY else lot.price < price)]
        return self.fill(beyond[:lots])

    def fill(self, lots: list[Resting]) -> list[str]:
        for lot in lots:
            self.waiting.remove(lot)
        return [lot.name for lot in lots]


@st.composite
def levels(draw: st.DrawFn) -> tuple[Levels, Levels]:
    """Bids and asks, best first; the stream may cross for an instant."""
    bids = draw(st.dictionaries(PRICES, LOTS, max_size=4))
    asks = draw(st.dictionaries(PRICES, LOTS, max_size=4))
    return tuple(sorted(bids.items(), reverse=True)), tuple(sorted(asks.items()))


STEPS = st.one_of(
    st.tuples(st.just("show"), levels()),
    st.tuples(st.just("trade"), st.tuples(PRICES, LOTS)),
    st.tuples(st.just("place"), st.tuples(st.sampled_from(Side), LOTS, st.one_of(st.just(0), PRICES), st.booleans())),
    st.tuples(st.just("remove"), st.integers(0, 20)),
)


def by_lot(fills: list[ShadowFill]) -> list[str]:
    return [fill.client_order_id for fill in fills for _ in range(fill.last_lots)]


@settings(deadline=None, max_examples=400)
@given(st.lists(STEPS, max_size=40))
def test_it_fills_what_the_model_fills(steps: list[tuple[str, object]]) -> None:
    book, model = ShadowBook(), LotByLot()
    for number, (kind, what) in enumerate(steps):
        if kind == "show":
            bids, asks = what  # type: ignore[misc]
            prices = {lot.name: lot.price for lot in model.waiting}
            fills = book.show(bids, asks)
            assert by_lot(fills) == model.show(bids, asks)
            assert all(fill.last_ticks == prices[fill.client_order_id] and fill.is_maker for fill in fills)
        elif kind == "trade":
            price, lots = what  # type: ignore[misc]
            assert by_lot(book.on_trade(price, lots)) == model.on_trade(price, lots)
        elif kind == "place":
            side, lots, price, rests = what  # type: ignore[misc]
            order = ShadowOrder(str(number), side, lots, price)
            could = book.takeable_lots(order)
            fills = book.take(order)
            if rests and price and order.leaves_lots:
                book.rest(order)
            got = [fill.last_ticks for fill in fills for _ in range(fill.last_lots)]
            assert got == model.place(str(number), side, lots, price, rests)
            assert len(got) == min(lots, could)
        else:
            assert book.remove(str(what)) == any(lot.name == str(what) for lot in model.waiting)
            model.waiting = [lot for lot in model.waiting if lot.name != str(what)]
        assert len(book) == len({lot.name for lot in model.waiting})


def test_what_is_shown_can_be_taken_once() -> None:
    book = ShadowBook()
    book.show([], [(100, 5)])
    assert book.take(ShadowOrder("a", Side.BUY, 4, 100)) == [ShadowFill("a", 4, 100, False)]
    book.show([], [(100, 5)])
    assert book.take(ShadowOrder("b", Side.BUY, 4, 100)) == [ShadowFill("b", 1, 100, False)]
    book.show([], [(100, 7)])
    assert book.take(ShadowOrder("c", Side.BUY, 4, 100)) == [ShadowFill("c", 2, 100, False)]
    book.show([], [(100, 3)])
    book.show([], [(100, 4)])
    assert book.take(ShadowOrder("d", Side.BUY, 4, 100)) == [ShadowFill("d", 1, 100, False)]


def test_a_trade_at_its_own_price_fills_nothing() -> None:
    book = ShadowBook()
    book.rest(ShadowOrder("a", Side.BUY, 4, 100))
    assert book.on_trade(100, 50) == []
    assert book.on_trade(99, 3) == [ShadowFill("a", 3, 100, True)]
    assert book.on_trade(98, 3) == [ShadowFill("a", 1, 100, True)]
    assert len(book) == 0


def test_what_the_market_crosses_is_filled_at_its_own_price() -> None:
    book = ShadowBook()
    book.rest(ShadowOrder("a", Side.SELL, 4, 100))
    assert book.show([(103, 2), (101, 1), (99, 9)], [(104, 1)]) == [ShadowFill("a", 3, 100, True)]


def test_post_only_looks_at_what_is_shown_whether_it_was_taken_or_not() -> None:
    book = ShadowBook()
    book.show([], [(100, 5)])
    book.take(ShadowOrder("a", Side.BUY, 5, 0))
    assert book.takeable_lots(ShadowOrder("b", Side.BUY, 1, 100)) == 0
    assert book.would_take(ShadowOrder("b", Side.BUY, 1, 100))
    assert not book.would_take(ShadowOrder("b", Side.BUY, 1, 99))


def test_a_market_that_nobody_knows_fills_nothing() -> None:
    book = ShadowBook()
    book.show([(99, 5)], [(100, 5)])
    book.hide()
    assert book.take(ShadowOrder("a", Side.BUY, 5, 0)) == []
    assert not book.would_take(ShadowOrder("a", Side.BUY, 5, 100))
