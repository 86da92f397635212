"""Where everything stands in a latch page, and what its words may be: plain numbers, for ``latch`` and its kernel.

    offset 0       header: magic (the first word the gate looks at), version, size, CRC-32
          64       states: 64 x 16 bits; 0 is the button for everything, 1 to 63 say whether their row holds a kill
         512       rows: 64 x 8 x int64: tag, rank, venue, account, strategy, instrument, check, 0 (row 0 is unused)
        8192       names: two areas of 64 KiB, of which the newer readable one counts
      139264       causes: 64 x 1 KiB, one per row

A state is so short because the gate reads all of them on every order: sixteen words when nothing is killed.

A row is the conjunction of what it names, each as an index into the page's names, or ``ANY``. Its check word is a
function of all its other cells and of its number: a row that is half written, damaged or at the wrong place halts
everything, until it is whole again.
"""

from engine.codes import KillMode

__all__ = [
    "ACCOUNT",
    "ACTIVE",
    "ALL_FREE",
    "ANY",
    "BUTTONS",
    "CAUSES_AT",
    "CAUSE_BYTES",
    "CHECK",
    "CHECK_PRIME",
    "CHECK_SEED",
    "DAMAGED_RANK",
    "DRILL",
    "DRILLED",
    "FREE",
    "INSTRUMENT",
    "NAMES_AT",
    "NAMES_BYTES",
    "PAGE_BYTES",
    "PAGE_MAGIC",
    "RANK",
    "ROWS",
    "ROWS_CELL",
    "ROW_CELLS",
    "ROW_FIELDS",
    "STATES_CELL",
    "STATE_WORDS",
    "STRATEGY",
    "TAG",
    "UNKNOWN",
    "VENUE",
    "WORD_CELLS",
    "row_check",
]

#: The header's first word, as the gate compares it.
PAGE_MAGIC = int.from_bytes(b"HALTLCH2", "little")

# -- states: both bytes of each value differ from those of any other, so that no damaged byte turns one into another --
#: A row without a kill; and the button, not pressed.
FREE = 0x5A3C
#: A row that holds a kill.
ACTIVE = 0x4B6D
#: The button, pressed, by the mode's rank: one store says all.
BUTTONS = {mode.rank: 0xA0C0 + 0x0101 * mode.rank for mode in KillMode}
#: Four states of rows without a kill, as the gate compares them.
ALL_FREE = FREE * 0x0001_0001_0001_0001

# -- cells, of eight bytes ------------------------------------------------------------------------------------------
ROWS, ROW_CELLS = 64, 8
STATES_CELL, STATE_WORDS = 8, ROWS // 4
ROWS_CELL = 64
WORD_CELLS = 1024
TAG, RANK, VENUE, ACCOUNT, STRATEGY, INSTRUMENT, CHECK = range(7)
#: The cells that the check word is made of.
ROW_FIELDS = 6

# -- what a row's venue, account, strategy or instrument may be besides an index --------------------------------------
#: All of them.
ANY = -1
#: As an argument: one whose name the page does not know. Every row that names any of its kind matches it.
UNKNOWN = -2
#: As a row's venue: none. The scope of drills: it covers the orders of drill strategies, and no other.
DRILL = 2**40
#: Added to a strategy's index, or UNKNOWN, by whoever asks about it: its orders may be stopped by a drill. Which
#: strategies those are says the configuration of whoever asks; nothing in the page can make one of another.
DRILLED = 2**41

#: What a page or a row that cannot be trusted reads as.
DAMAGED_RANK = KillMode.CANCEL.rank

# -- bytes ----------------------------------------------------------------------------------------------------------
NAMES_AT, NAMES_BYTES = WORD_CELLS * 8, 64 * 1024
CAUSES_AT, CAUSE_BYTES = NAMES_AT + 2 * NAMES_BYTES, 1024
PAGE_BYTES = CAUSES_AT + ROWS * CAUSE_BYTES

CHECK_SEED, CHECK_PRIME = 0x4B494C4C5F4F4E45, 0x100000001B3
_WORD, _SIGN = (1 << 64) - 1, 1 << 63


def row_check(row: int, fields: tuple[int, int, int, int, int, int]) -> int:
    """The check word of a row with these fields, as a signed 64-bit number; twin of the kernel's.

    Each step maps different values to different ones, so a change of any one cell always changes the result.
    """
    check = CHECK_SEED
    for value in (row, *fields):
        check = (((check ^ value) * CHECK_PRIME + _SIGN) & _WORD) - _SIGN  # as a signed word wraps
        check ^= check >> 29
    return check
