"""Controls on who may do what: whose an order is, who may change a limit or end a kill, what may start at all."""

import re
import shutil
from pathlib import Path

import msgspec

from actors.places import KILL_SWITCH, venue_actor
from cli.controls import book
from cli.controls.control import Control, expect
from cli.controls.desk import SECOND_NS, Desk, make_desk
from cli.simulation.bugs.planting import Bug, planted
from cli.simulation.people import PEOPLE, STRANGER
from config import hashing
from config.errors import ConfigErrors
from config.hashing import run_hash
from config.program import PACKAGES, ROOT, program_hash
from engine.codes import OrderType, Reason, Side, TimeInForce
from engine.messages import (
    CancelAll,
    CancelOrder,
    Instructions,
    KillApproval,
    KillQuery,
    KillRelease,
    LeaseGrant,
    NewOrder,
    NewOrderList,
    Refusal,
    ReplaceOrder,
    StrategyLogon,
    decode_message,
    encode_message,
)
from engine.order import Order

__all__ = ["AUTHORITY_CONTROLS"]

_ONE = ({"alpha": "desk"}, {"one": "alpha"})
_NO_LEASE = ("NO_LEASE", "LEASE_EXPIRED")
_ANOTHER_PROGRAM = Bug(
    "another-program", "one server has another program", lambda: [(hashing, "program_hash", lambda: "0" * 64)], ()
)
#: What a strategy can say of an order. A limit is not among it.
_ORDER_WORDS = {
    "client_order_id",
    "orig_client_order_id",
    "account_id",
    "strategy_id",
    "instrument_id",
    "side",
    "order_type",
    "time_in_force",
    "quantity_lots",
    "price_ticks",
    "post_only",
    "created_ns",
    "tick_received_ns",
    "instructions",
    "list_id",
    "contingency",
    "orders",
}
#: And beyond a plain order. What an order is valued at is the gate's word, whatever a strategy writes there.
_INSTRUCTION_WORDS = {
    "trigger_ticks",
    "trailing_ppm",
    "display_lots",
    "expires_wall_ns",
    "self_trade",
    "list_id",
    "contingency",
    "reserve_ticks",
}


def _forged(desk: Desk, client_order_id: str, account: str, strategy: str) -> NewOrder:
    price = desk.hand("one").quote.bid_ticks - 100_000
    return NewOrder(client_order_id, account, strategy, 0, Side.BUY, OrderType.LIMIT, TimeInForce.GTC, 1_000, price)


def _attribution(folder: Path) -> str:
    desk = make_desk(folder, {"alpha": "desk"}, {"one": "alpha", "two": "alpha"})
    desk.rest("one", 4)
    desk.rest("two", 3)
    before = len(desk.orders_at("alpha"))
    for number, (account, strategy) in enumerate((("desk", "one"), ("desk", "nobody"), ("other", "one"), ("", ""))):
        desk.say(venue_actor("alpha"), _forged(desk, f"{strategy}-f-{number}", account, strategy))
    expect(len(desk.orders_at("alpha")) == before, "an order of nobody, or in another's name, has reached the exchange")
    owners = {
        record.terms.client_order_id: record.terms.client_order_id.partition("-")[0]
        for record in desk.orders_at("alpha")
    }
    counts = [list(owners.values()).count(strategy) for strategy in ("one", "two")]
    expect(counts == [4, 3], f"by the ids at the exchange, the strategies have {counts} orders, not 4 and 3")
    orders = desk.venue("alpha").blotter.orders
    wrong = [
        name for name, owner in owners.items() if orders[name].strategy_id != owner or orders[name].account_id != "desk"
    ]
    expect(not wrong, f"the books have another owner of {', '.join(wrong)} than its id")
    return (
        f"{before} orders at the exchange, each id begins with its strategy; 4 forged ones (no owner, another's "
        "name) were not sent"
    )


