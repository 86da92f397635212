"""The latch page: seen by other processes at once, closed by every damage, each kill released alone."""

import fcntl
import os
import subprocess
import sys
import zlib
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import risk
from engine.codes import KillMode, Reason
from engine.errors import UsageError
from engine.instrument import Instrument
from engine.order import Order
from risk.gate import Gate
from risk.latch import LatchCause, LatchPage, view_latch
from risk.latch_kernel import latch_mode
from risk.latch_layout import (
    ACTIVE,
    ANY,
    BUTTONS,
    CAUSE_BYTES,
    CAUSES_AT,
    DRILLED,
    FREE,
    NAMES_AT,
    NAMES_BYTES,
    PAGE_BYTES,
    ROW_CELLS,
    ROWS,
    ROWS_CELL,
    STATES_CELL,
    UNKNOWN,
    WORD_CELLS,
)
from risk.limits import AccountLimits, InstrumentLimits, StrategyLimits
from risk.scope import DRILL_SCOPE, GLOBAL_SCOPE, Scope, TradingNames

NAMES = TradingNames(
    accounts=("main", "other"),
    venues={"a": "main", "b": "main", "c": "other"},
    strategies={"one": "a", "two": "b"},
    instruments=("a:BTC", "a:ETH", "b:BTC"),
)
STATES_AT = STATES_CELL * 8
HALT, CANCEL, FLATTEN = KillMode.HALT.rank, KillMode.CANCEL.rank, KillMode.FLATTEN.rank
ROOT = Path(risk.__file__).parent.parent


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "latch"


def cause(kill_id: str = "K1", mode: KillMode = KillMode.HALT) -> LatchCause:
    return LatchCause(kill_id, "ann", "drill", mode, 7)


def latch(page: LatchPage, scope: Scope = GLOBAL_SCOPE, mode: KillMode = KillMode.HALT, kill_id: str = "K1") -> int:
    return page.latch(scope, cause(kill_id, mode))


def ranks(page: LatchPage) -> dict[str, int]:
    """Of each venue's actor as a whole."""
    return {venue: page.view(venue, account).rank() for venue, account in NAMES.venues.items()}


# -- making and opening -------------------------------------------------------------------------------------------


def test_a_new_page_lets_everybody_trade_and_leaves_no_draft(path: Path) -> None:
    page = LatchPage.create(path, NAMES)
    assert ranks(page) == {"a": 0, "b": 0, "c": 0}
    assert (page.kills(), page.view().cause(), page.is_damaged()) == ([], None, False)
    assert list(path.parent.iterdir()) == [path]
    assert path.stat().st_size == PAGE_BYTES


def test_an_existing_page_is_never_replaced(path: Path) -> None:
    latch(LatchPage.create(path, NAMES))
    before = path.read_bytes()
    with pytest.raises(UsageError, match="exists already"):
        LatchPage.create(path, NAMES)
    assert path.read_bytes() == before
    assert list(path.parent.iterdir()) == [path]


def test_a_page_in_a_missing_directory_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot be made"):
        LatchPage.create(tmp_path / "no" / "latch", NAMES)


def test_a_page_that_stands_in_for_a_lost_one_is_killed_from_its_first_byte(path: Path) -> None:
    page = LatchPage.create(path, NAMES, killed=cause("lost", KillMode.CANCEL))
    assert ranks(page) == {"a": CANCEL, "b": CANCEL, "c": CANCEL}
    assert [kill.cause for kill in page.kills()] == [cause("lost", KillMode.CANCEL)]


@pytest.mark.parametrize("name", ["", "x" * 129, "é" * 65])
def test_a_name_that_does_not_fit_is_refused(path: Path, name: str) -> None:
    with pytest.raises(UsageError, match="name"):
        LatchPage.create(path, TradingNames(accounts=(name,)))
    assert not path.exists()


