"""One control: what is asked of us, the check that tries it on the product, and what came of that.

A check builds what it needs, does to it what the control speaks of, and returns the evidence: what it did, with
figures. It raises ``Broken`` when the product does not do what is claimed. A control of which a part is not built says
so in ``missing`` and is *open*, however well its check goes: the check then tries the part that is there.
"""

import tempfile
from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from time import monotonic

import msgspec

from engine.errors import HaltlineError

__all__ = ["Broken", "Control", "Finding", "Outcome", "expect", "run_control"]

#: What it does: takes an empty folder of its own, returns the evidence.
Check = Callable[[Path], str]


class Broken(Exception):
    """The product does not do what the control asks and we claim."""


class Outcome(StrEnum):
    HOLDS = "holds"
    DOES_NOT_APPLY = "does not apply"
    OPEN = "open"
    BROKEN = "broken"


class Control(msgspec.Struct, frozen=True):
    """``source`` is where it comes from, by the keys of ``docs/controls.md``; ``asks`` says it in our words. ``tries``
    is what the check does. ``missing``: the part that is not built. ``why_not``: why nothing of it is ours to do."""

    number: int
    title: str
    source: str
    asks: str
    tries: str = ""
    check: Check | None = None
    missing: str = ""
    why_not: str = ""

    def __post_init__(self) -> None:
        if self.check is None and not self.missing and not self.why_not:
            raise ValueError(f"control {self.number} neither has a check nor says why not")

    @property
    def claim(self) -> Outcome:
        """What it comes to when its check goes well."""
        if self.why_not:
            return Outcome.DOES_NOT_APPLY
        return Outcome.OPEN if self.missing else Outcome.HOLDS


class Finding(msgspec.Struct, frozen=True):
    """One line of the report. ``evidence``: what was seen; ``remark``: what is missing, why it does not apply, or what
    went wrong."""

    number: int
    title: str
    source: str
    outcome: Outcome
    evidence: str
    remark: str
    seconds: float


def expect(holds: object, what: str) -> None:
    """Raises Broken, saying what was seen, unless it holds."""
    if not holds:
        raise Broken(what)


def run_control(control: Control) -> Finding:
    """Try one. What a check raises is a finding, not an error: one that cannot be carried out has not held."""
    began_s = monotonic()
    outcome, evidence, remark = control.claim, "", control.why_not or control.missing
    if control.check is not None:
        try:
            with tempfile.TemporaryDirectory(prefix="haltline-") as folder:
                evidence = control.check(Path(folder))
        except Broken as broken:
            outcome, remark = Outcome.BROKEN, str(broken)
        except (
            HaltlineError,
            ArithmeticError,
            AssertionError,
            AttributeError,
            LookupError,
            TypeError,
            ValueError,
        ) as error:
            outcome, remark = Outcome.BROKEN, f"its check ended with {type(error).__name__}: {error}"
    seconds = round(monotonic() - began_s, 3)
    return Finding(control.number, control.title, control.source, outcome, evidence, remark, seconds)
