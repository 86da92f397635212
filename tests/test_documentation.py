"""Every command in the README and in docs/ is run here, in the order in which a reader would type it."""

import os
import re
import shlex
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).resolve().parent.parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
FENCE = re.compile(r"^```([a-z]+)(?: file=(\S+))?\n(.*?)^```", re.MULTILINE | re.DOTALL)
#: What a service says once it is ready for the next command.
READY = {"simulator": "for a configuration:", "run": "kill it with:"}
#: The developer interface is run by whoever runs these tests.
MAKE = re.compile(r"make (run|test|check|bench)\b")


class Block(NamedTuple):
    language: str
    file: str
    text: str


def blocks(page: Path) -> list[Block]:
    return [Block(*found.groups(default="")) for found in FENCE.finditer(page.read_text())]


def commands(page: Path) -> list[str]:
    lines = [line for block in blocks(page) if block.language == "sh" for line in block.text.splitlines()]
    return [line.split("  #")[0].strip() for line in lines if line.strip() and not line.startswith("#")]


class Reader:
    """Types the commands of one page into a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.services: list[subprocess.Popen[str]] = []
        self.environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}

    def type(self, command: str) -> None:
        words = shlex.split(command.removesuffix("&"))
        if command.endswith("&"):
            self._start(words)
            return
        done = subprocess.run(words, cwd=self.folder, env=self.environment, capture_output=True, text=True, timeout=100)
        assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"

    def _start(self, words: list[str]) -> None:
        service = subprocess.Popen(words, cwd=self.folder, env=self.environment, stdout=subprocess.PIPE, text=True)
        self.services.append(service)
        assert service.stdout is not None
        for line in service.stdout:
            if READY[words[1]] in line:
                return
        raise AssertionError(f"{' '.join(words)} ended with {service.wait()}")

    def close(self) -> None:
        for service in reversed(self.services):
            service.send_signal(signal.SIGINT)
            service.communicate(timeout=60)


@pytest.fixture
def reader(tmp_path: Path) -> Iterator[Reader]:
    typing = Reader(tmp_path)
    yield typing
    typing.close()


@pytest.mark.ray
@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.parametrize("page", [page for page in PAGES if commands(page)], ids=lambda page: page.name)
def test_every_command_of_a_page_works_as_written(page: Path, reader: Reader) -> None:
    for block in blocks(page):
        if block.file:
            (reader.folder / block.file).write_text(block.text)
    for command in commands(page):
        if not MAKE.match(command):
            reader.type(command)


def test_the_first_screen_of_the_readme_has_exactly_two_commands() -> None:
    first_block = blocks(PAGES[0])[0]
    assert [MAKE.match(line)[0] for line in first_block.text.splitlines() if MAKE.match(line)] == [
        "make run",
        "make test",
    ]  # type: ignore[index]
    assert len(first_block.text.splitlines()) == 2


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_within_the_project_lead_somewhere(page: Path) -> None:
    targets = re.findall(r"\]\((?!https?://)([^)#]+)", page.read_text())
    assert all((page.parent / target).exists() for target in targets)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_commands_named_in_tables_exist(page: Path) -> None:
    from cli.main import COMMANDS

    named = {words.split()[0] for words in re.findall(r"`haltline ([a-z]+[^`]*)`", page.read_text())}
    assert named <= set(COMMANDS)