def _override(folder: Path) -> str:
    desk = make_desk(folder, limits={"order_notional_max": "1000"})
    orders = [desk.place("one", 2_000, away=100_000 + number) for number in range(200)]
    desk.run_for(1)
    states = {desk.hand("one").state_of(order) for order in orders}
    expect(states == {"ORDER_NOTIONAL"}, f"an order over its limit, sent 200 times, is {', '.join(sorted(states))}")
    return "an order over its limit sent 200 times: refused 200 times. There is no override, temporary or other"


def _predefined(folder: Path) -> str:
    venues, strategies = _ONE
    whole = book.text(venues, strategies)
    book.load(folder, venues, whole)
    lines = whole.splitlines(keepends=True)
    keys = [number for number, line in enumerate(lines) if re.match(r"[a-z_]+(_max|_bps|_ms)\b", line)]
    for number in keys:
        _refused(folder, "".join(lines[:number] + lines[number + 1 :]), lines[number].partition(" ")[0])
    tables = re.findall(r"^\[+(?:accounts|venues|venues\.instruments)(?:\.limits)?\]+$", whole, re.MULTILINE)
    for table in tables:
        _refused(folder, whole.replace(table, "", 1), table)
    _refused(folder, whole.replace('instruments = ["alpha:BTCUSDT"]', ""), "the list of instruments")
    (folder / "desk").mkdir()
    desk = make_desk(folder / "desk")
    hand = desk.hand("one")
    known = hand.instrument
    order = hand.buy(msgspec.structs.replace(known, instrument_id=1), 1_000, hand.quote.bid_ticks)
    desk.run_for(0.2)
    outcome = hand.state_of(order)
    expect(outcome == "UNKNOWN_INSTRUMENT", f"an order in an instrument that is not on the list is {outcome}")
    return (
        f"{len(keys)} limits and {len(tables)} tables left out one by one: each refuses to start and is named; "
        "instruments "
        "and venues are lists, and what is not on them is refused"
    )


def _refused(folder: Path, toml: str, what: str) -> None:
    try:
        book.load(folder, _ONE[0], toml)
    except ConfigErrors:
        return
    expect(False, f"a configuration without {what} is accepted")


def _access(folder: Path) -> str:
    desk = make_desk(folder)
    kill = desk.press("global")
    refusals = {
        "nobody's approval": desk.release(kill),
        "a stranger's approval": desk.approve(kill, STRANGER),
        "an approval in another's name": desk.approve(kill, PEOPLE[0], signer=PEOPLE[1]),
    }
    for what, refusal in refusals.items():
        expect(refusal, f"{what} is taken")
    expect(not desk.approve(kill, PEOPLE[0]), "an approval that is right is refused")
    desk.approve(kill, PEOPLE[0])
    expect(desk.release(kill), "one person has released a kill")
    expect(desk.latch.kills(), "the latch was freed by one person")
    expect(not desk.approve(kill, PEOPLE[1]), "a second person's approval is refused")
    refusal = desk.release(kill)
    expect(not refusal, f"two people cannot release: {refusal}")
    expect(not desk.latch.kills(), "the latch holds after two people have released")
    (record,) = desk.ask(KillQuery(kill.kill_id)).kills
    approvers = [each.person for each in record.approvals]
    expect(approvers == list(PEOPLE[:2]), f"the record of the kill names {approvers}")
    return (
        "a release by nobody, a stranger, a forged signature and one person twice was refused; by two people it "
        "was done, with both on record"
    )


