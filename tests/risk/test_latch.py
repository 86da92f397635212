"""The latch page: seen by other processes at once, closed by every damage, never opened by anything."""

import subprocess
import sys
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import risk
from engine.codes import KillMode, Reason
from engine.errors import UsageError
from engine.instrument import Instrument
from engine.order import Order
from risk.gate import Gate
from risk.latch import GLOBAL, SLOTS_MAX, TRADING, LatchCause, LatchPage, view_latch
from risk.limits import AccountLimits, InstrumentLimits

SLOTS = ["venue-a", "venue-b"]
WORDS_AT, NAMES_AT, CAUSES_AT = 64, 4096, 8192


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "latch"


def halt(page: LatchPage, slot: str, mode: KillMode = KillMode.HALT, kill_id: str = "K1") -> None:
    page.halt(slot, mode=mode, kill_id=kill_id, by="ann", reason="drill", wall_time_ns=7)


def trading(path: Path, slot: str) -> bool:
    return view_latch(path, slot).is_trading()


# -- making and opening -------------------------------------------------------------------------------------------


def test_a_new_page_lets_everybody_trade_and_leaves_no_draft(path: Path) -> None:
    page = LatchPage.create(path, SLOTS)
    assert page.slots == (GLOBAL, *SLOTS)
    assert all(page.view(slot).is_trading() and page.cause(slot) is None for slot in page.slots)
    assert list(path.parent.iterdir()) == [path]


def test_an_existing_page_is_never_replaced(path: Path) -> None:
    halt(LatchPage.create(path, SLOTS), GLOBAL)
    before = path.read_bytes()
    with pytest.raises(UsageError, match="exists already"):
        LatchPage.create(path, SLOTS)
    assert path.read_bytes() == before
    assert list(path.parent.iterdir()) == [path]


def test_a_page_in_a_missing_directory_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot be made"):
        LatchPage.create(tmp_path / "no" / "latch", SLOTS)


@pytest.mark.parametrize("name", ["", " a", "a ", "global", "a\0b", "x" * 64, "é" * 32])
def test_a_slot_name_that_does_not_fit_is_refused(path: Path, name: str) -> None:
    with pytest.raises(UsageError, match="latch slot"):
        LatchPage.create(path, [name])
    assert not path.exists()


def test_a_page_has_room_for_63_venue_actors_of_different_names(path: Path) -> None:
    with pytest.raises(UsageError, match="unique"):
        LatchPage.create(path, ["a", "a"])
    with pytest.raises(UsageError, match="63"):
        LatchPage.create(path, [f"v{n}" for n in range(SLOTS_MAX + 1)])
    page = LatchPage.create(path, [f"v{n}" for n in range(SLOTS_MAX)])
    halt(page, "v62", KillMode.CANCEL)
    assert not trading(path, "v62")
    assert trading(path, "v61")


def test_unknown_slots_are_named_with_the_known_ones(path: Path) -> None:
    page = LatchPage.create(path, SLOTS)
    for use in (page.view, page.cause, page.store_halted, page.is_trading):
        with pytest.raises(UsageError, match="it has: global, venue-a, venue-b"):
            use("venue-x")


# -- halting ------------------------------------------------------------------------------------------------------


def test_halting_one_venue_leaves_the_other(path: Path) -> None:
    page = LatchPage.create(path, SLOTS)
    views = [page.view(slot) for slot in SLOTS]
    halt(page, "venue-a")
    assert [view.is_trading() for view in views] == [False, True]
    assert views[0].cause() == LatchCause("K1", "ann", "drill", KillMode.HALT, 7)
    assert views[1].cause() is None


def test_halting_globally_halts_every_venue_and_survives_opening_again(path: Path) -> None:
    halt(LatchPage.create(path, SLOTS), GLOBAL)
    for slot in SLOTS:
        view = view_latch(path, slot)
        assert not view.is_trading()
        assert view.cause() == LatchCause("K1", "ann", "drill", KillMode.HALT, 7)
    assert not LatchPage.open(path).is_trading(GLOBAL)


def test_the_first_cause_is_kept_unless_a_later_one_is_more_restrictive(path: Path) -> None:
    page = LatchPage.create(path, SLOTS)
    for mode, kill_id, expected in (
        (KillMode.HALT, "K1", "K1"),
        (KillMode.HALT, "K2", "K1"),
        (KillMode.CANCEL, "K3", "K3"),
        (KillMode.HALT, "K4", "K3"),
        (KillMode.CANCEL, "K5", "K3"),
    ):
        halt(page, "venue-a", mode, kill_id)
        cause = page.cause("venue-a")
        assert cause is not None
        assert cause.kill_id == expected
        assert not page.is_trading("venue-a")


