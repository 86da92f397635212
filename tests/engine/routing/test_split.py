from itertools import product

from hypothesis import given, settings
from hypothesis import strategies as st

from engine.instrument import NANOS
from engine.routing.split import Offer, cost_of, least_lots, split, worst_ticks


def offer(sign: int, levels: list[tuple[int, int]], **more: int) -> Offer:
    terms = {"lot_size": 1, "tick_size": 1, "lots_min": 1, "lots_max": 10**9, "fee_nanos": 0} | more
    return Offer(sign=sign, levels=tuple(levels), **terms)


@st.composite
def offers(draw: st.DrawFn) -> list[Offer]:
    """Small books of two or three venues, whose lots divide one another, with all that can differ between venues."""
    sign = draw(st.sampled_from([1, -1]))
    lot_sizes = draw(st.sampled_from([(1,), (1, 2), (1, 3, 6), (2, 4), (1, 5), (1, 2, 6)]))
    found = []
    for _ in range(draw(st.integers(2, 3))):
        prices = draw(st.lists(st.integers(1, 40), unique=True, max_size=3))
        levels = tuple((ticks, draw(st.integers(1, 6))) for ticks in sorted(prices, reverse=sign < 0))
        found.append(
            Offer(
                sign,
                draw(st.sampled_from(lot_sizes)),
                draw(st.sampled_from([1, 2, 10])),
                draw(st.sampled_from([0, 1, 3, 4, 6])),
                draw(st.integers(1, 10)),
                draw(st.sampled_from([0, 1_000_000, -250_000, 6_000_000, 300_000_000])),
                levels,
            )
        )
    return found


def best_of_all(offers: list[Offer], quantity_lots: int, venues_max: int) -> tuple[int, int]:
    """Every way to fill there is: the most that can be had, and the least that it costs."""
    best = (0, 0)
    choices = [[0, *(lots for lots in range(max(each.lots_min, 1), each.depth_lots + 1))] for each in offers]
    for lots in product(*choices):
        filled = sum(each * offer.lot_size for each, offer in zip(lots, offers, strict=True))
        if filled <= quantity_lots and (not venues_max or sum(map(bool, lots)) <= venues_max):
            best = min(best, (-filled, sum(map(_naive_cost, offers, lots))))
    return -best[0], best[1]


def _naive_cost(offer: Offer, lots: int) -> int:
    """Lot by lot, straight from what a fee and a price are."""
    units = [ticks for ticks, count in offer.levels for _ in range(count)][:lots]
    notional = sum(ticks * offer.tick_size * offer.lot_size for ticks in units)
    return offer.sign * notional * NANOS + notional * offer.fee_nanos


@settings(max_examples=500, deadline=None)
@given(offers(), st.integers(0, 12) | st.integers(0, 60), st.sampled_from([0, 0, 1, 2]))
def test_a_split_is_as_good_as_the_best_of_all_ways_there_are(
    offers: list[Offer], quantity_lots: int, venues_max: int
) -> None:
    lots = split(offers, quantity_lots, venues_max)
    for each, there in zip(lots, offers, strict=True):
        assert not each or there.lots_min <= each <= there.depth_lots
    assert not venues_max or sum(map(bool, lots)) <= venues_max
    filled = sum(each * there.lot_size for each, there in zip(lots, offers, strict=True))
    assert (filled, sum(map(cost_of, offers, lots))) == best_of_all(offers, quantity_lots, venues_max)


@given(offers(), st.integers(1, 60))
def test_the_worst_price_is_that_of_the_last_lot(offers: list[Offer], quantity_lots: int) -> None:
    for there, lots in zip(offers, split(offers, quantity_lots), strict=True):
        if lots:
            assert worst_ticks(there, lots) == [ticks for ticks, count in there.levels for _ in range(count)][lots - 1]


def test_the_dearer_venue_is_cheaper_when_its_fee_is_lower() -> None:
    here, there = offer(1, [(1_000, 10)], fee_nanos=6_000_000), offer(1, [(1_003, 10)], fee_nanos=1_000_000)
    assert split([here, there], 5) == (0, 5)
    assert split([here._replace(sign=-1), there._replace(sign=-1)], 5) == (0, 5)


def test_the_earlier_venue_wins_between_equals() -> None:
    assert split([offer(1, [(10, 5)]), offer(1, [(10, 5)])], 5) == (5, 0)


def test_what_no_coarse_lot_fits_comes_from_the_fine_ones_first() -> None:
    """12 in lots of 1 and of 10: the coarse venue is cheaper and gets 10; the other has to give the 2."""
    fine, coarse = offer(1, [(50, 100)]), offer(1, [(40, 9)], lot_size=10)
    assert split([fine, coarse], 12) == (2, 1)


def test_a_venue_gets_nothing_rather_than_less_than_it_takes() -> None:
    near, far = offer(1, [(10, 6)]), offer(1, [(11, 50)], lots_min=5)
    assert split([near, far], 8) == (3, 5)  # not (6, 2): the dear venue takes 5 at least
    assert split([near, far], 6) == (6, 0)


def test_a_book_of_many_levels_is_read_only_as_far_as_the_order_goes() -> None:
    """An order of a million lots over books of a million lots a level is a few steps, not a million."""
    books = [offer(1, [(100 + level, 10**6) for level in range(1_000)], fee_nanos=fee) for fee in (0, 1_000_000)]
    assert split(books, 3 * 10**6) == (2 * 10**6, 10**6)


def test_a_least_notional_is_a_least_quantity() -> None:
    assert least_lots(3, 100, 10) == 10
    assert least_lots(3, 101, 10) == 11
    assert least_lots(30, 101, 10) == 30
    assert least_lots(0, 0, 0) == 1


def test_beyond_its_least_quantity_a_venue_competes_with_what_it_has_left() -> None:
    odd = offer(1, [(5, 2), (50, 2)], lots_min=3)  # would be asked for 2, which it does not take
    near, far = offer(1, [(10, 4), (30, 4)], lots_min=4), offer(1, [(20, 8)], lots_min=4)
    assert split([odd, near, far], 12) == (0, 4, 8)