def test_more_names_than_there_is_room_for_are_refused(path: Path) -> None:
    many = TradingNames(instruments=tuple(f"venue:{number:060}" for number in range(1_000)))
    with pytest.raises(UsageError, match="room for"):
        LatchPage.create(path, many)
    page = LatchPage.create(path, NAMES)
    with pytest.raises(UsageError, match="room for"):
        page.extend(many)
    assert LatchPage.open(path).names == page.names


def test_names_are_only_appended_and_kills_keep_what_they_cover(path: Path) -> None:
    page = LatchPage.create(path, NAMES)
    running = view_latch(path, "b", "main")
    latch(page, Scope(strategy="two"), kill_id="K-two")
    for number in range(4):
        LatchPage.open(path).extend(TradingNames(strategies={f"new{number}": "a", "one": "a"}, accounts=("aa",)))
    again = LatchPage.open(path)
    assert again.names.strategies == ("one", "two", "new0", "new1", "new2", "new3")
    assert again.names.accounts == ("main", "other", "aa")
    assert [kill.scope for kill in again.kills()] == [Scope(strategy="two")]
    latch(again, Scope(strategy="new3"), kill_id="K-new")
    assert {kill.scope for kill in page.kills()} == {Scope(strategy="two"), Scope(strategy="new3")}, "read anew"
    assert running.rank(running.index_of("strategy", "two")) == HALT
    assert running.index_of("strategy", "new3") == UNKNOWN, "as it was when it was opened"


def test_extending_by_nothing_new_writes_nothing(path: Path) -> None:
    page = LatchPage.create(path, NAMES)
    before = path.read_bytes()
    page.extend(TradingNames(venues={"b": "main"}))
    assert path.read_bytes() == before


# -- what a kill covers -------------------------------------------------------------------------------------------


def test_killing_one_venue_leaves_the_others(path: Path) -> None:
    page = LatchPage.create(path, NAMES)
    views = [view_latch(path, venue, account) for venue, account in NAMES.venues.items()]
    row = latch(page, Scope(venue="a"))
    assert 0 < row < ROWS
    assert [view.is_trading() for view in views] == [False, True, True]
    told = views[0].cause()
    assert told is not None
    assert (told.kill_id, told.by, told.reason, told.scope) == ("K1", "ann", "drill", "venue:a")
    assert views[1].cause() is None


@pytest.mark.parametrize(
    "scope", [Scope(venue="a"), Scope(account="other"), Scope(strategy="two"), Scope(venue="a", instrument="a:BTC")]
)
def test_who_belongs_to_no_venue_sees_the_kills_of_all(path: Path, scope: Scope) -> None:
    page = LatchPage.create(path, NAMES)
    onlooker = view_latch(path)
    latch(page, DRILL_SCOPE, kill_id="D1")
    assert (onlooker.kills(), onlooker.cause()) == ([], None), "a drill is no kill"
    latch(page, scope)
    told = onlooker.cause()
    assert [kill.scope for kill in onlooker.kills()] == [scope]
    assert told is not None
    assert told.kill_id == "K1"
    assert onlooker.is_trading(), "it is not killed as a whole"


def test_a_global_kill_covers_everybody_and_survives_opening_again(path: Path) -> None:
    latch(LatchPage.create(path, NAMES), mode=KillMode.CANCEL)
    again = LatchPage.open(path)
    assert ranks(again) == {"a": CANCEL, "b": CANCEL, "c": CANCEL}
    assert again.button_rank == CANCEL
    assert again.view().mode() is KillMode.CANCEL


def test_a_kill_of_a_strategy_or_an_instrument_leaves_the_actor_trading() -> None:
    page = LatchPage.memory(NAMES)
    view = page.view("a", "main")
    one, btc, eth = view.index_of("strategy", "one"), view.index_of("instrument", "a:BTC"), 1
    latch(page, Scope(strategy="one", instrument="a:BTC"), KillMode.REDUCE)
    assert view.is_trading()
    assert [view.rank(one, btc), view.rank(one, eth), view.rank(UNKNOWN, btc), view.rank(ANY, btc)] == [1, 0, 1, 0]
    assert len(view.kills()) == 1
    assert page.view("c", "other").kills(), "its strategies are not known to the page's view: it may be one of them"