def test_the_more_restrictive_of_own_and_global_cause_is_told() -> None:
    page = LatchPage.memory(SLOTS)
    halt(page, GLOBAL, KillMode.CANCEL, "K-global")
    halt(page, "venue-a", KillMode.HALT, "K-own")
    cause = page.view("venue-a").cause()
    assert cause is not None
    assert cause.kill_id == "K-global"


def test_the_bare_store_halts_and_its_missing_cause_reads_as_the_most_restrictive() -> None:
    page = LatchPage.memory(SLOTS)
    page.store_halted("venue-a")
    assert not page.view("venue-a").is_trading()
    cause = page.cause("venue-a")
    assert cause is not None
    assert cause.mode is KillMode.CANCEL
    assert "no readable cause" in cause.reason
    halt(page, "venue-a", KillMode.HALT, "K9")
    assert page.cause("venue-a") == LatchCause("K9", "ann", "drill", KillMode.HALT, 7)


@settings(deadline=None)
@given(kill_id=st.text(), by=st.text(), reason=st.text(max_size=600), mode=st.sampled_from(KillMode))
def test_any_text_fits_cut_at_a_whole_character(kill_id: str, by: str, reason: str, mode: KillMode) -> None:
    page = LatchPage.memory(SLOTS)
    page.halt("venue-a", mode=mode, kill_id=kill_id, by=by, reason=reason, wall_time_ns=2**62)
    cause = page.cause("venue-a")
    assert cause is not None
    assert (cause.mode, cause.wall_time_ns) == (mode, 2**62)
    for told, kept in ((kill_id, cause.kill_id), (by, cause.by), (reason, cause.reason)):
        assert told.encode("utf-8", "replace").decode().startswith(kept)
        assert len(kept.encode()) > 60 or kept == told.encode("utf-8", "replace").decode()


def test_a_lone_surrogate_in_a_reason_does_not_stop_a_kill() -> None:
    page = LatchPage.memory(SLOTS)
    page.halt(GLOBAL, mode=KillMode.HALT, kill_id="K", by="ann", reason="bad \ud800 text", wall_time_ns=0)
    assert page.cause(GLOBAL) == LatchCause("K", "ann", "bad ? text", KillMode.HALT, 0)


# -- damage -------------------------------------------------------------------------------------------------------


def damaged(path: Path, change: Callable[[bytearray], object]) -> None:
    data = bytearray(path.read_bytes())
    change(data)
    path.write_bytes(data)


@pytest.mark.parametrize(
    "change",
    [
        lambda data: data.clear(),
        lambda data: data.pop(),
        lambda data: data.append(0),
        lambda data: data.__setitem__(slice(0, 8), b"SOMEBODY"),
        lambda data: data.__setitem__(8, 9),
        lambda data: data.__setitem__(12, 200),
        lambda data: data.__setitem__(NAMES_AT + 3, 65),
        lambda data: data.__setitem__(slice(0, len(data)), bytes(len(data))),
    ],
    ids=["empty", "short", "long", "foreign", "version", "count", "name", "zeros"],
)
def test_a_damaged_file_reads_as_halted_and_cannot_be_opened_for_writing(
    path: Path, change: Callable[[bytearray], object]
) -> None:
    LatchPage.create(path, SLOTS)
    damaged(path, change)
    with pytest.raises(UsageError, match="latch"):
        LatchPage.open(path)
    for slot in SLOTS:
        view = view_latch(path, slot)
        assert not view.is_trading()
        cause = view.cause()
        assert cause is not None
        assert str(path) in cause.reason


def test_a_newer_version_is_refused_by_name(path: Path) -> None:
    LatchPage.create(path, SLOTS)

    def upgrade(data: bytearray) -> None:
        data[8] = 2
        data[24:28] = zlib.crc32(data[NAMES_AT:CAUSES_AT], zlib.crc32(data[:24])).to_bytes(4, "little")

    damaged(path, upgrade)
    with pytest.raises(UsageError, match="version 2"):
        LatchPage.open(path)
    assert not trading(path, "venue-a")


