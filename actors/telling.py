"""Telling venue actors of a kill: each gets its turn on the processor with the word, and keeps it for a moment only."""

from collections.abc import Iterable
from typing import Protocol

from engine.actor import Context
from engine.messages import Kill

__all__ = ["TELLING_TIMER", "Loan", "NoLoan", "Telling"]

TELLING_TIMER = "urgency"
#: Longer than eight venue actors on two cores take to halt and to send their first cancels, and too short to be in
#: anybody's way.
_LOAN_NS = 5_000_000


class Loan(Protocol):
    """Urgency that is lent to the processes of venue actors (``actors.runtime.urgency.Lender``)."""

    def lend(self, actors: Iterable[str]) -> None: ...

    def take_back(self) -> None: ...


class NoLoan:
    """Where the processor is not to be asked for."""

    def lend(self, actors: Iterable[str]) -> None: ...

    def take_back(self) -> None: ...


class Telling:
    """What is still lent when the kill switch actor ends is taken back by its next life's first kill."""

    def __init__(self, loan: Loan) -> None:
        self._loan = loan

    def start(self, ctx: Context) -> None:
        self._ctx = ctx

    def tell(self, kill: Kill, actors: Iterable[str]) -> None:
        for actor in actors:
            self._loan.lend((actor,))
            self._ctx.send(actor, kill)
        self._ctx.set_timer(TELLING_TIMER, self._ctx.clock_ns() + _LOAN_NS)

    def on_timer(self) -> None:
        self._loan.take_back()
