"""What was at the venue before us, as the journal has it: balances that our fills do not explain, and positions that
were taken over from them.

    nothing known ──difference between the venue's balances and our fills──▶ what was there before us   BalanceAdopted
                                        └── by configuration ──▶ a position that limits count and a kill closes
                                                                                                        PositionOpened

Journalled, so that a later life measures against the same beginning: what was paid in or out while nobody looked shows.
A position that was taken over is booked like a fill at the price of that moment, for nobody's strategy, so its profit
counts from there.
"""

from actors.venue_records import BalanceAdopted, PositionOpened
from engine.blotter import Blotter
from engine.codes import OrderType, Side, TimeInForce
from engine.messages import NewOrder
from engine.order import Order
from risk.gate import Gate

__all__ = ["ADOPTED", "Adoption"]

#: On whose behalf is held what no strategy of ours has made. No strategy may be called so.
ADOPTED = "adopted"


class Adoption:
    """A function of the records."""

    def __init__(self, gate: Gate, blotter: Blotter) -> None:
        self._gate, self._blotter = gate, blotter
        #: By asset, the latest.
        self.balances: dict[str, BalanceAdopted] = {}
        #: By today's instrument id, what the positions that were taken over have cost, in tick_lots.
        self.cost_tick_lots: dict[int, int] = {}

    def adopted(self, record: BalanceAdopted) -> None:
        self.balances[record.asset] = record

    def opened(self, record: PositionOpened, now_ns: int) -> None:
        """Book it. The instrument must be defined."""
        lots, ticks = record.position_lots, record.price_ticks
        side = Side.BUY if lots > 0 else Side.SELL
        request = NewOrder(
            f"{ADOPTED}-position",
            "",
            ADOPTED,
            record.instrument_id,
            side,
            OrderType.LIMIT,
            TimeInForce.GTC,
            abs(lots),
            ticks,
        )
        self._gate.filled_unreserved(Order.from_new(request), abs(lots), ticks, now_ns)
        self._blotter.open_position(ADOPTED, record.instrument_id, lots, ticks)
        self._note(record.instrument_id, lots * ticks)

    def _note(self, instrument_id: int, cost_tick_lots: int) -> None:
        self.cost_tick_lots[instrument_id] = self.cost_tick_lots.get(instrument_id, 0) + cost_tick_lots

    def memory(self) -> tuple[list[BalanceAdopted], list[tuple[int, int]]]:
        return list(self.balances.values()), list(self.cost_tick_lots.items())

    def remember(self, balances: list[BalanceAdopted], cost_tick_lots: list[tuple[int, int]]) -> None:
        """Begin where another has come to: gate and blotter have a memory of their own."""
        self.balances.update((each.asset, each) for each in balances)
        self.cost_tick_lots.update(cost_tick_lots)
