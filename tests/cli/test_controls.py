"""The report on controls: each comes out as it claims, goes red for a mistake in what it is about, and none is lost."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

import actors.wiring
import engine.journal
from actors.cancel_until_none import CancelUntilNone
from actors.firm_exposure import FirmExposure
from actors.scope_kill import ScopeKill
from actors.undertaker import Undertaker
from actors.venue_records import VenueJournal
from adapters import purpose
from cli.controls import book, catalogue
from cli.controls.catalogue import CONTROLS, chosen, page
from cli.controls.control import Broken, Control, Outcome, run_control
from cli.main import build
from cli.simulation.bugs import BUGS, Bug, planted
from config.hashing import config_hash
from config.loader import load_config
from config.settings import EngineConfig
from engine.errors import UsageError
from risk.enabling import EnablingRules
from risk.gate import Gate
from risk.latch import LatchPage
from risk.limits import AccountLimits

ROOT = Path(__file__).resolve().parents[2]


def report(*arguments: str) -> tuple[int, str]:
    done = CliRunner().invoke(build(["controls"]), ["controls", "report", *arguments])
    return done.exit_code, done.stdout


@pytest.mark.parametrize("control", CONTROLS, ids=lambda control: f"{control.number}")
def test_a_control_comes_out_as_it_claims(control: Control) -> None:
    finding = run_control(control)
    assert (finding.outcome, finding.remark) == (control.claim, control.why_not or control.missing)
    assert finding.evidence or control.check is None


# -- mistakes -----------------------------------------------------------------------------------------------------

#: Which controls have to notice a bug that the simulation plants.
NOTICED_BY = {
    "gate-skipped": "7,8,9,13,14,19,22,33,35,36",
    "budgets-overdrawn": "21",
    "net-ceiling-twice": "21",
    "position-limit-ignored": "13",
    "unknown-as-rejected": "11",
    "leak-on-cancel": "11",
    "reduce-by-side-only": "26",
    "wrong-index-in-scope": "2,27",
    "released-by-one-person": "20",
    "signature-unchecked": "20,23",
    "flatten-overshoots": "5",
    "told-before-latched": "6,16,18,28,29",
    "anybody-may-speak": "3",
    "wrong-strategy-credited": "17",
    "journal-not-replayed": "12",
}


def _without_cancel_share() -> list[Any]:
    return [(purpose, "_HALVES_LEFT", dict.fromkeys(purpose.Purpose, 0))]


def _repeats_allowed() -> list[Any]:
    return [(AccountLimits, "duplicate_window_ns", 0)]


def _failure_told_as_done() -> list[Any]:
    return [(ScopeKill, "_on_failed", lambda self, text, now_ns: self._on_confirmed(now_ns))]


def _button_without_wire() -> list[Any]:
    return [(LatchPage, "store", lambda self, *given: 1), (LatchPage, "latch", lambda self, *given: None)]


def _limit_with_default() -> list[Any]:
    def load(path: Path) -> EngineConfig:
        text = path.read_text()
        if "order_notional_max" not in text:
            table = "[venues.instruments.limits]\n"
            path.write_text(text.replace(table, f'{table}order_notional_max = "5"\n'))
        return load_config(path)

    return [(book, "load_config", load)]


#: More of them: where, what stands there instead, and who has to notice.
MISTAKES: dict[str, tuple[str, Callable[[], list[Any]]]] = {
    "the red button writes nothing": ("4,26", _button_without_wire),
    "orders are not journalled": ("31", lambda: [(VenueJournal, "request", lambda self, *given: None)]),
    "the firm hears of no account": ("17", lambda: [(FirmExposure, "hear", lambda self, *given: None)]),
    "a limit has a default": ("15", _limit_with_default),
    "a kill cancels nothing": ("1,27,34", lambda: [(CancelUntilNone, "_cancel_all", lambda self, now_ns: None)]),
    "a cancel that failed is told as done": ("34", _failure_told_as_done),
    "no share of the venue's limit is kept for cancels": ("10", _without_cancel_share),
    "cancels are not counted": ("10", lambda: [(Gate, "on_cancel", lambda self, now_ns: False)]),
    "anybody enables a throttled strategy": ("12", lambda: [(EnablingRules, "refusal", lambda self, *given: "")]),
    "repeats are allowed": ("22", _repeats_allowed),
    "every configuration has one hash": ("30", lambda: [(actors.wiring, "run_hash", lambda config: "0" * 64)]),
    "every program has one hash": ("30", lambda: [(actors.wiring, "run_hash", config_hash)]),
    "records have no checksum": ("31", lambda: [(engine.journal, "crc32", lambda *given: 0)]),
    "the undertaker hears nothing": ("28", lambda: [(Undertaker, "on_message", lambda self, *given: None)]),
}


def reds(bug: Bug, numbers: str) -> list[int]:
    with planted(bug):
        findings = [run_control(control) for control in chosen(numbers)]
    return [finding.number for finding in findings if finding.outcome is Outcome.BROKEN]


@pytest.mark.parametrize("name", NOTICED_BY)
def test_a_planted_bug_turns_its_controls_red(name: str) -> None:
    bug = next(bug for bug in BUGS if bug.name == name)
    assert reds(bug, NOTICED_BY[name]) == [control.number for control in chosen(NOTICED_BY[name])]


@pytest.mark.parametrize("what", MISTAKES)
def test_a_mistake_turns_its_controls_red(what: str) -> None:
    numbers, patches = MISTAKES[what]
    assert reds(Bug(what, what, patches, ()), numbers) == [control.number for control in chosen(numbers)]


def test_a_check_that_cannot_be_carried_out_has_not_held() -> None:
    def check(folder: Path) -> str:
        return str(1 // len(list(folder.iterdir())))

    finding = run_control(Control(99, "of a test", "none", "asked", "tried", check))
    assert finding.outcome is Outcome.BROKEN
    assert "ZeroDivisionError" in finding.remark


def test_what_is_missing_is_open_however_well_the_rest_goes_and_broken_when_it_does_not() -> None:
    def fails(folder: Path) -> str:
        raise Broken("seen otherwise")

    open_one = Control(99, "of a test", "none", "asked", "tried", lambda folder: "seen", missing="a part")
    assert run_control(open_one).outcome is Outcome.OPEN
    broken_one = Control(99, "of a test", "none", "asked", "tried", fails, missing="a part")
    assert (run_control(broken_one).outcome, run_control(broken_one).remark) == (Outcome.BROKEN, "seen otherwise")


def test_a_control_without_check_or_reason_cannot_be_written() -> None:
    with pytest.raises(ValueError, match="says why not"):
        Control(99, "of a test", "none", "asked")


# -- the list -----------------------------------------------------------------------------------------------------


def test_every_number_is_there_once_and_a_lost_one_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    assert [control.number for control in CONTROLS] == list(range(1, 37))
    monkeypatch.setattr(catalogue, "CONTROLS", tuple(each for each in CONTROLS if each.number != 9))
    assert run_control(CONTROLS[24]).outcome is Outcome.BROKEN


def test_the_page_is_what_the_code_says() -> None:
    assert (ROOT / "docs" / "controls.md").read_text() == page(), "haltline controls page > docs/controls.md"


@pytest.mark.parametrize("only", ["0", "37", "7;12", "x", "7,,12", " "])
def test_numbers_that_there_are_not(only: str) -> None:
    with pytest.raises(UsageError, match="1 to 36"):
        chosen(only)


# -- the command --------------------------------------------------------------------------------------------------


def test_a_report_of_some_as_a_table_and_as_a_file(tmp_path: Path) -> None:
    file = tmp_path / "findings.json"
    exit_code, told = report("--only", "9, 24", "--json", str(file))
    assert exit_code == 0
    assert "1 holds, 1 open" in told
    assert "maximum order volume" in told
    written = json.loads(file.read_text())
    assert [(each["number"], each["outcome"]) for each in written["findings"]] == [(9, "holds"), (24, "open")]
    assert written["counts"] == {"holds": 1, "does not apply": 0, "open": 1, "broken": 0}
    assert written["haltline"]
    assert written["at"]


def test_something_broken_is_exit_code_1_and_said(tmp_path: Path) -> None:
    bug = next(bug for bug in BUGS if bug.name == "gate-skipped")
    with planted(bug):
        exit_code, told = report("--only", "9", "--json", "-")
    assert exit_code == 1
    (finding,) = json.loads(told)["findings"]
    assert finding["outcome"] == "broken"
    assert "ORDER_QUANTITY" in finding["remark"]
