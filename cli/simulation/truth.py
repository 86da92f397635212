"""What really happened to each order, seen from outside the engine: asked for, written, placed, filled, ended, told."""

from engine.codes import OrderStatus, Side

__all__ = ["OrderTruth", "Violation"]


class Violation(BaseException):
    """A promise is broken. Not an Exception: no actor may swallow it."""

    def __init__(self, promise: str, text: str) -> None:
        super().__init__(f"{promise}: {text}")
        self.promise, self.text = promise, text


class OrderTruth:
    """One client order id.

    Attributes:
        written: how often a request for it has left for the venue.
        in_flight_lots: of a request that has left and that the venue has neither taken nor will ever get.
        open_lots, cum_lots, placed, ended: the venue's own.
        terminals: the terminal reports told, over all lives of its strategy.
        closes: the engine sent it by itself, to close a position under a kill that flattens.
        memory: the life of the strategy that asked for it still remembers.
    """

    __slots__ = (
        "client_order_id",
        "closes",
        "cum_lots",
        "ended",
        "in_flight_lots",
        "instrument_id",
        "lots",
        "memory",
        "open_lots",
        "placed",
        "side",
        "strategy_id",
        "terminals",
        "venue",
        "written",
    )

    def __init__(self, client_order_id: str, strategy_id: str, venue: str) -> None:
        self.client_order_id, self.strategy_id, self.venue = client_order_id, strategy_id, venue
        self.instrument_id = -1
        self.side = Side.BUY
        self.lots = self.written = self.in_flight_lots = self.open_lots = self.cum_lots = 0
        self.placed = self.ended = self.closes = False
        self.memory = True
        self.terminals: list[OrderStatus] = []

    def __repr__(self) -> str:
        state = "ended" if self.ended else "open" if self.placed else "not placed"
        told = ", ".join(status.name for status in self.terminals) or "no terminal report"
        return f"{self.client_order_id} ({self.venue}: {state}, {self.cum_lots}/{self.lots} filled; told {told})"