def test_a_missing_file_or_slot_or_a_directory_reads_as_halted(path: Path, tmp_path: Path) -> None:
    for place, slot, text in ((path, "venue-a", "cannot be opened"), (tmp_path, "venue-a", "cannot be opened")):
        cause = view_latch(place, slot).cause()
        assert cause is not None
        assert text in cause.reason
        assert not trading(place, slot)
    LatchPage.create(path, SLOTS)
    for slot in ("venue-x", "", "x" * 200):
        view = view_latch(path, slot)
        assert not view.is_trading()
        cause = view.cause()
        assert cause is not None
        assert "no slot" in cause.reason


@given(word=st.integers(0, 2**64 - 1).filter(lambda word: word != TRADING), index=st.sampled_from([0, 1]))
@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_every_other_value_of_a_word_means_halted(
    word: int, index: int, instrument: Instrument, limits: InstrumentLimits, make_order: Callable[..., Order]
) -> None:
    page = LatchPage.memory(["venue-a"])
    gate = Gate(AccountLimits(9, 9, 9), page.view("venue-a"), 4)
    gate.define(instrument, limits)
    gate.grant(1, 10)
    page.buffer[WORDS_AT + 8 * index : WORDS_AT + 8 * index + 8] = word.to_bytes(8, "little")
    assert not page.view("venue-a").is_trading()
    assert gate.may_send(0) is Reason.HALTED
    assert getattr(gate.check(make_order(), 0), "reason", None) is Reason.HALTED


def test_a_header_damaged_while_mapped_halts(path: Path) -> None:
    page = LatchPage.create(path, SLOTS)
    view = view_latch(path, "venue-a")
    page.buffer[0:1] = b"X"
    assert not view.is_trading()
    assert not page.is_trading("venue-a")


@given(at=st.integers(0, 511), value=st.integers(1, 255))
@settings(deadline=None)
def test_a_damaged_cause_never_lets_anybody_trade_and_never_passes_for_another(at: int, value: int) -> None:
    page = LatchPage.memory(SLOTS)
    halt(page, "venue-a", KillMode.HALT, "K1")
    start = CAUSES_AT + 4 * 512  # slot 1, mode HALT
    page.buffer[start + at] ^= value
    cause = page.cause("venue-a")
    assert not page.view("venue-a").is_trading()
    assert cause is not None
    assert cause.kill_id == "K1" or "no readable cause" in cause.reason


def test_a_view_cannot_write(path: Path) -> None:
    LatchPage.create(path, SLOTS)
    for view in (
        view_latch(path, "venue-a"),
        LatchPage.open(path).view("venue-a"),
        LatchPage.memory(SLOTS).view("venue-a"),
    ):
        with pytest.raises(ValueError, match="read-only"):
            view.words[8] = TRADING


# -- another process ----------------------------------------------------------------------------------------------

HALT_FROM_OUTSIDE = """
import sys
from engine.codes import KillMode
from risk.latch import LatchPage
page = LatchPage.open(sys.argv[1])
page.halt(sys.argv[2], mode=KillMode.CANCEL, kill_id="K-out", by="bea", reason="from outside", wall_time_ns=3)
"""


@pytest.mark.parametrize("slot", [GLOBAL, "venue-a"])
def test_a_halt_by_another_process_reaches_a_running_gate_at_once(
    path: Path,
    slot: str,
    instrument: Instrument,
    limits: InstrumentLimits,
    make_order: Callable[..., Order],
) -> None:
    LatchPage.create(path, SLOTS)
    gates = [Gate(AccountLimits(9, 9, 9), view_latch(path, name), 4) for name in SLOTS]
    for gate in gates:
        gate.define(instrument, limits)
        gate.set_funds("USDT", 10**15)
        gate.on_quote(1, 10_000, 10_000, 0)
        gate.grant(1, 10**9)
        assert isinstance(gate.check(make_order("before"), 0), Order)
    root = Path(risk.__file__).parent.parent
    subprocess.run([sys.executable, "-c", HALT_FROM_OUTSIDE, str(path), slot], cwd=root, check=True, timeout=60)
    halted = [getattr(gate.check(make_order("after"), 0), "reason", Reason.NONE) for gate in gates]
    assert halted == [Reason.HALTED, Reason.HALTED if slot == GLOBAL else Reason.NONE]
    assert gates[0].may_send(0) is Reason.HALTED
    refusal = gates[0].check(make_order("again"), 0)
    assert "K-out" in getattr(refusal, "text", "")