def test_a_name_that_the_page_does_not_have_is_covered_by_every_kill_that_names_its_kind() -> None:
    page = LatchPage.memory(NAMES)
    view = page.view("a", "main")
    assert view.index_of("strategy", "nobody") == UNKNOWN
    assert view.rank(UNKNOWN, UNKNOWN) == 0
    latch(page, Scope(strategy="two"))
    assert view.rank(UNKNOWN, UNKNOWN) == HALT


def test_a_drill_covers_nobody() -> None:
    page = LatchPage.memory(NAMES)
    latch(page, DRILL_SCOPE, KillMode.FLATTEN)
    assert ranks(page) == {"a": 0, "b": 0, "c": 0}
    assert [kill.scope for kill in page.kills()] == [DRILL_SCOPE]
    assert page.view().is_trading()
    assert page.view("a", "main").cause() is None
    assert page.view("a", "main").kills() == []
    assert latch_mode(page.view("a", "main").words, 0, 0, UNKNOWN, UNKNOWN) == 0


def test_a_drill_covers_the_drill_strategies_and_no_others() -> None:
    page = LatchPage.memory(NAMES)
    view = page.view("a", "main", ["one", "not-in-the-page"])
    drilled, other = view.index_of("strategy", "one"), view.index_of("strategy", "two")
    strange = view.index_of("strategy", "not-in-the-page")
    assert [view.rank(each) for each in (drilled, other, strange)] == [0, 0, 0]
    latch(page, DRILL_SCOPE, KillMode.CANCEL)
    for index, rank in ((drilled, CANCEL), (other, 0), (strange, CANCEL), (UNKNOWN, 0), (ANY, 0)):
        assert view.rank(index) == rank
        assert latch_mode(view.words, view.venue, view.account, index, ANY) == rank
    assert view.is_trading()
    # a kill covers a drill strategy as it covers any other
    assert page.release("K1")
    latch(page, Scope(strategy="one"))
    assert [view.rank(each) for each in (drilled, other)] == [HALT, 0]
    assert page.view("a", "main").rank(page.names.index_of("strategy", "one")) == HALT


@pytest.mark.parametrize("scope", [Scope(venue="x"), Scope(account="x"), Scope(strategy="x"), Scope(instrument="a:X")])
def test_a_scope_that_the_page_does_not_know_is_refused_and_kills_nothing(scope: Scope) -> None:
    page = LatchPage.memory(NAMES)
    with pytest.raises(UsageError, match="no engine here trades it"):
        latch(page, scope)
    assert not page.kills()


def test_the_most_restrictive_kill_is_told() -> None:
    page = LatchPage.memory(NAMES)
    latch(page, GLOBAL_SCOPE, KillMode.REDUCE, "K-reduce")
    latch(page, Scope(venue="a"), KillMode.CANCEL, "K-cancel")
    latch(page, Scope(account="main"), KillMode.HALT, "K-halt")
    told = {venue: page.view(venue, account).cause() for venue, account in NAMES.venues.items()}
    assert {venue: why.kill_id for venue, why in told.items() if why} == {
        "a": "K-cancel",
        "b": "K-halt",
        "c": "K-reduce",
    }
    assert ranks(page) == {"a": CANCEL, "b": HALT, "c": 1}


def test_the_bare_store_kills_and_says_that_it_has_no_cause_yet() -> None:
    page = LatchPage.memory(NAMES)
    row = page.store("K9", Scope(venue="a"), KillMode.CANCEL)
    told = page.view("a", "main").cause()
    assert told is not None
    assert (told.mode, told.scope) == (KillMode.CANCEL, "venue:a")
    assert "no readable cause" in told.reason
    assert latch(page, Scope(venue="a"), KillMode.CANCEL, "K9") == row, "the same kill, the same row"
    assert len(page.kills()) == 1


