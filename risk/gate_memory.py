"""Everything that a gate has come to hold, as one value: what a checkpoint of the journal has of it.

Only for a gate with the same limits, strategies and instruments, defined in the same order: then its rows lie where
they lay. What a row says about the latch page is the new gate's own, as each run makes that page anew.
"""

import msgspec
import numpy as np
from numpy.typing import NDArray

from engine.errors import InvariantError
from risk import gate_state as g
from risk.gate import Gate
from risk.gate_lists import ListsMemory

__all__ = ["GateMemory", "gate_memory_of", "remember_gate"]


class GateMemory(msgspec.Struct, frozen=True, array_like=True):
    """``cells`` is the state, int64 as bytes; ``strategies`` are those with a row, ``instruments`` the ids that are
    defined, ``assets`` those with a row, each in the order of definition."""

    cells: bytes
    strategies: list[str]
    instruments: list[int]
    assets: list[str]
    reserved: dict[str, int]
    ended: set[str]
    closing: set[str]
    day: int
    lists: ListsMemory = ListsMemory({}, {}, {})


def gate_memory_of(gate: Gate) -> GateMemory:
    tables = gate._tables
    return GateMemory(
        tables.state.tobytes(),
        list(tables.strategies),
        list(tables.instruments),
        list(tables.assets),
        gate._reserved,
        gate._ended,
        gate._closing,
        gate._day,
        gate.lists.memory(),
    )


def remember_gate(gate: Gate, memory: GateMemory) -> None:
    """Give a gate in which nothing has happened, and whose instruments are defined, the memory of another.

    Raises InvariantError, with nothing changed but new rows of strategies, when it is not of the same making.
    """
    tables = gate._tables
    for strategy_id in memory.strategies:
        tables.strategy_at(strategy_id)
    gate._bind()
    cells = np.frombuffer(memory.cells, dtype=np.int64)
    same = (
        list(tables.strategies) == memory.strategies
        and list(tables.instruments) == memory.instruments
        and list(tables.assets) == memory.assets
        and len(cells) == len(tables.state)
    )
    if not same or gate._reserved:
        raise InvariantError(
            "a gate was given the memory of one with other rows; move the file 'checkpoint' out of the journal's "
            "directory, and all of the journal is replayed"
        )
    latch = _latch_cells(gate)
    own = tables.state[latch].copy()
    tables.state[:] = cells
    tables.state[latch] = own
    gate._reserved.update(memory.reserved)
    gate._ended.update(memory.ended)
    gate._closing.update(memory.closing)
    gate.lists.remember(memory.lists)
    gate._day = memory.day


def _latch_cells(gate: Gate) -> NDArray[np.int64]:
    """Where the state says which entries of the latch page are whose."""
    tables = gate._tables
    cells = [g.VENUE_INDEX, g.ACCOUNT_INDEX]
    cells += [at + g.STRATEGY_LATCH_INDEX for at in tables.strategies.values()]
    cells += [tables.row_at(number) + g.LATCH_INDEX for number in range(tables.instruments_max)]
    return np.array(cells, dtype=np.int64)
