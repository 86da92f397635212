"""The latch as one venue actor sees it: what its gate asks on every order."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from engine.codes import KillMode
from risk.latch_cause import LatchCause, LatchedKill
from risk.latch_layout import ANY, DRILLED, UNKNOWN, WORD_CELLS
from risk.latch_reader import LatchReader

if TYPE_CHECKING:
    from numpy import int64
    from numpy.typing import NDArray

__all__ = ["LatchView"]

_MODES = {mode.rank: mode for mode in KillMode}


class LatchView:
    """A latch page as one venue actor sees it: read-only. ``venue`` and ``account`` are its indices in the page;
    ``drill_strategies`` are those whose orders a drill may stop.

    An order is covered by what ``risk.latch_kernel.latch_mode(words, venue, account, strategy, instrument)`` says;
    ``rank`` is its readable twin.
    """

    __slots__ = ("_page", "_words", "account", "drill_strategies", "venue")

    def __init__(self, page: LatchReader, venue: int, account: int, drill_strategies: Iterable[str] = ()) -> None:
        self._page = page
        self.drill_strategies = frozenset(drill_strategies)
        self._words: NDArray[int64] | None = None
        self.venue = venue
        self.account = account

    @property
    def words(self) -> "NDArray[int64]":
        """A read-only int64 array of the page from its header on, for the kernel."""
        if self._words is None:
            import numpy as np  # here, because whoever presses the button does without

            words = np.frombuffer(self._page.buffer, dtype=np.int64, count=WORD_CELLS)
            words.flags.writeable = False
            self._words = words
        return self._words

    def index_of(self, kind: str, name: str) -> int:
        """The index of a ``venue``, ``account``, ``strategy`` or ``instrument`` (``VENUE:SYMBOL``) in the page.

        UNKNOWN for a name that the page does not have: an order of it is covered by every kill that names its kind.
        A drill strategy's has ``DRILLED`` added.
        """
        is_drilled = kind == "strategy" and name in self.drill_strategies
        return self._page.names.index_of(kind, name) + (DRILLED if is_drilled else 0)

    def rank(self, strategy: int = ANY, instrument: int = ANY) -> int:
        """The rank of the most restrictive mode for an order of this actor; by default, for all of them."""
        return self._page.rank(self.venue, self.account, strategy, instrument)

    def is_trading(self) -> bool:
        """Whether no kill covers this actor as a whole. One of its strategies or instruments may be killed."""
        return self.rank() == 0

    def mode(self) -> KillMode | None:
        """The most restrictive mode that covers this actor as a whole."""
        return _MODES.get(self.rank())

    def kills(self) -> list[LatchedKill]:
        """The kills that reach this actor, as a whole or in part, except those of a drill."""
        return [kill for kill in self._page.kills() if not kill.scope.is_drill and self._reaches(kill.row)]

    def has(self, kill_id: str) -> bool:
        """Whether this page holds the kill."""
        return self._page.has(kill_id)

    def button(self) -> KillMode | None:
        """The mode that the button for everything was pressed with; None when it is not."""
        return _MODES.get(self._page.button_rank)

    def is_damaged(self) -> bool:
        """Whether everything reads as killed because the page cannot be trusted."""
        return self._page.is_damaged()

    def _reaches(self, row: int) -> bool:
        return self._page.rows.covers(row, _or_all(self.venue), _or_all(self.account), UNKNOWN, UNKNOWN)

    def cause(self, strategy: int = UNKNOWN, instrument: int = UNKNOWN) -> LatchCause | None:
        """Why an order of these may not go: the cause of the most restrictive kill that covers it; None: no kill does.

        By default any kill that reaches this actor; for one of no venue or account, that of all of them.
        """
        return self._page.cause(_or_all(self.venue), _or_all(self.account), strategy, instrument)


def _or_all(index: int) -> int:
    """Who belongs to no venue or account looks at the kills of all: UNKNOWN is covered by each."""
    return UNKNOWN if index == ANY else index