@settings(deadline=None)
@given(kill_id=st.text(), by=st.text(), reason=st.text(max_size=600), mode=st.sampled_from(KillMode))
def test_any_text_fits_cut_at_a_whole_character(kill_id: str, by: str, reason: str, mode: KillMode) -> None:
    page = LatchPage.memory(NAMES)
    page.latch(Scope(venue="a"), LatchCause(kill_id, by, reason, mode, 2**62))
    told = page.view("a", "main").cause()
    assert told is not None
    assert (told.mode, told.wall_time_ns) == (mode, 2**62)
    for full, kept in ((kill_id, told.kill_id), (by, told.by), (reason, told.reason)):
        assert full.encode("utf-8", "replace").decode().startswith(kept)
        assert len(kept.encode()) > 60 or kept == full.encode("utf-8", "replace").decode()


# -- the table against a naive model ------------------------------------------------------------------------------

SCOPES = st.sampled_from(
    [
        GLOBAL_SCOPE,
        DRILL_SCOPE,
        *(Scope(venue=venue) for venue in NAMES.venues),
        *(Scope(account=account) for account in NAMES.accounts),
        *(Scope(strategy=strategy) for strategy in NAMES.strategies),
        *(Scope(instrument=instrument) for instrument in NAMES.instruments),
        Scope("a", "main", "one", "a:BTC"),
        Scope(account="main", instrument="b:BTC"),
    ]
)
MOVES = st.lists(
    st.one_of(
        st.tuples(st.just("kill"), st.integers(0, 9), SCOPES, st.sampled_from(KillMode)),
        st.tuples(st.just("release"), st.integers(0, 9), st.none(), st.none()),
    ),
    max_size=40,
)
ORDERS = [
    (venue, account, strategy, instrument)
    for venue, account in NAMES.venues.items()
    for strategy in NAMES.strategies
    for instrument in NAMES.instruments
]


@given(MOVES)
@settings(deadline=None)
def test_the_most_restrictive_wins_and_releasing_one_never_releases_another(
    moves: list[tuple[str, int, Scope, KillMode]],
) -> None:
    page = LatchPage.memory(NAMES)
    model: dict[str, tuple[Scope, KillMode]] = {}
    views = {venue: page.view(venue, account) for venue, account in NAMES.venues.items()}
    for move, number, scope, mode in moves:
        kill_id = f"K{number}"
        if move == "kill":
            latch(page, scope, mode, kill_id)
            model.setdefault(kill_id, (scope, mode))
        else:
            assert page.release(kill_id)
            model.pop(kill_id, None)
        page.settle_button(None)
        for order in ORDERS:
            venue, _, strategy, instrument = order
            expected = max((held.rank for covered, held in model.values() if covered.covers(*order)), default=0)
            view = views[venue]
            at = (view.index_of("strategy", strategy), view.index_of("instrument", instrument))
            assert view.rank(*at) == expected
            assert latch_mode(view.words, view.venue, view.account, *at) == expected
    assert {kill.cause.kill_id for kill in page.kills() if kill.cause} == set(model)


INDEX = st.integers(-2, 3)
#: What the gate reads.
USED_BYTES = ROWS_CELL * 8 + ROWS * ROW_CELLS * 8


@given(
    rows=st.dictionaries(st.integers(1, ROWS - 1), st.tuples(SCOPES, st.sampled_from(KillMode)), max_size=6),
    button=st.sampled_from([FREE, *BUTTONS.values()]),
    flips=st.lists(
        st.tuples(st.integers(0, ROWS_CELL * 8 + ROWS * ROW_CELLS * 8 - 1), st.integers(1, 255)), max_size=2
    ),
    order=st.tuples(INDEX, INDEX, INDEX | INDEX.map(lambda index: index + DRILLED), INDEX),
)
@settings(deadline=None)
def test_the_kernel_and_its_twin_say_the_same_of_every_page(
    rows: dict[int, tuple[Scope, KillMode]],
    button: int,
    flips: list[tuple[int, int]],
    order: tuple[int, int, int, int],
) -> None:
    page = LatchPage.memory(NAMES)
    for row, (scope, mode) in rows.items():
        page.rows.write(row, (row, mode.rank, *page._indices(scope)))
    page.rows.states[0] = button
    for at, change in flips:
        page.buffer[at] ^= change
    assert latch_mode(page.view().words, *order) == page.rank(*order)


