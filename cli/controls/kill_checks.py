"""Controls on the kill switch: what it reaches, in which order, and that it tells the truth about it."""

from itertools import pairwise
from pathlib import Path

from actors.places import KILL_SWITCH, venue_actor
from cli.cancel_run import cancel_host
from cli.controls.control import Control, expect
from cli.controls.desk import MS, Desk, make_desk
from cli.kill_cancel import killed_venues
from engine.codes import KillMode
from engine.messages import KillReceipt

__all__ = ["KILL_CONTROLS"]

_VENUES = {"alpha": "desk", "beta": "fund", "gamma": "third"}
_STRATEGIES = {"one": "alpha", "two": "beta", "three": "gamma"}
_EACH = 40
_PACE_MS = 500


def _stages(receipt: KillReceipt) -> list[str]:
    return [stage.stage for stage in receipt.stages if stage.after_ns >= 0]


def _confirmed(receipt: KillReceipt, venues: int) -> None:
    expect(receipt.complete, f"the kill is not complete: waiting for {', '.join(receipt.waiting_for) or 'nobody'}")
    done = sum(each.stage == "cancelled" and not each.open_orders for each in receipt.actors)
    expect(done == venues, f"{done} of {venues} venue actors have confirmed that nothing is open")


def _any_or_all(folder: Path) -> str:
    desk = make_desk(folder, _VENUES, _STRATEGIES)
    for strategy in _STRATEGIES:
        desk.rest(strategy, _EACH)
    receipt = desk.press("venue:beta")
    open_now = [desk.open_at(venue) for venue in _VENUES]
    expect(
        open_now == [_EACH, 0, _EACH], f"after a kill of the second of three venues, {open_now} orders are open there"
    )
    _confirmed(receipt, 1)
    receipt = desk.press("global")
    open_now = [desk.open_at(venue) for venue in _VENUES]
    expect(not any(open_now), f"after a kill of everything, {open_now} orders are open at the venues")
    _confirmed(receipt, len(_VENUES))
    cancelled_ms = receipt.stages[-1].after_ns / MS
    return (
        f"{len(_VENUES)} venues × {_EACH} orders: one kill of one venue cancelled its {_EACH} and no other, one "
        "kill of "
        f"everything the rest; 0 open by the exchanges' own books, each confirmed, in {cancelled_ms:.1f} virtual ms"
    )


def _scopes(folder: Path) -> str:
    venues = {"alpha": "desk", "beta": "desk", "gamma": "fund"}
    strategies = {"one": "alpha", "two": "alpha", "three": "beta", "four": "gamma"}
    cases = {
        "strategy:one": {"one"},
        "strategy:one+instrument:alpha:BTCUSDT": {"one"},
        "instrument:alpha:BTCUSDT": {"one", "two"},
        "venue:alpha": {"one", "two"},
        "account:desk": {"one", "two", "three"},
        "global": {"one", "two", "three", "four"},
    }
    for number, (scope, covered) in enumerate(cases.items()):
        inner = folder / str(number)
        inner.mkdir()
        desk = make_desk(inner, venues, strategies)
        for strategy in strategies:
            desk.rest(strategy, 2)
        desk.press(scope)
        stopped = _stopped(desk, strategies)
        expect(stopped == covered, f"a kill of {scope} stops {_names(stopped)} and should stop {_names(covered)}")
    return f"{len(cases)} scopes (global, venue, account, strategy, instrument, combined), each stopped exactly its own"


def _stopped(desk: Desk, strategies: dict[str, str]) -> set[str]:
    """Whose resting orders are gone and whose next order is refused as killed; raises Broken for half of that."""
    gone = {each for each in strategies if not desk.hand(each).open_orders}
    outcomes = {each: desk.outcome(each) for each in strategies}
    refused = {each for each, outcome in outcomes.items() if outcome in ("HALTED", "NO_LEASE", "LEASE_EXPIRED")}
    expect(gone == refused, f"cancelled for {_names(gone)}, refused for {_names(refused)}: {outcomes}")
    return gone


def _names(names: set[str]) -> str:
    return ", ".join(sorted(names)) or "nobody"


