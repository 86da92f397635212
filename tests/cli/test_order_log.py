"""The venue's own record against what the engine has said of its kills."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.simulator.accounts import Accounts
from adapters.simulator.binance.call import Call
from adapters.simulator.binance.orders import microseconds
from adapters.simulator.binance.parameters import Parameters
from adapters.simulator.binance.settings import SimAccount
from cli.order_log import Acknowledged, OrderLog, Verdict, judge, read_order_log
from engine.errors import UsageError


def kill(halted_ns: int, released_ns: int, **sent: int) -> Acknowledged:
    return Acknowledged(halted_ns, released_ns, {int(name[1:]): count for name, count in sent.items()})


def test_what_was_on_its_way_at_the_acknowledgement_is_no_order_after_it() -> None:
    came = {0: [10, 20, 105, 110, 300]}
    assert judge(came, [kill(100, 200, a0=4)]) == Verdict(orders=5, after=0, lost=0, on_their_way=2)


def test_one_more_than_had_left_by_the_acknowledgement_has_left_after_it() -> None:
    came = {0: [10, 20, 105, 110, 300], 1: [150]}
    assert judge(came, [kill(100, 200, a0=3, a1=1)]) == Verdict(orders=6, after=1, lost=0, on_their_way=2)
    assert judge(came, [kill(100, 200, a0=4, a1=0)]).after == 1


def test_an_order_that_left_and_never_came_is_lost() -> None:
    assert judge({}, [kill(100, 200, a0=2)]) == Verdict(orders=0, after=0, lost=2, on_their_way=0)


@given(
    st.lists(st.tuples(st.integers(0, 40), st.integers(0, 6))),
    st.lists(st.tuples(st.integers(0, 40), st.integers(1, 10)), max_size=4),
)
def test_an_engine_that_keeps_its_word_is_never_accused_and_one_that_does_not_always_is(
    orders: list[tuple[int, int]], pauses: list[tuple[int, int]]
) -> None:
    """``orders``: when each was written, and how long it took. While a kill is held nothing is written; what is written
    all the same is found out, to the order. A release waits until the venue has got what is on its way."""
    at, kills, sent_ns, came_ns, broken = 0, [], [], [], 0
    orders = sorted(orders)
    for start, length in sorted(pauses):
        halted_ns = max(at, start)
        at = halted_ns + length + 6
        before = [came for written, came in ((w, w + took) for w, took in orders) if written <= halted_ns]
        late = [w for w, took in orders if halted_ns < w and w + took <= at]
        broken += len(late)
        kills.append(Acknowledged(halted_ns, at, {0: len(before)}))
        sent_ns.append(halted_ns)
    came_ns = sorted(w + took for w, took in orders)
    assert judge({0: came_ns}, kills).after == broken
    assert judge({0: came_ns}, kills).lost == 0


def test_the_record_holds_each_order_of_each_account_and_nothing_else(tmp_path: Path) -> None:
    accounts = Accounts([SimAccount(name, (), ()) for name in ("one", "two")])
    log = OrderLog(tmp_path / "log", ["one", "two"])
    for at_ns, name, method in (
        (5, "one", "order.place"),
        (6, "two", "order.cancelReplace"),
        (7, "two", "order.cancel"),
        (8, "one", "openOrders.cancelAll"),
        (9, "one", "order.place"),
    ):
        log.observe(method, Call(Parameters({}), accounts[name], at_ns, 0, microseconds))
    log.close()
    assert read_order_log(tmp_path / "log") == {0: [5, 9], 1: [6]}
    (tmp_path / "cut").write_bytes((tmp_path / "log").read_bytes()[:-1])
    with pytest.raises(UsageError, match="ends within an entry"):
        read_order_log(tmp_path / "cut")
