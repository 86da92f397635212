"""What the latch says about one order: the most restrictive mode of all kills that cover it. One scan, in Numba.

``LatchView.rank`` in ``risk/latch.py`` is the readable twin, which also serves those who must start without Numba.
"""

from numpy import int64
from numpy.typing import NDArray

from engine.kernel import inlined, kernel
from risk.latch_layout import (
    ACCOUNT,
    ACTIVE,
    ALL_FREE,
    ANY,
    BUTTONS,
    CHECK,
    CHECK_PRIME,
    CHECK_SEED,
    DAMAGED_RANK,
    DRILL,
    DRILLED,
    FREE,
    INSTRUMENT,
    PAGE_MAGIC,
    RANK,
    ROW_CELLS,
    ROW_FIELDS,
    ROWS,
    ROWS_CELL,
    STATE_WORDS,
    STATES_CELL,
    STRATEGY,
    UNKNOWN,
    VENUE,
)

__all__ = ["latch_mode"]

Words = NDArray[int64]

_LEAST_RANK, _MOST_RANK = min(BUTTONS), max(BUTTONS)
_BUTTON_STEP = BUTTONS[2] - BUTTONS[1]
_BUTTON = BUTTONS[1] - _BUTTON_STEP


@inlined
def latch_mode(words: Words, venue: int, account: int, strategy: int, instrument: int) -> int:
    """The rank of the most restrictive mode that holds for an order of this venue, account, strategy and instrument:
    0 none, or ``KillMode.rank``: 1 reduce, 2 flatten, 3 halt, 4 cancel.

    ``words`` is the page from its header on; the rest are indices of its names (``ANY``: is *all* of them covered;
    ``UNKNOWN``: a name that the page does not have; a drill strategy's index has ``DRILLED`` added). A page or row that
    cannot be trusted reads as ``DAMAGED_RANK`` for everybody. Every state word is read at each call.
    """
    if words[0] != PAGE_MAGIC:
        return DAMAGED_RANK
    busy = 0
    for at in range(STATES_CELL, STATES_CELL + STATE_WORDS):
        busy |= words[at] ^ ALL_FREE
    if busy == 0:
        return 0
    return _most_restrictive(words, venue, account, strategy, instrument)


@kernel
def _most_restrictive(words: Words, venue: int, account: int, strategy: int, instrument: int) -> int:
    most = 0
    button = _state(words, 0)
    if button != FREE:
        most = (button - _BUTTON) // _BUTTON_STEP
        if most < _LEAST_RANK or most > _MOST_RANK or button != _BUTTON + _BUTTON_STEP * most:
            return DAMAGED_RANK
    drilled = strategy > DRILL
    if drilled:
        strategy -= DRILLED
    for row in range(1, ROWS):
        state = _state(words, row)
        if state == FREE:
            continue
        at = ROWS_CELL + ROW_CELLS * row
        rank = words[at + RANK]
        if state != ACTIVE or words[at + CHECK] != _row_check(words, row) or rank < _LEAST_RANK or rank > _MOST_RANK:
            return DAMAGED_RANK
        if (
            rank > most
            and (_covers(words[at + VENUE], venue) or (drilled and words[at + VENUE] == DRILL))
            and _covers(words[at + ACCOUNT], account)
            and _covers(words[at + STRATEGY], strategy)
            and _covers(words[at + INSTRUMENT], instrument)
        ):
            most = rank
    return most


@kernel
def _state(words: Words, row: int) -> int:
    return (int(words[STATES_CELL + (row >> 2)]) >> (16 * (row & 3))) & 0xFFFF


@kernel
def _covers(named: int, index: int) -> bool:
    return named in (ANY, index) or index == UNKNOWN


@kernel
def _row_check(words: Words, row: int) -> int64:
    at = ROWS_CELL + ROW_CELLS * row
    check = (int64(CHECK_SEED) ^ int64(row)) * int64(CHECK_PRIME)
    check ^= check >> 29
    for field in range(ROW_FIELDS):
        check = (check ^ words[at + field]) * int64(CHECK_PRIME)
        check ^= check >> 29
    return check