# -- the table is full, and others write too ----------------------------------------------------------------------


def test_a_table_without_a_free_row_halts_everything_and_says_so() -> None:
    page = LatchPage.memory(NAMES)
    taken = [latch(page, Scope(venue="a"), KillMode.REDUCE, f"K{number}") for number in range(ROWS - 1)]
    assert sorted(taken) == list(range(1, ROWS))
    assert ranks(page) == {"a": 1, "b": 0, "c": 0}
    assert latch(page, Scope(venue="b"), KillMode.FLATTEN, "K-late") == 0
    assert ranks(page) == {"a": HALT, "b": HALT, "c": HALT}, "wider than asked for, and never more than a halt"
    assert page.release("K7")
    page.settle_button(KillMode.HALT)
    assert ranks(page) == {"a": HALT, "b": HALT, "c": HALT}, "while one kill has no row"
    assert latch(page, Scope(venue="b"), KillMode.FLATTEN, "K-late") == taken[7]
    page.settle_button(None)
    assert ranks(page) == {"a": 1, "b": FLATTEN, "c": 0}


HOLD_ROWS = """
import fcntl, os, sys
descriptor = os.open(sys.argv[1], os.O_RDWR)
for row in map(int, sys.argv[2].split(",")):
    fcntl.lockf(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB, 2, int(sys.argv[3]) + 2 * row)
print("held", flush=True)
sys.stdin.read()
"""


