"""Fault files: reading one, with every error of it in one go, and finding those that come with the program."""

from pathlib import Path

import msgspec

import config
from adapters.simulator.faults.rules import FaultScript
from config.document import read_document
from config.errors import ConfigErrors, ConfigProblem, KeyPath, key_text
from config.shape import Report, checked, tables

__all__ = ["FAULT_FOLDER", "fault_files", "load_faults"]

FAULT_FOLDER = Path(config.__file__).parent / "faults"


def load_faults(path: Path) -> FaultScript:
    """Raises ConfigErrors with every error of the file, UsageError when the file itself cannot be read."""
    document, lines = read_document(path, "fault file")
    problems: list[ConfigProblem] = []

    def report(where: KeyPath, problem: str, remedy: str) -> None:
        problems.append(ConfigProblem(str(path), lines.of(where), key_text(where), problem, remedy))

    good = checked(document, FaultScript, report)
    _check_times(good, report)
    if problems:
        raise ConfigErrors(problems)
    return msgspec.convert(good, FaultScript)


def fault_files(venue: str) -> list[Path]:
    """The files that come with the program and make sense at this venue, by name."""
    found = sorted(FAULT_FOLDER.glob("*.toml"))
    return [path for path in found if not (venues := load_faults(path).venues) or venue in venues]


def _check_times(good: dict[str, object], report: Report) -> None:
    for path, fault in tables(good, "fault"):
        at_ms, until_ms = fault.get("at_ms", 0), fault.get("until_ms", 0)
        if until_ms and until_ms <= at_ms:
            report((*path, "until_ms"), f"is {until_ms}, not after at_ms = {at_ms}", "write a later moment, or 0")
        if fault.get("after") and fault.get("every_ms"):
            report((*path, "every_ms"), "stands beside after, which already says when", "remove one of the two")
