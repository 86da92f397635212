"""The end of a kill: two people, this kill and no other, with nothing unknown; and what survives what."""

from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from trading_desk import KILL_SWITCH, MS, RISK, SECOND_NS, SIMULATOR, VENUE, Desk, MakeDesk, strategy

from actors.places import latch_path
from adapters.simulator.binance.settings import VenueLimits, VenueOptions
from engine.actor import Actor
from engine.codes import KillMode
from engine.messages import Kill, KillApproval, KillQuery, KillReceipt, KillRecords, KillRelease, Message
from risk.latch import LatchCause, LatchPage
from risk.latency import LatencyPage
from risk.release import approval_text
from risk.response import RESPONSE_NAMES
from risk.scope import Scope, TradingNames

KEYS = {name: Ed25519PrivateKey.from_private_bytes(name.encode().ljust(32, b"k")) for name in ("ann", "bea", "eve")}
PEOPLE = "".join(
    f'[[people]]\nname = "{name}"\nmay = ["release"]\n'
    f'public_key = "{KEYS[name].public_key().public_bytes(Encoding.Raw, PublicFormat.Raw).hex()}"\n'
    for name in ("ann", "bea")
)
WINDOW_NS = 600 * SECOND_NS


class Person(Actor):
    """Somebody at a command line."""

    def __init__(self) -> None:
        self.peers = (KILL_SWITCH,)
        self.told: list[Any] = []

    def on_message(self, sender: str, message: Message, now_ns: int) -> None:
        self.told.append(message)


