"""Fault files as people write them: everything that is wrong in one go; every rule has an example that loads; every
incident is replayed by a file or covered by something that exists."""

import re
from pathlib import Path
from typing import get_args

import msgspec
import pytest

from adapters.simulator.faults.rules import Fault, families
from cli.fault_files import FAULT_FOLDER, fault_files, load_faults
from config.errors import ConfigErrors
from engine.errors import UsageError

ROOT = Path(__file__).resolve().parents[2]
INCIDENTS = 34


def written(folder: Path, text: str) -> Path:
    path = folder / "faults.toml"
    path.write_text(text)
    return path


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('[[fault]]\ndo = "dely"\n', "faults.toml:2: fault[0].do: is 'dely'"),
        ('[[fault]]\ndo = "dely"\n', 'did you mean "delay"?'),
        ('[[fault]]\ndo = "drop"\nmesage = "order"\n', 'did you mean "message"?'),
        ('[[fault]]\ndo = "drop"\n', "fault[0].message: is missing"),
        ('[[fault]]\ndo = "delay"\nmessage = "order"\ndelay_ms = 0\n', "is 0, outside 1 to"),
        ('[[fault]]\ndo = "drop"\nmessage = "order"\npercent = 0.5\n', "is a float, not a whole number"),
        ('[[fault]]\ndo = "fill"\nat_ms = 5\nuntil_ms = 5\n', "is 5, not after at_ms = 5"),
        ('[[fault]]\ndo = "fill"\nafter = "order"\nevery_ms = 5\n', "stands beside after"),
        ('venues = ["bitmart"]\n[[fault]]\ndo = "fill"\n', "is 'bitmart', not one of"),
        ("fault = []\n", "is empty"),
        ("[[fault]\n", "is not TOML"),
    ],
)
def test_what_is_wrong_is_named_with_its_remedy(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(ConfigErrors) as raised:
        load_faults(written(tmp_path, text))
    assert said in str(raised.value)


def test_everything_is_told_in_one_go(tmp_path: Path) -> None:
    with pytest.raises(ConfigErrors) as raised:
        load_faults(written(tmp_path, '[[fault]]\ndo = "dely"\n[[fault]]\ndo = "drop"\n'))
    assert len(raised.value.problems) == 2


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="fault file"):
        load_faults(tmp_path / "none.toml")


def test_files_of_a_venue_only(tmp_path: Path) -> None:
    assert {path.stem for path in fault_files("kraken")} >= {"storm", "04-cancel-missing"}


def test_what_a_message_is_called() -> None:
    assert families("fill") == ("any", "fill", "report", "push")
    assert families("cancel") == ("any", "cancel", "command", "request")
    assert families("cancel_answer") == ("any", "cancel_answer", "answer")


# -- documentation -------------------------------------------------------------------------------------------------


def test_every_rule_has_an_example_in_the_documentation(tmp_path: Path) -> None:
    text = (ROOT / "docs" / "faults.md").read_text()
    examples = re.findall(r"```toml\n(.*?)```", text, re.DOTALL)
    shown = set()
    for example in examples:
        shown |= {str(fault.__struct_config__.tag) for fault in load_faults(written(tmp_path, example)).fault}
    assert shown == {str(kind.__struct_config__.tag) for kind in get_args(Fault)}


def test_the_documentation_names_every_file_that_comes_with_the_program() -> None:
    text = (ROOT / "docs" / "faults.md").read_text()
    assert [path.stem for path in sorted(FAULT_FOLDER.glob("*.toml")) if f"`{path.stem}`" not in text] == []


def test_every_incident_is_covered_by_something_that_exists() -> None:
    rows = re.findall(r"^\| (\d+) \|(.*)\|$", (ROOT / "docs" / "incidents.md").read_text(), re.MULTILINE)
    assert [int(number) for number, _ in rows] == list(range(1, INCIDENTS + 1))
    for number, row in rows:
        named = re.findall(r"`([\w./-]+\.(?:py|toml|md|yaml|yml|json|tsx|ts))(?:::(\w+))?`", row)
        assert named, f"row {number} names nothing"
        for path, test in named:
            assert (ROOT / path).is_file(), f"row {number}: {path}"
            assert not test or f"def {test}(" in (ROOT / path).read_text(), f"row {number}: {path}::{test}"


def test_incident_files_say_which_row_they_replay() -> None:
    for path in FAULT_FOLDER.glob("[0-9][0-9]-*.toml"):
        assert load_faults(path).incident == int(path.stem[:2])
    text = (ROOT / "docs" / "incidents.md").read_text()
    assert [p.name for p in FAULT_FOLDER.glob("[0-9][0-9]-*.toml") if f"config/faults/{p.name}" not in text] == []


def test_a_rule_can_be_read_back(tmp_path: Path) -> None:
    script = load_faults(FAULT_FOLDER / "storm.toml")
    assert msgspec.convert(msgspec.to_builtins(script), type(script)) == script