def _with_nobody_alive(folder: Path) -> str:
    desk = make_desk(folder, {"alpha": "desk", "beta": "fund"}, {"one": "alpha", "two": "beta"})
    desk.rest("one", 5)
    desk.rest("two", 5)
    hosts = [host for host in desk.runtime.hosts if host in desk.engine_hosts]
    for host in hosts:
        desk.runtime.crash(host)
    desk.run_for(0.01)
    expect(not desk.kill(), "a dead kill switch actor has taken the kill")
    heard: list[str] = []
    venues = killed_venues(desk.config, "")
    expect(len(venues) == 2, f"{len(venues)} of two venues read as killed")
    desk.add_host(cancel_host(desk.config, venues, "virtual", lambda told: heard.append(told.stage), lambda: None))
    desk.run_for(15)
    open_now = desk.open_at("alpha"), desk.open_at("beta")
    expect(open_now == (0, 0), f"with the engine dead, {open_now} orders stay open at the two venues")
    expect(heard.count("cancelled") == 2, f"{heard.count('cancelled')} of two venues have confirmed")
    desk.runtime.crash("cancel")
    for host in hosts:
        desk.restart(host)
    desk.run_for(5)
    outcome = desk.outcome("one")
    expect(outcome in ("HALTED", "NO_LEASE"), f"after the restart of a killed engine an order is {outcome}")
    return (
        f"all {len(hosts)} processes dead: the kill is latched, and the command that needs none of them cancels 5 "
        "orders at "
        "each of 2 venues and has both confirm; started again, the engine is still killed"
    )


def _no_disorder(folder: Path) -> str:
    desk = make_desk(folder, toml=f"[kill]\nflatten_interval_ms = {_PACE_MS}\n")
    desk.take("one", 100_000)
    resting = desk.rest("one", 5)
    receipt = desk.press("global", KillMode.FLATTEN, 60)
    expect(receipt.complete, f"60 s after a kill that flattens it is not complete: {'; '.join(receipt.failures)}")
    stages = ["latched", "halted", "cancel_sent", "cancelled", "flat"]
    reached = [stage for stage in _stages(receipt) if stage != "sealed"]  # which not every kernel offers
    expect(reached == stages, f"its stages are {', '.join(_stages(receipt))}")
    orders = desk.orders_at("alpha")
    closing = [each for each in orders if each.terms.client_order_id.startswith("flatten-")]
    cancelled_ns = max(each.updated_wall_ns for each in orders if each.status == "CANCELED")
    sent_ns = [each.created_wall_ns for each in closing]
    expect(closing and min(sent_ns) >= cancelled_ns, "a position was being closed before the cancels were confirmed")
    gaps = [later - earlier for earlier, later in pairwise(sent_ns)]
    expect(
        all(gap >= _PACE_MS * MS for gap in gaps), f"closing orders follow each other after {min(gaps, default=0)} ns"
    )
    position = desk.venue("alpha").gate.position_lots(0)
    expect(position == 0, f"{position} lots are left of 100,000")
    largest = max(each.quantity_lots for each in closing)
    return (
        f"{len(resting)} orders cancelled first; then 100,000 lots closed in {len(closing)} slices of at most "
        f"{largest:,}, "
        f"at least {min(gaps, default=0) / MS:.0f} ms apart, ending flat"
    )


def _separate(folder: Path) -> str:
    dead = folder / "dead"
    dead.mkdir()
    desk = make_desk(dead)
    desk.rest("one", 5)
    desk.runtime.crash(KILL_SWITCH)
    desk.run_for(0.01)
    desk.kill()
    outcome = desk.outcome("one")
    expect(outcome == "HALTED", f"with the kill switch actor dead, an order after a kill is {outcome}")
    expect(not desk.open_at("alpha"), f"with the kill switch actor dead, {desk.open_at('alpha')} orders stay open")
    living = folder / "living"
    living.mkdir()
    desk = make_desk(living)
    desk.take("one", 10_000)
    desk.press("global", KillMode.REDUCE)
    first = desk.place("one", 6_000, sell=True)
    second = desk.place("one", 6_000, sell=True)
    desk.run_for(0.2)
    hand = desk.hand("one")
    cases = {
        "a buy when long 10,000 lots": (desk.outcome("one"), "REDUCE_ONLY"),
        "a sell of 6,000 of them": (hand.state_of(first), "NEW"),
        "a second sell of 6,000 beside it": (hand.state_of(second), "REDUCE_ONLY"),
        "a sell of 100,000": (desk.outcome("one", 100_000, sell=True), "REDUCE_ONLY"),
        "a sell of the other 4,000": (desk.outcome("one", 4_000, sell=True), "NEW"),
    }
    for what, (outcome, wanted) in cases.items():
        expect(outcome == wanted, f"under a kill of mode reduce, {what} is {outcome}, not {wanted}")
    return (
        "with its actor dead the latch alone refuses orders and has 5 cancelled; mode reduce: of 10,000 lots long, "
        "sells "
        "of 6,000 and 4,000 pass; a buy, 6,000 more and 100,000 are refused"
    )