class Office:
    """A desk, and people who press and release."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        self.person = Person()
        self.cell = desk.add("person", self.person)
        desk.run_for(0.01)

    def ask(self, message: Message, seconds: float = 0.1) -> KillRecords:
        self.cell.send(KILL_SWITCH, message)
        self.desk.run_for(seconds)
        answer = self.person.told[-1]
        assert isinstance(answer, KillRecords)
        return answer

    def kill(self, scope: str, mode: KillMode = KillMode.CANCEL, seconds: float = 1.0) -> str:
        self.desk.kill(scope, mode)
        self.desk.run_for(seconds)
        return self.desk.presser.receipts[-1].kill_id

    def kills(self) -> dict[str, KillReceipt]:
        return {kill.kill_id: kill for kill in self.ask(KillQuery()).kills if not kill.released_ns}

    def approve(self, kill_id: str, person: str, *, key: str = "", after_ns: int = WINDOW_NS // 2) -> str:
        kill = self.kills()[kill_id]
        expires_ns = self.cell.wall_ns(self.desk.now_ns) + after_ns
        text = approval_text(kill_id, kill.scope, kill.mode.name.lower(), expires_ns)
        return self.ask(KillApproval(kill_id, person, expires_ns, KEYS[key or person].sign(text).hex())).refusal

    def release(self, kill_id: str, seconds: float = 0.1) -> str:
        return self.ask(KillRelease(kill_id, "ann"), seconds).refusal

    def release_by_two(self, kill_id: str) -> None:
        assert self.approve(kill_id, "ann") == self.approve(kill_id, "bea") == ""
        assert self.release(kill_id) == ""


def latch(desk: Desk) -> LatchPage:
    return LatchPage.open(latch_path(desk.config))


def outcome(desk: Desk, strategy_id: str = "hand") -> str:
    """What becomes of an order now."""
    hand = desk.strategy(strategy_id)
    order = hand.buy(hand.instrument, 1_000, hand.quote.bid_ticks - 5_000)
    desk.run_for(0.5)
    report = hand.last(order)
    return report.refusal.reason.name if report.refusal else report.order_status.name


@pytest.fixture
def office(make_desk: MakeDesk) -> Office:
    return Office(make_desk(strategy("hand"), strategy("other"), PEOPLE))


def test_two_people_release_a_kill_and_trading_goes_on(office: Office) -> None:
    kill_id = office.kill("global")
    assert outcome(office.desk) in ("HALTED", "NO_LEASE")
    assert "2 more approval(s)" in office.release(kill_id)
    assert office.approve(kill_id, "ann") == ""
    assert office.release(kill_id) == "1 more approval(s) (of bea)"
    assert office.approve(kill_id, "ann") == "", "again, and still one person"
    assert "1 more approval(s)" in office.release(kill_id)
    assert outcome(office.desk) in ("HALTED", "NO_LEASE")
    assert office.approve(kill_id, "bea") == ""
    assert office.release(kill_id) == ""
    assert not latch(office.desk).kills()
    assert latch(office.desk).button_rank == 0
    office.desk.run_for(1)
    assert outcome(office.desk) == "NEW"
    (record,) = office.ask(KillQuery(kill_id)).kills
    assert record.released_ns > record.pressed_wall_ns > 0
    assert [each.person for each in record.approvals] == ["ann", "bea"]


def test_wrong_approvals_change_nothing(office: Office) -> None:
    kill_id, other_id = office.kill("venue:binance"), office.kill("account:desk", KillMode.HALT)
    assert "may not release" in office.approve(kill_id, "eve")
    assert "not ann's" in office.approve(kill_id, "ann", key="eve")
    assert "not ann's" in office.approve(kill_id, "ann", key="bea")
    assert "expired" in office.approve(kill_id, "ann", after_ns=-SECOND_NS)
    assert "release window" in office.approve(kill_id, "ann", after_ns=WINDOW_NS + SECOND_NS)
    assert "no kill" in office.ask(KillApproval("nothing", "ann", 0, "")).refusal
    assert "no kill" in office.release("nothing")
    office.release_by_two(other_id)
    assert list(office.kills()) == [kill_id]
    assert "2 more approval(s)" in office.release(kill_id)


def test_approvals_run_out_together_with_their_window(office: Office) -> None:
    kill_id = office.kill("global")
    assert office.approve(kill_id, "ann", after_ns=5 * SECOND_NS) == ""
    office.desk.run_for(6)
    assert office.approve(kill_id, "bea") == ""
    assert office.release(kill_id) == "1 more approval(s) (of ann)"


def test_a_cooling_off_time_has_to_pass(make_desk: MakeDesk) -> None:
    office = Office(make_desk(strategy("hand"), PEOPLE, "[kill]\ncooling_off_s = 20\n"))
    kill_id = office.kill("global", KillMode.HALT)
    assert office.approve(kill_id, "ann") == office.approve(kill_id, "bea") == ""
    assert "cooling-off" in office.release(kill_id)
    office.desk.run_for(20)
    assert office.release(kill_id) == ""


def test_releasing_one_never_releases_another(office: Office) -> None:
    desk = office.desk
    ids = [
        office.kill(scope, mode)
        for scope, mode in (
            ("global", KillMode.HALT),
            ("venue:binance", KillMode.CANCEL),
            ("global", KillMode.CANCEL),
            ("strategy:hand", KillMode.HALT),
        )
    ]
    for left in (3, 2, 1):
        office.release_by_two(ids.pop(0))
        assert list(office.kills()) == ids
        assert len(latch(desk).kills()) == left
        assert latch(desk).button_rank == (KillMode.CANCEL.rank if left == 2 or left == 3 else 0)
        desk.run_for(1)
        assert outcome(desk) in ("HALTED", "NO_LEASE")
    assert outcome(desk, "other") == "NEW", "only the strategy is killed by now"
    office.release_by_two(ids.pop())
    assert outcome(desk) == "NEW"


def test_a_kill_of_a_strategy_cancels_its_orders_and_leaves_the_others(office: Office) -> None:
    desk = office.desk
    for name in ("hand", "other"):
        hand = desk.strategy(name)
        for n in range(3):
            hand.buy(hand.instrument, 1_000, hand.quote.bid_ticks - 5_000 - n)
    desk.run_for(0.5)
    assert len(desk.open_at_venue()) == 6
    kill_id = office.kill("strategy:hand")
    assert {record.client_order_id.partition("-")[0] for record in desk.open_at_venue()} == {"other"}
    assert outcome(desk) == "HALTED"
    assert outcome(desk, "other") == "NEW"
    told = office.kills()[kill_id]
    assert told.complete
    assert [(actor.stage, actor.orders_cancelled) for actor in told.actors] == [("cancelled", 3)]


def test_a_kill_of_an_instrument_cancels_its_orders(office: Office) -> None:
    desk = office.desk
    hand = desk.strategy("hand")
    hand.buy(hand.instrument, 1_000, hand.quote.bid_ticks - 5_000)
    desk.run_for(0.5)
    kill_id = office.kill("instrument:BTCUSDT+account:desk")
    assert office.kills()[kill_id].scope == "account:desk+instrument:binance:BTCUSDT"
    assert not desk.open_at_venue()
    assert outcome(desk) == "HALTED"


def test_an_order_whose_outcome_is_not_known_keeps_the_kill(make_desk: MakeDesk) -> None:
    options = VenueOptions(VenueLimits(), read_lag_ns=400 * MS)
    office = Office(make_desk(strategy("hand"), PEOPLE, options=options))
    desk = office.desk
    hand = desk.strategy("hand")
    kill_id = office.kill("strategy:hand", KillMode.HALT)
    assert office.approve(kill_id, "ann") == office.approve(kill_id, "bea") == ""
    desk.storm.cut(VENUE, SIMULATOR)
    desk.run_for(25)
    refusal = office.release(kill_id)
    assert "not connected to the venue" in refusal
    desk.storm.clear()
    desk.run_for(40)
    assert hand is desk.strategy("hand")
    assert office.release(kill_id) == ""


def test_a_venue_actor_that_does_not_answer_keeps_the_kill(office: Office) -> None:
    kill_id = office.kill("global", KillMode.HALT)
    assert office.approve(kill_id, "ann") == office.approve(kill_id, "bea") == ""
    office.desk.runtime.crash(VENUE)
    assert office.release(kill_id, seconds=3) == f"no answer from {VENUE}"
    office.desk.restart(VENUE)
    office.desk.run_for(3)
    assert office.release(kill_id) == ""


def test_approvals_and_kills_survive_the_kill_switch_actor(office: Office) -> None:
    desk = office.desk
    kill_id = office.kill("global")
    assert office.approve(kill_id, "ann") == ""
    desk.restart(KILL_SWITCH)
    desk.run_for(1)
    assert [each.person for each in office.kills()[kill_id].approvals] == ["ann"]
    assert office.approve(kill_id, "bea") == ""
    assert office.release(kill_id) == ""
    desk.restart(KILL_SWITCH)
    desk.run_for(1)
    assert not office.kills()
    assert office.ask(KillQuery(kill_id)).kills[0].released_ns
    assert outcome(desk) == "NEW"


def test_a_restart_of_the_kill_switch_does_not_measure_a_kill_again(office: Office) -> None:
    desk = office.desk
    hand = desk.strategy("hand")
    hand.buy(hand.instrument, 1_000, hand.quote.bid_ticks - 5_000)
    desk.run_for(0.5)
    kill_id = office.kill("global")
    before = office.kills()[kill_id]
    desk.run_for(300)
    desk.restart(VENUE)
    desk.restart(KILL_SWITCH)
    desk.run_for(5)
    desk.actor(KILL_SWITCH).register._config_hash = "of today"  # type: ignore[attr-defined]  # its own
    after = office.kills()[kill_id]
    assert after.complete
    assert after.stages == before.stages
    assert (after.config_hash, after.limits) == (before.config_hash, before.limits)
    for now, then in zip(after.actors, before.actors, strict=True):
        assert (now.orders_cancelled, now.orders_sent, now.orders_at_seal) == (1, then.orders_sent, then.orders_at_seal)
    page = desk.runtime.actor(KILL_SWITCH).latency
    assert isinstance(page, LatencyPage)
    assert all(page.summary(name).count == 0 for name in RESPONSE_NAMES), "of this life"


def test_a_kill_that_outlives_its_host_is_measured_by_the_time_that_has_passed(office: Office) -> None:
    """Its stamps are of another boot's clock."""
    desk = office.desk
    desk.runtime.crash(VENUE)
    kill_id = office.kill("global")
    desk.runtime.hosts[KILL_SWITCH].wall_offset_ns += 3_600 * SECOND_NS
    desk.restart(KILL_SWITCH)
    desk.runtime.restart(VENUE)
    desk.run_for(20)
    told = office.kills()[kill_id]
    assert told.complete
    assert all(3_600 * SECOND_NS < stage.after_ns < 3_630 * SECOND_NS for stage in told.stages[1:])


