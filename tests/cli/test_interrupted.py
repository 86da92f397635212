"""A command that is told to stop leaves nothing behind: no child, no folder."""

import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture
def folder() -> Iterator[Path]:
    """A short path: Unix sockets lie in it."""
    with tempfile.TemporaryDirectory() as name:
        yield Path(name)


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_demo_that_is_stopped_takes_its_venue_and_its_folder_with_it(folder: Path, number: int) -> None:
    command = [sys.executable, "-m", "cli.main", "demo", "--seconds", "60", "--runtime", "local"]
    environment = {**os.environ, "TMPDIR": str(folder)}
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as demo:
        assert demo.stdout is not None
        assert "a simulated venue" in demo.stdout.readline()
        while not list(folder.glob("haltline-*/state/run")):
            assert demo.poll() is None
        demo.send_signal(number)
        assert demo.wait(timeout=30) == 130
    assert list(folder.iterdir()) == []
    listed = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True).stdout
    assert str(folder) not in listed
