"""Minutes of trading in virtual time: every kind of order, and afterwards both sides' books are the same."""

import pytest
from trading_desk import MakeDesk, check_all, strategy


def test_minutes_of_every_kind_of_order_leave_equal_books(make_desk: MakeDesk) -> None:
    desk = make_desk(strategy("one", "Churner", seed=1), strategy("two", "Churner", seed=2, placement="co-located"))
    desk.run_for(120)
    desk.settle()
    check_all(desk)