def _exclusive(folder: Path) -> str:
    desk = make_desk(folder)
    kill = desk.press("global")
    desk.say(KILL_SWITCH, KillRelease(kill.kill_id, "one"))
    soon_ns = desk.wall_ns + 60 * SECOND_NS
    for person in PEOPLE[:2]:
        desk.say(KILL_SWITCH, KillApproval(kill.kill_id, person, soon_ns, "00" * 64))
    desk.say(KILL_SWITCH, KillRelease(kill.kill_id, PEOPLE[0]))
    desk.say(
        venue_actor("alpha"),
        LeaseGrant(1 << 40, desk.now_ns, 1000 * SECOND_NS, ceilings_seq=1 << 40, ceilings={"open_orders": 10**6}),
    )
    outcome = desk.outcome("one")
    expect(desk.latch.kills(), "what a strategy could send has released a kill")
    expect(
        outcome in ("HALTED", "NO_LEASE", "LEASE_EXPIRED"),
        f"what a strategy could send has it trading again: {outcome}",
    )
    (folder / "free").mkdir()
    desk = make_desk(folder / "free", limits={"open_orders_max": 3})
    desk.say(
        venue_actor("alpha"),
        LeaseGrant(1 << 40, desk.now_ns, 1000 * SECOND_NS, ceilings_seq=1 << 40, ceilings={"open_orders": 10**6}),
    )
    states = [desk.outcome("one", away=100_000 + number) for number in range(4)]
    expect(states[-1] == "OPEN_ORDERS", f"what a strategy could send has raised a limit: {states}")
    return (
        "releases, approvals without a signature and a forged lease with higher ceilings: none released a kill or "
        "raised a limit"
    )


def _parity(folder: Path) -> str:
    (folder / "desk").mkdir()
    desk = make_desk(folder / "desk")
    beat = desk.venue("alpha").core.settings.config_hash
    expect(beat == run_hash(desk.config), f"a venue actor's heartbeat carries {beat!r} for what it runs on")
    before = desk.outcome("one")
    expect(before == "NEW", f"before, an order is {before}")
    right = book.text(*_ONE)
    wrong = book.text(*_ONE, limits={"order_quantity_max": "2"})
    outcome = _reborn(desk, wrong)
    expect(outcome in _NO_LEASE, f"with one limit different at one venue actor, its order is {outcome}")
    outcome = _reborn(desk, right)
    expect(outcome == "NEW", f"with the same limit again, its order is {outcome}")
    with planted(_ANOTHER_PROGRAM):
        outcome = _reborn(desk, right)
    expect(outcome in _NO_LEASE, f"with another program at one venue actor, its order is {outcome}")
    outcome = _reborn(desk, right)
    expect(outcome == "NEW", f"with the same program again, its order is {outcome}")
    copies = folder / "same", folder / "changed"
    for copy in copies:
        for package in PACKAGES:
            shutil.copytree(ROOT / package, copy / package, ignore=shutil.ignore_patterns("__pycache__"))
    with (copies[1] / "risk" / "gate.py").open("a") as file:
        file.write("\n")
    expect(program_hash(copies[0]) != program_hash(copies[1]), "a program with a changed file has the same hash")
    return (
        "one venue actor with one limit different, then with another program: both times it gets no lease and sends "
        "nothing, and trades when it is the same again; one byte added to one file changes the program's hash"
    )


