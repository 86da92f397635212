"""Every control, in the order of its number, and the page about them."""

from collections.abc import Sequence
from pathlib import Path

from cli.controls.aggregate_checks import AGGREGATE_CONTROLS
from cli.controls.authority_checks import AUTHORITY_CONTROLS
from cli.controls.control import Control, Outcome, expect
from cli.controls.disconnect_checks import DISCONNECT_CONTROLS
from cli.controls.kill_checks import KILL_CONTROLS
from cli.controls.limit_checks import LIMIT_CONTROLS
from cli.controls.record_checks import RECORD_CONTROLS
from cli.controls.watch_checks import WATCH_CONTROLS
from engine.errors import UsageError

__all__ = ["CONTROLS", "COUNT", "chosen", "page"]

COUNT = 36


def _reviewed(folder: Path) -> str:
    numbers = [control.number for control in CONTROLS]
    expect(numbers == list(range(1, COUNT + 1)), f"the report has the controls {numbers}, not 1 to {COUNT}")
    claims = [control.claim for control in CONTROLS]
    blank = [each.number for each in CONTROLS if each.claim is Outcome.HOLDS and each.check is None]
    expect(not blank, f"controls {blank} are said to hold and nothing is tried")
    counts = ", ".join(f"{claims.count(each)} {each}" for each in Outcome if claims.count(each))
    return (
        f"{COUNT} controls in this report, {sum(each.check is not None for each in CONTROLS)} with a check that "
        f"runs; claimed: {counts}"
    )


_REVIEW = Control(
    25,
    "regular documented review of the controls",
    "MA (e)†",
    "How well the controls work is reviewed regularly, and the review is documented.",
    "This report: every number is there once, and none holds without something having been tried. To run it regularly, "
    "and to read it, is the firm's to do.",
    _reviewed,
)

CONTROLS: tuple[Control, ...] = tuple(
    sorted(
        (
            *KILL_CONTROLS,
            *LIMIT_CONTROLS,
            *AGGREGATE_CONTROLS,
            *AUTHORITY_CONTROLS,
            *WATCH_CONTROLS,
            *RECORD_CONTROLS,
            *DISCONNECT_CONTROLS,
            _REVIEW,
        ),
        key=lambda control: control.number,
    )
)

_HEAD = """# Controls

What regulation and the trade ask of pre-trade risk and of a kill switch, and how far Haltline does it. The list is
ours to answer, number by number; `haltline controls report` tries each on the engine itself, in less than a minute,
and prints what came of it. Some of them only, and for the record also as a file with the version and the time:

```sh
haltline controls report --only 12,35 --json findings.json
```

A check builds an engine and its venues in virtual time, the same actors and bytes as in production, and does to it
what the control speaks of: sends the order, kills the process, damages the file. What a check counts at a venue it
reads in the simulated exchange's own books.

| result | means |
|---|---|
| holds | all of it was tried, and it holds |
| open | a part is not built, and is named; the part that is there was tried and holds |
| does not apply | nothing of it is this software's to do, and why |
| broken | something that is claimed does not hold. The command ends with exit code 1 |

What this is not: legal advice, or a test of your configuration, your venue or your people. Whether a limit is the
right one is yours to say.

Sources: R6-*n* is article *n* of Commission Delegated Regulation (EU) 2017/589; MA is SEC Rule 15c3-5; FIA15 is the
FIA's Guide to the Development and Operation of Automated Trading Systems (2015); KC is SEC order 34-70694; ESMA is
ESMA's Q&A 1608. What is asked is told in our words: read the source before you rely on it, and doubly so where it
has a †.

This page is made by `haltline controls page`; a test holds the two equal.

"""


def chosen(only: str) -> Sequence[Control]:
    """The controls that a text such as ``7,12`` names; all of them when it is empty. Raises UsageError."""
    if not only:
        return CONTROLS
    by_number = {str(control.number): control for control in CONTROLS}
    names = [name.strip() for name in only.split(",")]
    unknown = [name for name in names if name not in by_number]
    if unknown:
        raise UsageError(f"there is no control {unknown[0]!r}: name numbers from 1 to {COUNT}, as in 7,12")
    wanted = set(names)
    return [control for control in CONTROLS if str(control.number) in wanted]


def page() -> str:
    """``docs/controls.md``."""
    counts = [sum(control.claim is outcome for control in CONTROLS) for outcome in (Outcome.HOLDS, Outcome.OPEN)]
    lines = [_HEAD, f"Of the {COUNT}, {counts[0]} hold and {counts[1]} are open.\n\n"]
    lines.append("| | control | source | result |\n|---|---|---|---|\n")
    lines += [
        f"| [{each.number}](#{each.number}) | {each.title} | {each.source} | {each.claim} |\n" for each in CONTROLS
    ]
    lines += [_section(control) for control in CONTROLS]
    return "".join(lines)


def _section(control: Control) -> str:
    parts = [
        f'\n<a id="{control.number}"></a>\n',
        f"**{control.number}. {_capital(control.title)}** ({control.source}). {control.asks}\n",
    ]
    if control.tries:
        parts.append(f"*Tried:* {control.tries}\n")
    if control.missing:
        parts.append(f"*Missing:* {control.missing}.\n")
    if control.why_not:
        parts.append(f"*Does not apply:* {control.why_not}.\n")
    return "\n".join(parts)


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