def test_a_latch_of_an_older_backup_un_halts_nothing(office: Office) -> None:
    desk = office.desk
    hosts = [VENUE, RISK, KILL_SWITCH]
    backup = latch_path(desk.config).read_bytes()
    kill_id = office.kill("venue:binance")
    for host in hosts:
        desk.runtime.crash(host)
    latch_path(desk.config).write_bytes(backup)
    assert latch(desk).view("binance", "desk").is_trading()
    for host in hosts:
        desk.runtime.restart(host)
        desk.run_for(0.2)
    assert outcome(desk) in ("HALTED", "NO_LEASE", "NOT_READY")
    assert latch(desk).has(kill_id)
    desk.run_for(3)
    assert outcome(desk) == "HALTED"
    assert desk.counters()["orders"] == 0


def test_a_row_that_was_released_in_the_journal_alone_is_freed_at_the_next_start(office: Office) -> None:
    desk = office.desk
    kill_id = office.kill("venue:binance")
    backup = latch_path(desk.config).read_bytes()
    office.release_by_two(kill_id)
    for host in (VENUE, RISK, KILL_SWITCH):
        desk.runtime.crash(host)
    latch_path(desk.config).write_bytes(backup)
    for host in (KILL_SWITCH, RISK, VENUE):
        desk.runtime.restart(host)
    desk.run_for(3)
    assert not latch(desk).kills()
    assert outcome(desk) == "NEW"