def holder(path: Path, rows: list[int]) -> subprocess.Popen[str]:
    """Another process that holds these rows, as one that was stopped in the middle of a kill would."""
    arguments = [sys.executable, "-c", HOLD_ROWS, str(path), ",".join(map(str, rows)), str(STATES_AT)]
    process = subprocess.Popen(arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    return process


def test_a_row_that_a_stopped_process_holds_is_passed_over(path: Path) -> None:
    page = LatchPage.create(path, NAMES)
    first = page.store("K1", Scope(venue="a"), KillMode.HALT)
    assert page.release("K1")
    with holder(path, [first]):
        assert page.store("K1", Scope(venue="a"), KillMode.HALT) == first % (ROWS - 1) + 1
    assert ranks(page) == {"a": HALT, "b": 0, "c": 0}


def test_with_every_row_held_a_kill_still_halts_and_a_release_has_to_wait(path: Path) -> None:
    page = LatchPage.create(path, NAMES)
    page.store("K1", Scope(venue="a"), KillMode.CANCEL)
    with holder(path, list(range(1, ROWS))):
        assert page.store("K2", Scope(venue="b"), KillMode.CANCEL) == 0
        assert not page.release("K1")
        assert ranks(page) == {"a": CANCEL, "b": HALT, "c": HALT}
    assert page.release("K1"), "locks end with their process"


def test_a_writer_that_died_between_its_stores_leaves_a_row_that_is_free_or_halts_everything(path: Path) -> None:
    page = LatchPage.create(path, NAMES)
    fields = (99, KillMode.HALT.rank, 0, ANY, ANY, ANY)
    at = ROWS_CELL + ROW_CELLS * 5
    for cell, value in enumerate(fields):
        page.rows.cells[at + cell] = value
        assert ranks(page) == {"a": 0, "b": 0, "c": 0}, "not yet killed, and nobody was told that it is"
    assert page.store("K1", Scope(venue="b"), KillMode.HALT) > 0, "the row is free for whoever comes"
    page.rows.states[6] = ACTIVE  # the state of a row whose fields are not there
    assert ranks(page) == {"a": CANCEL, "b": CANCEL, "c": CANCEL}
    assert (list(page.damaged_rows()), page.is_damaged()) == ([6], True)
    assert page.take_over(6, "damage", KillMode.CANCEL, GLOBAL_SCOPE)
    assert (page.is_damaged(), ranks(page)) == (False, {"a": CANCEL, "b": CANCEL, "c": CANCEL})
    assert page.release("damage")
    assert ranks(page) == {"a": 0, "b": HALT, "c": 0}


@given(at=st.integers(0, 12), other=st.sampled_from([Scope(venue="b"), Scope(strategy="one"), GLOBAL_SCOPE]))
@settings(deadline=None)
def test_two_writers_of_one_row_never_leave_less_than_what_they_said_they_killed(at: int, other: Scope) -> None:
    """One writer is stopped after its ``at``-th store, another writes all of the same row, then the first goes on."""
    page = LatchPage.memory(NAMES)
    mine = (1, KillMode.HALT.rank, *page._indices(Scope(venue="a")))
    stores: list[Callable[[], None]] = []
    base = ROWS_CELL + ROW_CELLS * 9
    whole = LatchPage.memory(NAMES)
    whole.rows.write(9, mine)
    stores = [
        lambda cell=cell: page.rows.cells.__setitem__(base + cell, whole.rows.cells[base + cell]) for cell in range(7)
    ]
    stores.append(partial(page.rows.states.__setitem__, 9, ACTIVE))
    for store in stores[:at]:
        store()
    page.rows.write(9, (2, KillMode.CANCEL.rank, *page._indices(other)))  # as if no row were locked
    for index, store in enumerate(stores[at:], at):
        store()
        if index < len(stores) - 2:
            assert page.is_damaged() or page.rows.fields(9)[0] == 2, "half mine, half the other's: everything is killed"
    assert page.rank(0, 0, ANY, ANY) >= HALT or page.rows.fields(9)[0] == 2


def test_the_button_let_go_while_somebody_presses_it_is_pressed_again(monkeypatch: pytest.MonkeyPatch) -> None:
    page = LatchPage.memory(NAMES)
    latch(page, GLOBAL_SCOPE, KillMode.HALT, "K1")
    assert page.release("K1")
    due = page._button_due

    def pressed_between(least: KillMode | None) -> int:
        rank = due(least)
        if page.kill("K2") is None:
            latch(page, GLOBAL_SCOPE, KillMode.CANCEL, "K2")
        return rank

    monkeypatch.setattr(page, "_button_due", pressed_between)
    page.settle_button(None)
    assert page.button_rank == CANCEL
    assert ranks(page) == {"a": CANCEL, "b": CANCEL, "c": CANCEL}


KILL_MANY = """
import sys
from engine.codes import KillMode
from risk.latch import LatchCause, LatchPage
from risk.scope import Scope
page = LatchPage.open(sys.argv[1])
print("ready", flush=True)
sys.stdin.read(1)
for number in range(int(sys.argv[3])):
    kill_id = f"{sys.argv[2]}-{number}"
    row = page.latch(Scope(venue="a"), LatchCause(kill_id, "bea", "from outside", KillMode.CANCEL, 3))
    print(kill_id, row, flush=True)
"""


def test_many_processes_at_once_each_get_a_row_of_their_own(path: Path) -> None:
    page = LatchPage.create(path, NAMES)
    writers = [
        subprocess.Popen(
            [sys.executable, "-c", KILL_MANY, str(path), f"w{number}", "9"],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for number in range(4)
    ]
    for writer in writers:
        assert writer.stdout is not None
        assert writer.stdout.readline() == "ready\n"
    told = [writer.communicate("x", timeout=60)[0] for writer in writers]
    rows = dict(line.split() for text in told for line in text.splitlines())
    assert len(rows) == len(set(rows.values())) == 36
    assert {kill.cause.kill_id: str(kill.row) for kill in page.kills() if kill.cause} == rows
    assert not page.is_damaged()


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
        lambda data: data.__setitem__(NAMES_AT + NAMES_BYTES + 12, 65),
        lambda data: data.__setitem__(slice(0, len(data)), bytes(len(data))),
        lambda data: data.__setitem__(slice(NAMES_AT, CAUSES_AT), bytes(CAUSES_AT - NAMES_AT)),
    ],
    ids=["empty", "short", "long", "foreign", "version", "size", "name", "zeros", "no names"],
)
def test_a_damaged_file_reads_as_killed_and_cannot_be_opened_for_writing(
    path: Path, change: Callable[[bytearray], object]
) -> None:
    LatchPage.create(path, NAMES)
    damaged(path, change)
    with pytest.raises(UsageError, match="latch"):
        LatchPage.open(path)
    for venue, account in NAMES.venues.items():
        view = view_latch(path, venue, account)
        assert view.mode() is KillMode.CANCEL
        told = view.cause()
        assert told is not None
        assert str(path) in told.reason


