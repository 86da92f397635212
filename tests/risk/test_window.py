"""risk/window.py: what a reader of a venue actor's window page finds at each moment, and when it finds nothing."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.errors import UsageError
from risk.window import SendWindow, WindowOwner, WindowReader

OWNER = WindowOwner(4711, 2**40, 4026531836, "5f0c1f3e-0000-4000-8000-1234567890ab", True, 66, 2**45, 4712)


@given(st.lists(st.sampled_from(["sent", "refused", "held", "drained"]), max_size=40))
def test_a_reader_sees_the_window_open_until_every_byte_is_taken_and_all_that_left_before(
    tmp_path_factory: pytest.TempPathFactory, steps: list[str]
) -> None:
    path = tmp_path_factory.mktemp("window") / "venue.x.window"
    window = SendWindow.create(path, OWNER)
    reader = WindowReader.open(path)
    assert reader.owner == OWNER
    left = 0
    for step in steps:
        if step == "drained":
            window.drained()
        else:
            window.enter()
            assert reader.read()[0], "inside before anything is looked at"
            getattr(window, step)()
            left += step != "refused"
        inside, told = reader.read()
        assert inside is window.is_held
        assert window.orders == left
        assert told == left or (inside and told == left - 1), "an order that waits may not be counted yet"


def test_a_later_life_has_a_page_of_its_own(tmp_path: Path) -> None:
    path = tmp_path / "venue.x.window"
    old = SendWindow.create(path, OWNER)
    old.enter()
    looking = WindowReader.open(path)
    SendWindow.create(path, OWNER._replace(pid=4712))
    assert looking.read() == (True, 0)
    assert WindowReader.open(path).read() == (False, 0)
    assert WindowReader.open(path).owner.pid == 4712


def test_a_page_that_is_missing_short_or_damaged_is_none(tmp_path: Path) -> None:
    path = tmp_path / "venue.x.window"
    with pytest.raises(UsageError, match="cannot be read"):
        WindowReader.open(path)
    SendWindow.create(path, OWNER)
    whole = path.read_bytes()
    for at in range(len(whole[:128])):
        path.write_bytes(whole[:at] + bytes((whole[at] ^ 0x10,)) + whole[at + 1 :])
        with pytest.raises(UsageError, match="damaged"):
            WindowReader.open(path)
    for size in (0, 1, 127, 128, len(whole) - 1):
        path.write_bytes(whole[:size])
        with pytest.raises(UsageError, match=r"cannot be read|damaged"):
            WindowReader.open(path)


def test_it_says_where_it_cannot_be_made(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"window page .* cannot be made"):
        SendWindow.create(tmp_path / "nowhere" / "venue.x.window", OWNER)


def test_one_that_nobody_looks_into_counts_all_the_same() -> None:
    window = SendWindow.memory()
    window.enter()
    window.sent()
    assert window.orders == 1