def _granular(folder: Path) -> str:
    desk = make_desk(folder, {"alpha": "desk"}, {"one": "alpha", "two": "alpha"})
    desk.rest("one", 3)
    desk.rest("two", 3)
    receipt = desk.press("strategy:one")
    expect(receipt.complete, "a kill of one strategy is not complete after a second")
    expect(desk.open_at("alpha") == 3, f"{desk.open_at('alpha')} orders are open, 3 of them of the other strategy")
    outcomes = desk.outcome("one"), desk.outcome("two")
    expect(outcomes == ("HALTED", "NEW"), f"then an order of each is {' and '.join(outcomes)}")
    return (
        "two trading systems on one account: the killed one's 3 orders cancelled and its next refused, the other's "
        "3 stand"
    )


def _truth(folder: Path) -> str:
    desk = make_desk(folder)
    desk.rest("one", 3)
    desk.cut_off(venue_actor("alpha"), desk.exchange_host("alpha"))
    desk.run_for(25)  # the links are known to be dead
    receipt = desk.press("global", seconds=10)
    expect("halted" in _stages(receipt), "an unreachable venue keeps the engine from halting")
    expect("cancelled" not in _stages(receipt), "cancelled was reported while the venue could not be reached")
    expect(receipt.failures, "nothing was said about the venue that cannot be reached")
    expect(desk.open_at("alpha") == 3, "the venue was not cut off")
    expect(desk.latch.kills(), "the latch was taken back because a cancel failed")
    desk.reconnect()
    desk.run_for(40)
    expect(desk.receipt.complete, "with the venue back, the kill does not complete")
    expect(not desk.open_at("alpha"), f"it is reported complete with {desk.open_at('alpha')} orders open")
    expect(desk.latch.kills(), "the latch was taken back when everything was cancelled")
    stamps = {stage.stage: stage.after_ns for stage in desk.receipt.stages}
    expect(stamps["latched"] <= stamps["halted"] <= stamps["cancel_sent"] <= stamps["cancelled"], f"stages: {stamps}")
    expect(len(desk.hand("one").reports) == 3, "orders were reported that were not there")
    return (
        f"venue cut off: halted at once, {len(receipt.failures)} failure(s) told, never reported as cancelled, "
        "latch kept; "
        "venue back: 3 cancelled and confirmed, latch kept"
    )


KILL_CONTROLS = (
    Control(
        1,
        "cancel any or all orders at any or all venues",
        "R6-12(1)",
        "Every order that is not executed can be cancelled at once, at one venue or at all of them.",
        "Orders rest at three exchanges; one venue is killed, then everything; the exchanges' own books are "
        "counted and "
        "each venue actor's confirmation is on the receipt.",
        _any_or_all,
    ),
    Control(
        2,
        "kill by trader, desk and client",
        "R6-12(2)",
        "The kill reaches the orders of single traders, desks and clients.",
        "Four strategies of two accounts at three venues; each kind of scope is killed at a new desk, and exactly the "
        "strategies that it covers lose their orders and are refused the next.",
        _scopes,
        missing="a scope for a trader or desk within an account: what an order is known by is strategy, account, venue "
        "and instrument",
    ),
    Control(
        4,
        "another way to manage orders when the engine is dead",
        "R6-14(2)(e-g)",
        "How the kill is used and how one shuts down is written down, and outstanding orders can be managed "
        "another way.",
        "Every process of the engine is dead when the kill is pressed; what haltline kill cancel runs cancels what "
        "is open, "
        "and the engine is started again. What is written down: docs/killing.md.",
        _with_nobody_alive,
    ),
    Control(
        5,
        "shutting down causes no disorder",
        "R6-14(3)",
        "Shutting down does not itself disturb the market.",
        "A kill of mode flatten with a large position and resting orders: cancels are confirmed first, then slices no "
        "larger than the touch, an interval apart.",
        _no_disorder,
    ),
    Control(
        26,
        "kill switch apart from the trading application",
        "FIA15",
        "It may be separate from the application that trades, for trader and risk officer, and may let through what "
        "reduces risk while it blocks what increases it.",
        "A kill with the kill switch's own actor dead; a kill of mode reduce with a position, and orders that "
        "shrink it, "
        "that grow it, that would together turn it round.",
        _separate,
    ),
    Control(
        27,
        "kill of a single trading system",
        "FIA15",
        "The kill is fine enough to name one trading system.",
        "Two strategies on one account; one is killed.",
        _granular,
    ),
    Control(
        34,
        "latch first, cancel second, report failure loudly",
        "R6-12, engineering reading",
        "No new order first, cancels second; a cancel that fails never lifts the halt; what is not confirmed by "
        "the venue "
        "is not reported as done.",
        "The venue cannot be reached when the kill is pressed, and can again later.",
        _truth,
    ),
)
