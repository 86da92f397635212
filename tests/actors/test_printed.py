"""What strategies print is in the log, line by line, under their names, and nowhere else."""

import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st
from trading_desk import MakeDesk, strategy

from actors.printed import PrintedLines


def test_what_two_co_hosted_strategies_print_is_told_apart(
    make_desk: MakeDesk, capsys: pytest.CaptureFixture[str]
) -> None:
    desk = make_desk(
        strategy("one", "Talker", placement="co-located", line="from one"),
        strategy("two", "Talker", placement="co-located", line="from two"),
        strategy("three", "Talker", line="from three"),
    )
    desk.run_for(1)
    printed = [(fields["strategy"], fields["text"]) for fields in desk.logged("printed")]
    assert set(printed) == {(name, f"from {name}") for name in ("one", "two", "three")}
    assert capsys.readouterr().out == ""


def test_nothing_is_redirected_between_callbacks_and_after_a_failure(
    make_desk: MakeDesk, capsys: pytest.CaptureFixture[str]
) -> None:
    stdout = sys.stdout
    desk = make_desk(strategy("one", "Talker", line="a", fails=1))
    desk.run_for(1)
    assert sys.stdout is stdout
    assert desk.logged("strategy failed")
    assert [fields["text"] for fields in desk.logged("printed")] == ["a"]


def test_a_line_that_is_not_ended_is_told_at_the_end(make_desk: MakeDesk) -> None:
    desk = make_desk(strategy("one", "Talker", line="begun", end=""))
    desk.run_for(0.2)
    assert not desk.logged("printed")
    desk.hosted("one").on_stop(desk.now_ns)
    assert [fields["text"][:5] for fields in desk.logged("printed")] == ["begun"]


@given(pieces=st.lists(st.text(alphabet="ab \n", max_size=8)))
def test_lines_are_whole_however_they_are_written(pieces: list[str]) -> None:
    told: list[str] = []
    lines = PrintedLines(told.append)
    for piece in pieces:
        assert lines.write(piece) == len(piece)
    lines.finish()
    assert told == [line.rstrip() for line in "".join(pieces).split("\n") if line.strip()]


def test_a_line_without_end_is_told_in_pieces() -> None:
    told: list[str] = []
    lines = PrintedLines(told.append)
    for _ in range(10):
        lines.write("x" * 1_000)
    lines.finish()
    assert "".join(told) == "x" * 10_000
    assert max(map(len, told)) <= 2_000
