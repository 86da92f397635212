"""Controls on what is kept, and on what is left when something is lost."""

from pathlib import Path

from actors.places import KILL_SWITCH, latch_path, risk_actor, venue_actor
from actors.venue_records import decode_record
from actors.wiring import latch_view, open_state
from cli.controls import book
from cli.controls.control import Control, expect
from cli.controls.desk import make_desk
from engine.messages import NewOrder
from store.segment import JournalDamaged, SegmentJournal

__all__ = ["RECORD_CONTROLS"]

_RECORDS = 200
_SEGMENT_BYTES = 8 * 1024 * 1024


def _lost_data(folder: Path) -> str:
    desk = make_desk(folder)
    path = latch_path(desk.config)
    backup = path.read_bytes()
    desk.rest("one", 3)
    desk.press("global")
    hosts = (venue_actor("alpha"), risk_actor("desk"), KILL_SWITCH)
    for host in hosts:
        desk.runtime.crash(host)
    path.write_bytes(backup)
    for host in hosts:
        desk.restart(host)
    desk.run_for(5)
    outcome = desk.outcome("one")
    expect(outcome in ("HALTED", "NO_LEASE"), f"with a latch from before the kill restored, an order is {outcome}")
    expect(desk.latch.kills(), "a latch from before the kill was restored, and the kill is forgotten")
    damages = {
        "cut in half": backup[: len(backup) // 2],
        "empty": b"",
        "zeros": bytes(len(backup)),
        "noise": bytes(range(256)) * (len(backup) // 256),
    }
    for what, content in damages.items():
        expect(not _trades_on(folder / what.replace(" ", "-"), content), f"a latch that is {what} lets orders pass")
    expect(not _trades_on(folder / "missing", None), "a latch that is missing lets orders pass")
    return (
        f"a latch restored from before a kill: still killed; a latch that is missing, {', '.join(damages)}: nothing "
        "passes"
    )


def _trades_on(folder: Path, latch: bytes | None) -> bool:
    """Whether anything may be sent from a new state directory whose latch was replaced by this."""
    folder.mkdir()
    venues = {"alpha": "desk"}
    config = book.load(folder, venues, book.text(venues, {"one": "alpha"}))
    open_state(config)
    latch_path(config).unlink()
    if latch is not None:
        latch_path(config).write_bytes(latch)
        return latch_view(config, venue_actor("alpha")).is_trading()
    open_state(config)
    return latch_view(config, venue_actor("alpha")).is_trading()


def _records(folder: Path) -> str:
    desk = make_desk(folder)
    desk.rest("one", 20)
    desk.take("one", 20_000)
    desk.press("global")
    records = [(now_ns, decode_record(payload)) for now_ns, payload in desk.journal(venue_actor("alpha"))]
    kept = {record.client_order_id: now_ns for now_ns, record in records if isinstance(record, NewOrder)}
    there = desk.orders_at("alpha")
    missing = [each.terms.client_order_id for each in there if each.terms.client_order_id not in kept]
    expect(not missing, f"{len(missing)} orders at the exchange are not in the journal")
    clock_ns = desk.wall_ns - desk.now_ns
    late = [each for each in there if kept[each.terms.client_order_id] + clock_ns > each.created_wall_ns]
    expect(not late, f"{len(late)} orders were at the exchange before they were in the journal")
    directory = folder / "journal"
    segment = _segment(directory)
    whole = segment.read_bytes()
    at = whole.index(b"record 00100")
    segment.write_bytes(whole[:at] + b"R" + whole[at + 1 :])
    try:
        SegmentJournal(directory, _SEGMENT_BYTES).close()
    except JournalDamaged:
        return (
            f"{len(there)} orders at the exchange, each in the journal before it was there, with its time; 1 byte "
            f"changed among {_RECORDS} records is found and named"
        )
    expect(False, "a journal with a changed byte is opened")
    return ""


def _segment(directory: Path) -> Path:
    """The one file of a new journal with some records."""
    journal = SegmentJournal(directory, _SEGMENT_BYTES)
    for number in range(_RECORDS):
        journal.append(f"record {number:05d}".encode(), number)
    journal.close()
    return next(directory.glob("*.journal"))


RECORD_CONTROLS = (
    Control(
        6,
        "back-up site and loss of data",
        "R6-14(2)(b,c)",
        "There is a procedure to move to a back-up site, and for adverse cases, loss or alteration of data among them.",
        "A latch from before a kill is restored; it is missing, cut, emptied, overwritten.",
        _lost_data,
        missing="backup and restore of journals and state, a drill of moving to another site, and its times (RPO, RTO)",
    ),
    Control(
        24,
        "execution reports to surveillance staff",
        "MA (c)(2)(iv)",
        "Surveillance staff get execution reports immediately.",
        missing="a drop copy: reports go to the strategy and into the journal, to nobody else",
    ),
    Control(
        31,
        "records of orders and decisions",
        "R6-28",
        "Orders and decisions are recorded with their time, and a later change is evident.",
        "Orders at the exchange are held against the journal; one byte of a journal on disk is changed.",
        _records,
        missing="proof against a change on purpose: a checksum finds damage, and whoever may write the file can "
        "compute it anew; refusals are counted, not recorded",
    ),
    Control(
        32,
        "stress test at twice the peak",
        "R6-10",
        "The system stands twice the highest message volume of the last six months.",
        missing="a load profile that doubles a recorded peak and is run with every change",
    ),
)
