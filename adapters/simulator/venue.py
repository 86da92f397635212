"""What every simulated venue has: a port, and faults that can be played on it."""

from abc import ABC, abstractmethod
from collections.abc import Sequence

from adapters.simulator.faults.layer import FaultLayer
from adapters.simulator.faults.rules import Fault
from adapters.simulator.faults.target import FaultTarget
from adapters.simulator.port import Control, Port, PortHandler
from engine.actor import Actor, Context

__all__ = ["SimulatedVenue"]


class SimulatedVenue(Actor, ABC):
    """``server`` is there from ``open_port`` on, which ``on_start`` calls first."""

    server: Port

    def __init__(self) -> None:
        self._script: list[tuple[Sequence[Fault], int]] = []

    def play(self, faults: Sequence[Fault], seed: int) -> None:
        """Let these faults happen, from the first connection on or, once there was one, from now on."""
        self._script.append((faults, seed))
        if hasattr(self, "server"):
            self.faults.add(faults, seed)

    @property
    def faults(self) -> FaultLayer:
        """What makes things go wrong here; while it has no rules, nothing does."""
        return self.server.play(self.fault_target())

    def open_port(self, ctx: Context, handler: PortHandler, backlog_bytes_max: int, control: Control | None) -> Port:
        self.server = Port(ctx, handler, backlog_bytes_max, control)
        for faults, seed in self._script:
            self.faults.add(faults, seed)
        return self.server

    @abstractmethod
    def fault_target(self) -> FaultTarget:
        """The venue as its faults see it."""