def test_a_newer_version_is_refused_by_name(path: Path) -> None:
    LatchPage.create(path, NAMES)

    def upgrade(data: bytearray) -> None:
        data[8] = 4
        data[20:24] = zlib.crc32(data[:20]).to_bytes(4, "little")

    damaged(path, upgrade)
    with pytest.raises(UsageError, match="version 4"):
        LatchPage.open(path)
    assert not view_latch(path, "a", "main").is_trading()


def test_a_missing_file_a_directory_or_an_unknown_venue_reads_as_killed(path: Path, tmp_path: Path) -> None:
    for place, says in ((path, "cannot be opened"), (tmp_path, "not a latch")):
        view = view_latch(place, "a", "main")
        told = view.cause()
        assert told is not None
        assert says in told.reason
        assert not view.is_trading()
    LatchPage.create(path, NAMES)
    for venue, account in (("x", "main"), ("a", "x"), ("a" * 200, "")):
        view = view_latch(path, venue, account)
        told = view.cause()
        assert told is not None
        assert "does not know" in told.reason
        assert not view.is_trading()


def killed_page() -> LatchPage:
    page = LatchPage.memory(NAMES)
    latch(page, Scope(venue="a"), KillMode.HALT, "K1")
    return page


@pytest.mark.parametrize("change", [0x01, 0x80, 0xFF], ids=hex)
def test_each_damaged_byte_of_a_page_still_reads_as_killed(change: int) -> None:
    """Every byte that the gate reads, one at a time: what was killed stays killed, whatever else may be by then."""
    page = killed_page()
    view = page.view("a", "main")
    for at in range(USED_BYTES):
        page.buffer[at] ^= change
        assert latch_mode(view.words, 0, 0, ANY, ANY) > 0, at
        page.buffer[at] ^= change
    assert not page.is_damaged()


@pytest.mark.parametrize("change", [0x01, 0x80, 0xFF], ids=hex)
def test_a_damaged_byte_of_a_page_without_kills_is_harmless_or_reads_as_killed(change: int) -> None:
    page = LatchPage.memory(NAMES)
    words = page.view("a", "main").words
    said = set()
    for at in range(STATES_AT + 2 * ROWS):
        page.buffer[at] ^= change
        said.add((at < 8 or at >= STATES_AT, latch_mode(words, 0, 0, ANY, ANY)))
        page.buffer[at] ^= change
    assert said == {(True, CANCEL), (False, 0)}, (
        "the magic and every state; what stands between is only read on opening"
    )


def test_a_damaged_file_byte_by_byte_is_refused_or_keeps_its_kill(path: Path) -> None:
    latch(LatchPage.create(path, NAMES), Scope(venue="a"), KillMode.HALT, "K1")
    data = bytearray(path.read_bytes())
    written = [at for at in range(PAGE_BYTES) if data[at]]
    for at in (*written, PAGE_BYTES - 1, NAMES_AT - 1, CAUSES_AT - 1):
        data[at] ^= 0x41
        path.write_bytes(data)
        assert not view_latch(path, "a", "main").is_trading(), at
        data[at] ^= 0x41


@given(state=st.integers(0, 0xFFFF).filter(lambda state: state not in (FREE, ACTIVE)), row=st.integers(1, ROWS - 1))
@settings(deadline=None)
def test_every_other_value_of_a_state_kills_everything(state: int, row: int) -> None:
    page = LatchPage.memory(NAMES)
    page.rows.states[row] = state
    assert latch_mode(page.view().words, 2, 1, 0, 0) == CANCEL
    assert page.view("c", "other").cause() is not None