def test_a_kill_that_only_the_latch_knows_is_taken_over_and_can_be_released(office: Office) -> None:
    desk = office.desk
    page = latch(desk)
    page.latch(Scope(strategy="hand"), LatchCause("K-out", "bea", "nobody else alive", KillMode.HALT, 7))
    desk.run_for(1)
    told = office.kills()["K-out"]
    assert (told.scope, told.by, told.complete) == ("strategy:hand", "bea", True)
    office.release_by_two("K-out")
    assert not page.kills()


@pytest.mark.parametrize("damage", ["row", "button", "pressed", "bare"])
def test_what_the_latch_cannot_explain_becomes_a_kill_that_people_can_release(office: Office, damage: str) -> None:
    desk = office.desk
    page = latch(desk)
    if damage == "row":
        page.rows.states[9] = 0x1234
    elif damage == "button":
        page.rows.states[0] = 0x1234
    elif damage == "pressed":
        page.press(KillMode.HALT)
    else:
        page.store("who", Scope(venue="binance"), KillMode.CANCEL)
    assert outcome(desk) in ("HALTED", "NO_LEASE")
    desk.run_for(1)
    (kill_id,) = office.kills()
    assert not page.is_damaged()
    office.release_by_two(kill_id)
    desk.run_for(1)
    assert (page.kills(), page.button_rank) == ([], 0)
    assert outcome(desk) == "NEW"


def test_an_id_that_was_released_presses_nothing(office: Office) -> None:
    kill_id = office.kill("global", KillMode.HALT)
    office.release_by_two(kill_id)
    office.cell.send(KILL_SWITCH, Kill(kill_id, "global", KillMode.HALT, "again", "ann", "person", 0))
    office.desk.run_for(0.5)
    (told,) = [each for each in office.person.told if isinstance(each, KillReceipt)]
    assert "has been released" in told.failures[0]
    assert not latch(office.desk).kills()


