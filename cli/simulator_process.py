"""A simulated venue as a child process: ``haltline simulator binance …``."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
import typer

__all__ = ["SimulatorBooks", "SimulatorProcess", "SimulatorReady", "SymbolBooks", "simulated_venue"]


class SimulatorReady(msgspec.Struct):
    """The line that ``haltline simulator --json`` prints once it listens."""

    port: int
    ca_file: str
    api_key_file: str
    secret_file: str
    key_type: str
    symbols: list[str]
    #: Messages in the recording and its length at the replay's speed; 0 for synthetic flow, which does not end.
    messages: int
    seconds: float


class SymbolBooks(msgspec.Struct):
    """Amounts as decimal text. ``orders``: how many different client order ids were ever accepted."""

    quantity: str
    cost: str
    fees: dict[str, str]
    fills: int
    orders: int
    open_orders: int


class SimulatorBooks(msgspec.Struct):
    """``injected``: how often each kind of fault has happened."""

    symbols: dict[str, SymbolBooks]
    injected: dict[str, int]


class SimulatorProcess:
    """``haltline simulator binance …`` as a child process."""

    def __init__(self, process: subprocess.Popen[str], ready: SimulatorReady) -> None:
        self.process = process
        self.ready = ready

    def calm(self) -> None:
        """From now on nothing goes wrong there, whatever its faults were."""
        self._tell("calm")

    def books(self) -> SimulatorBooks:
        """What the venue itself says was done."""
        self._tell("books")
        assert self.process.stdout is not None
        return msgspec.json.decode(self.process.stdout.readline(), type=SimulatorBooks)

    def _tell(self, line: str) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()

    def stop(self) -> None:
        if self.process.poll() is None:
            self.process.terminate()
        self.process.wait(timeout=10)
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe is not None:
                pipe.close()


@contextmanager
def simulated_venue(directory: Path, arguments: list[str], venue: str = "binance") -> Iterator[SimulatorProcess]:
    """Start it, wait until it listens, stop it at the end. Exits with its exit code when it does not start."""
    command = [sys.executable, "-m", "cli.main", "simulator", venue, "--port", "0", "--tls", "--json"]
    command += ["--directory", str(directory), *arguments]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    line = process.stdout.readline()
    if not line:
        process.communicate()
        raise typer.Exit(process.wait() or 1)  # it has said why
    simulator = SimulatorProcess(process, msgspec.json.decode(line, type=SimulatorReady))
    try:
        yield simulator
    finally:
        simulator.stop()