@given(state=st.integers(0, 0xFFFF).filter(lambda state: state not in (FREE, *BUTTONS.values())))
@settings(deadline=None)
def test_every_other_value_of_the_button_kills_everything(state: int) -> None:
    page = LatchPage.memory(NAMES)
    page.rows.states[0] = state
    assert latch_mode(page.view().words, 2, 1, 0, 0) == CANCEL
    assert page.is_damaged()


def test_a_gate_on_a_damaged_page_refuses_at_both_looks(
    instrument: Instrument,
    limits: InstrumentLimits,
    make_order: Callable[..., Order],
    make_account: Callable[..., AccountLimits],
    make_strategy: Callable[..., StrategyLimits],
) -> None:
    page = LatchPage.memory(TradingNames(venues={"a": ""}))
    gate = Gate(make_account(), page.view("a"), 4)
    gate.define(instrument, limits)
    gate.define_strategy("s", make_strategy())
    gate.grant(1, 10)
    page.buffer[0] ^= 1
    assert gate.may_send(make_order(), 0) is Reason.HALTED
    assert getattr(gate.check(make_order(), 0), "reason", None) is Reason.HALTED


@given(at=st.integers(0, CAUSE_BYTES - 1), value=st.integers(1, 255))
@settings(deadline=None)
def test_a_damaged_cause_never_lets_anybody_trade_and_never_passes_for_another(at: int, value: int) -> None:
    page = killed_page()
    (kill,) = page.kills()
    page.buffer[CAUSES_AT + CAUSE_BYTES * kill.row + at] ^= value
    told = page.view("a", "main").cause()
    assert not page.view("a", "main").is_trading()
    assert told is not None
    assert told.kill_id == "K1" or "no readable cause" in told.reason


def test_a_view_cannot_write(path: Path) -> None:
    LatchPage.create(path, NAMES)
    for view in (view_latch(path, "a", "main"), LatchPage.open(path).view("a"), LatchPage.memory(NAMES).view("a")):
        assert len(view.words) == WORD_CELLS
        with pytest.raises(ValueError, match="read-only"):
            view.words[8] = 0


def test_the_file_of_a_page_is_closed_with_it(path: Path) -> None:
    page = LatchPage.create(path, NAMES)
    descriptor = page.rows._descriptor
    os.fstat(descriptor)
    del page
    with pytest.raises(OSError, match="Bad file descriptor"):
        fcntl.fcntl(descriptor, fcntl.F_GETFD)


# -- another process ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("scope", [GLOBAL_SCOPE, Scope(venue="a")], ids=["global", "venue"])
def test_a_kill_by_another_process_reaches_a_running_gate_at_once(
    path: Path,
    scope: Scope,
    instrument: Instrument,
    limits: InstrumentLimits,
    make_order: Callable[..., Order],
    make_account: Callable[..., AccountLimits],
    make_strategy: Callable[..., StrategyLimits],
) -> None:
    LatchPage.create(path, NAMES)
    gates = [Gate(make_account(), view_latch(path, venue, "main"), 4) for venue in ("a", "b")]
    for gate in gates:
        gate.define(instrument, limits)
        gate.define_strategy("s", make_strategy())
        gate.set_funds("USDT", 10**15)
        gate.on_quote(1, 10_000, 10_000, 0)
        gate.grant(1, 10**9)
        assert isinstance(gate.check(make_order("before"), 0), Order)
    text = KILL_MANY.replace('Scope(venue="a")', f"Scope(venue={scope.venue!r})")
    subprocess.run([sys.executable, "-c", text, str(path), "out", "1"], cwd=ROOT, check=True, timeout=60, input=b"x")
    halted = [getattr(gate.check(make_order("after"), 0), "reason", Reason.NONE) for gate in gates]
    assert halted == [Reason.HALTED, Reason.HALTED if scope.is_global else Reason.NONE]
    assert gates[0].may_send(make_order(), 0) is Reason.HALTED
    refusal = gates[0].check(make_order("again"), 0)
    assert "out-0" in getattr(refusal, "text", "")