def test_a_kill_under_a_drills_id_is_refused(office: Office) -> None:
    """Latched already, it would seem: by a row that stops nobody and ends by itself."""
    for kill_id, scope in (("drill-7", "drill"), ("drill-7", "strategy:hand")):
        office.cell.send(KILL_SWITCH, Kill(kill_id, scope, KillMode.HALT, "why", "ann", "person", 0, 0))
    office.desk.run_for(0.5)
    told = [each for each in office.person.told if isinstance(each, KillReceipt) and each.scope != "drill"]
    assert "another id" in told[-1].failures[0]
    assert not any(each.complete for each in told)
    assert not office.kills()


def test_a_stamp_of_another_clock_does_not_spoil_the_receipt(office: Office) -> None:
    for stamp in (-(2**62), 2**62):
        kill = Kill(f"K{stamp}", "global", KillMode.HALT, "why", "ann", "person", stamp, stamp)
        office.cell.send(KILL_SWITCH, kill)
        office.desk.run_for(0.5)
        told = [each for each in office.person.told if isinstance(each, KillReceipt)][-1]
        assert told.complete
        assert all(0 <= stage.after_ns < SECOND_NS for stage in told.stages)


def test_a_receipt_says_everything(office: Office) -> None:
    desk = office.desk
    hand = desk.strategy("hand")
    hand.buy(hand.instrument, 1_000, hand.quote.ask_ticks + 5_000)  # fills
    hand.buy(hand.instrument, 2_000, hand.quote.bid_ticks - 5_000)
    desk.run_for(0.5)
    kill_id = office.kill("global")
    told = office.kills()[kill_id]
    (actor,) = told.actors
    assert (actor.venue_actor, actor.orders_cancelled, actor.unknown_orders) == (VENUE, 1, 0)
    assert [(left.instrument, left.position_lots) for left in actor.residual] == [("binance:BTCUSDT", 1_000)]
    assert "BTC" in actor.residual[0].quantity
    assert told.config_hash == desk.actor(KILL_SWITCH).settings.config_hash  # type: ignore[attr-defined]  # its own
    assert "open_orders_max" in told.limits
    assert (told.by, told.reason, told.trigger) == ("trial", "end of the trial", "trial")
    assert told.missing == ("2 more approval(s) (of ann, bea)",)


def test_a_page_that_lacks_a_name_halts_everything_rather_than_nothing(office: Office) -> None:
    desk = office.desk
    keeper = desk.actor(KILL_SWITCH)._keeper  # type: ignore[attr-defined]  # its hand on the latch
    keeper.page = LatchPage.memory(TradingNames())
    keeper.store("K", Scope(venue="binance"), KillMode.CANCEL)
    assert keeper.page.button_rank == KillMode.HALT.rank


def test_reduce_lets_only_what_shrinks_the_position_pass(office: Office) -> None:
    desk = office.desk
    hand = desk.strategy("hand")
    hand.buy(hand.instrument, 3_000, hand.quote.ask_ticks + 5_000)
    desk.run_for(0.5)
    assert hand.position_lots(hand.instrument) == 3_000
    kill_id = office.kill("venue:binance", KillMode.REDUCE)
    assert office.kills()[kill_id].complete

    def sell(lots: int) -> str:
        order = hand.sell(hand.instrument, lots, hand.quote.ask_ticks + 5_000)
        desk.run_for(0.2)
        report = hand.last(order)
        return report.refusal.reason.name if report.refusal else report.order_status.name

    assert outcome(desk) == "REDUCE_ONLY"
    assert sell(3_001) == "REDUCE_ONLY", "would flip"
    assert sell(3_000) == "NEW"
    assert sell(1_000) == "REDUCE_ONLY", "the whole position is being sold already"
    assert outcome(desk, "other") == "REDUCE_ONLY", "opens from flat"
    office.release_by_two(kill_id)
    assert outcome(desk) == "NEW"