def _reborn(desk: Desk, toml: str) -> str:
    """What becomes of an order when the venue actor's next life runs on this configuration."""
    host = venue_actor("alpha")
    desk.runtime.crash(host)
    desk.reconfigure(host, toml)
    desk.runtime.restart(host)
    desk.run_for(20)
    return desk.outcome("one", away=100_000 + desk.now_ns // SECOND_NS)


def _separated(folder: Path) -> str:
    for kind in (NewOrder, NewOrderList, ReplaceOrder, CancelOrder, CancelAll, Instructions):
        words = _INSTRUCTION_WORDS if kind is Instructions else _ORDER_WORDS
        extra = set(kind.__struct_fields__) - words
        expect(not extra, f"{kind.__name__} carries {', '.join(sorted(extra))}")
    extra = set(StrategyLogon.__struct_fields__) - {
        "account_id",
        "strategy_id",
        "book_levels",
        "last_report_seq",
        "pending",
    }
    expect(not extra, f"a strategy logs on with {', '.join(sorted(extra))}")
    desk = make_desk(folder, limits={"order_notional_max": "1000"})
    order = _forged(desk, "one-1", "desk", "one")
    smuggled = [*msgspec.msgpack.decode(encode_message(order)), {"order_notional_max": "1000000"}]
    decoded = decode_message(msgspec.msgpack.encode(smuggled))
    expect(decoded == order, "a frame with a limit behind its order is read as another order")
    outcome = desk.outcome("one", 2_000)
    expect(outcome == "ORDER_NOTIONAL", f"an order over its limit is {outcome}")
    cheap = _forged(desk, "one-2", "desk", "one")
    cheap = msgspec.structs.replace(cheap, quantity_lots=2_000, instructions=Instructions(reserve_ticks=1))
    answer = desk.venue("alpha").gate.check(Order.from_new(cheap), desk.now_ns)
    refused = isinstance(answer, Refusal) and answer.reason is Reason.ORDER_NOTIONAL
    expect(refused, "an order that says itself what it is worth passes the gate")
    return (
        f"the {len(_ORDER_WORDS | _INSTRUCTION_WORDS)} words that an order can carry hold no limit; one appended to "
        "its frame is not read; what an order says of its own worth counts for nothing; over the limit is refused"
    )


AUTHORITY_CONTROLS = (
    Control(
        3,
        "every order is attributable",
        "R6-12(3)",
        "It is known which algorithm and which trader, desk or client is behind each order.",
        "Two strategies trade; orders that name nobody, or another, are sent on a link of somebody else; the "
        "exchange's ids and our books are compared.",
        _attribution,
        missing="the person or desk responsible (principal_id) on the order: strategy and account are all it names",
    ),
    Control(
        14,
        "overrides of a block",
        "R6-15(6)",
        "A blocked order may be sent all the same only for a time, in exceptional circumstances, checked by risk "
        "management and authorised by a named person.",
        "An order over its limit is sent again and again.",
        _override,
        missing="an override for one order and a short time by two named people; today one must change the limit "
        "and restart, and nobody else has to agree to that",
    ),
    Control(
        15,
        "predefined limits before deployment",
        "R6-8",
        "Before it is deployed, an algorithm has limits on the number of instruments, on price, value and number "
        "of orders, on its positions and on the number of venues.",
        "Every limit and table is left out of a configuration, one at a time; an instrument that is not on the "
        "list is traded.",
        _predefined,
    ),
    Control(
        20,
        "restricted and tracked access",
        "R6-18; MA (c)(2)",
        "Access is restricted, and what privileged people do is tracked.",
        "A kill is released by nobody, a stranger, with a forged signature, by one person twice, by two people.",
        _access,
        missing="log-in with a second factor, roles, and an audit trail of every risk action; today: two "
        "signatures to release, and receipts of kills",
    ),
    Control(
        23,
        "controls under the firm's exclusive control",
        "MA (d)",
        "The controls are under the firm's direct and exclusive control, out of reach of whoever trades.",
        "From a link of its own, everything that could release a kill or raise a limit is sent without the right "
        "signature.",
        _exclusive,
        missing="a system user of its own for strategies: own process or not, they run as the engine's user, who "
        "may write its files; a co-located one shares its venue actor's memory",
    ),
    Control(
        30,
        "deploy parity",
        "KC",
        "What runs on every server is the same; a difference stops trading.",
        "One venue actor is restarted on a configuration with one limit changed, on the right one, as another program, "
        "as the right one; one byte is added to a copy of the program.",
        _parity,
    ),
    Control(
        33,
        "risk control apart from the desks",
        "R6-1(c)",
        "Risk control is separate from trading: a limit never travels on an order and never stands in a strategy.",
        "The fields of every message of a strategy; a frame with a limit smuggled in behind the order.",
        _separated,
    ),
)
