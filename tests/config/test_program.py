"""The fingerprint of a program: the same wherever it stands, another for any other file."""

from pathlib import Path

import pytest

from config.program import PACKAGES, program_hash


@pytest.fixture
def program(tmp_path: Path) -> Path:
    for package in PACKAGES:
        (tmp_path / "one" / package).mkdir(parents=True)
        (tmp_path / "one" / package / "code.py").write_text(f"# {package}\n")
    return tmp_path / "one"


def test_the_same_program_in_another_place_has_the_same_hash(program: Path) -> None:
    first = program_hash(program)
    moved = program.rename(program.with_name("two"))
    (moved / "engine" / "__pycache__").mkdir()
    (moved / "engine" / "__pycache__" / "code.cpython-311.pyc").write_bytes(b"compiled")
    assert program_hash(moved) == first
    assert len(first) == 64


@pytest.mark.parametrize("package", PACKAGES)
def test_a_byte_more_in_any_package_is_another_program(program: Path, package: str) -> None:
    first = program_hash(program)
    changed = program.rename(program.with_name("two"))
    (changed / package / "code.py").write_text(f"# {package}\n\n")
    assert program_hash(changed) != first


def test_code_that_moves_between_files_is_another_program(program: Path) -> None:
    (program / "risk" / "more.py").write_text("a\n")
    first = program_hash(program)
    changed = program.rename(program.with_name("two"))
    (changed / "risk" / "code.py").write_text("# risk\na\n")
    (changed / "risk" / "more.py").write_text("")
    assert program_hash(changed) != first
