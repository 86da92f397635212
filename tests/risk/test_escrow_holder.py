"""The holder's words, one by one; what they come to over a network is in ``test_escrow_network.py``."""

from hypothesis import given
from hypothesis import strategies as st

from engine.messages import BudgetRecall, LeaseGrant
from risk.escrow_holder import EscrowHolder

CUSHION = 160


def holder(ceiling: int) -> EscrowHolder:
    made = EscrowHolder(1, {"loss": CUSHION})
    made.hear(1)
    assert made.on_grant(LeaseGrant(1, 0, 0, 1, 1, {"loss": ceiling}))
    return made


@given(used=st.integers(-1_000, 1_000), ceiling=st.integers(-1_000, 1_000))
def test_it_never_tells_less_than_it_uses_and_hardly_more(used: int, ceiling: int) -> None:
    held = holder(ceiling).statement({"loss": used})[0]["loss"]
    assert max(used, ceiling) <= held < max(used, ceiling) + CUSHION // 16
    assert held == ceiling or used > ceiling


def test_what_the_market_moves_a_little_beyond_a_ceiling_is_one_word() -> None:
    told = holder(100)
    assert len({told.statement({"loss": used})[0]["loss"] for used in range(101, 111)}) == 1


def test_a_life_without_ceilings_tells_exactly_what_an_earlier_one_left() -> None:
    assert EscrowHolder(1, {"loss": CUSHION}).statement({"loss": 7})[0] == {"loss": 7}


def test_a_profit_is_kept_until_somebody_is_short_and_then_given_too() -> None:
    winner = holder(500)
    assert winner.give_back({"loss": -300})
    assert winner.ceilings == {"loss": CUSHION}, "its cushion, counted from nothing"
    assert not winner.give_back({"loss": -5_000})
    assert winner.on_recall(BudgetRecall(1, {"loss": 400}), {"loss": -300})
    assert winner.ceilings == {"loss": CUSHION - 400}
    assert winner.on_recall(BudgetRecall(1, {"loss": 400}), {"loss": -300})
    assert winner.ceilings == {"loss": -300}
