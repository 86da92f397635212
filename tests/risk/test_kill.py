"""One kill: every pair of the table, and that it is complete only when everybody has said so."""

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.codes import KillMode
from engine.messages import Kill, KillProgress, KillStage, VenueSeal
from risk.kill import STAGES, TRANSITIONS, ActorStage, KillCase, Word, word_of

A, W = ActorStage, Word
ACTORS = ("venue-a", "venue-b")


def kill(mode: KillMode = KillMode.CANCEL, latched_ns: int = 110) -> Kill:
    return Kill("K1", "global", mode, "drill", "ann", "person", 100, latched_ns)


def said(actor: str, stage: str, at_ns: int, *, left: int = 0, unknown: int = 0, failure: str = "") -> KillProgress:
    return KillProgress("K1", actor, stage, at_ns, left, unknown, failure)


def stages(case: KillCase) -> dict[str, int]:
    return {stage.stage: stage.after_ns for stage in case.receipt(0).stages}


# -- the table ----------------------------------------------------------------------------------------------------

EXPECTED = {
    W.HALTED: [A.HALTED, A.HALTED, A.CANCEL_SENT, A.CANCELLED, A.FLAT],
    W.CANCEL_SENT: [A.CANCEL_SENT, A.CANCEL_SENT, A.CANCEL_SENT, A.CANCELLED, A.FLAT],
    W.CANCELLED: [A.CANCELLED, A.CANCELLED, A.CANCELLED, A.CANCELLED, A.FLAT],
    W.STILL_OPEN: [A.CANCEL_SENT, A.CANCEL_SENT, A.CANCEL_SENT, A.CANCEL_SENT, A.CANCEL_SENT],
    W.HALT_FAILED: [A.SILENT, A.SILENT, A.SILENT, A.SILENT, A.SILENT],
    W.CANCEL_FAILED: [A.SILENT, A.HALTED, A.CANCEL_SENT, A.CANCEL_SENT, A.CANCEL_SENT],
    W.FLAT: [A.FLAT, A.FLAT, A.FLAT, A.FLAT, A.FLAT],
    W.FLAT_FAILED: [A.SILENT, A.HALTED, A.CANCEL_SENT, A.CANCELLED, A.CANCELLED],
}
WORDS = {
    W.HALTED: said("venue-a", "halted", 200),
    W.CANCEL_SENT: said("venue-a", "cancel_sent", 200),
    W.CANCELLED: said("venue-a", "cancelled", 200),
    W.STILL_OPEN: said("venue-a", "cancelled", 200, left=2),
    W.HALT_FAILED: said("venue-a", "halted", 200, failure="disk"),
    W.CANCEL_FAILED: said("venue-a", "cancelled", 200, failure="venue link down"),
    W.FLAT: said("venue-a", "flat", 200),
    W.FLAT_FAILED: said("venue-a", "flat", 200, failure="no quote"),
}
REACH = {
    A.SILENT: None,
    A.HALTED: said("venue-a", "halted", 150),
    A.CANCEL_SENT: said("venue-a", "cancel_sent", 150),
    A.CANCELLED: said("venue-a", "cancelled", 150),
    A.FLAT: said("venue-a", "flat", 150),
}


def test_the_table_lists_every_pair() -> None:
    assert set(TRANSITIONS) == set(itertools.product(ActorStage, Word))
    for (stage, word), target in TRANSITIONS.items():
        assert target is EXPECTED[word][stage]


@pytest.mark.parametrize("stage", list(ActorStage))
@pytest.mark.parametrize("word", list(Word))
def test_every_word_in_every_state_does_what_the_table_says(stage: ActorStage, word: Word) -> None:
    case = KillCase(kill(KillMode.FLATTEN), ["venue-a"])
    reach = REACH[stage]
    if reach is not None:
        case.on_progress(reach)
    assert word_of(WORDS[word]) is word
    case.on_progress(WORDS[word])
    target = EXPECTED[word][stage]
    reached = [name for name, after_ns in stages(case).items() if after_ns >= 0]
    assert reached == ["latched", "halted", "cancel_sent", "cancelled", "flat"][: 1 + target]
    assert case.complete is (target is A.FLAT)
    assert case.settled is (target >= A.CANCELLED)
    assert case.waiting_for == (() if case.complete else ("venue-a",))


def test_a_kill_of_each_mode_ends_with_its_last_stage() -> None:
    assert {mode: each[-1] for mode, each in STAGES.items()} == {
        KillMode.HALT: "halted",
        KillMode.REDUCE: "halted",
        KillMode.CANCEL: "cancelled",
        KillMode.FLATTEN: "flat",
    }


# -- the whole scope ----------------------------------------------------------------------------------------------


def test_each_stage_is_told_once_when_the_last_actor_reaches_it() -> None:
    case = KillCase(kill(), ACTORS)
    assert case.on_progress(said("venue-a", "halted", 120)) == ()
    assert case.on_progress(said("venue-b", "halted", 130)) == (KillStage("halted", 30),)
    assert case.on_progress(said("venue-b", "halted", 135)) == ()
    assert case.on_progress(said("venue-a", "cancel_sent", 140, left=3)) == ()
    assert case.on_progress(said("venue-b", "cancel_sent", 150, left=1, unknown=1)) == (KillStage("cancel_sent", 50),)
    assert case.on_progress(said("venue-b", "cancelled", 190)) == ()
    receipt = case.receipt(5)
    assert (receipt.waiting_for, receipt.open_orders, receipt.unknown_orders, receipt.complete) == (
        ("venue-a",),
        3,
        0,
        False,
    )
    assert receipt.stages[-1] == KillStage("cancelled", -1)
    assert case.on_progress(said("venue-a", "cancelled", 180)) == (KillStage("cancelled", 90),)
    receipt = case.receipt(6)
    assert receipt.complete
    assert (receipt.open_orders, receipt.waiting_for, receipt.wall_time_ns) == (0, (), 6)
    assert stages(case) == {"latched": 10, "halted": 30, "cancel_sent": 50, "cancelled": 90}
    assert (receipt.kill_id, receipt.by, receipt.reason, receipt.trigger) == ("K1", "ann", "drill", "person")


def test_nothing_is_complete_before_the_latch_is_written() -> None:
    case = KillCase(kill(KillMode.HALT, latched_ns=0), ACTORS)
    for actor in ACTORS:
        assert case.on_progress(said(actor, "halted", 120)) == ()
    assert not case.complete
    assert stages(case) == {"latched": -1, "halted": -1}
    assert case.on_latched(150) == (KillStage("latched", 50), KillStage("halted", 50))
    assert case.complete
    assert case.on_latched(170) == ()


def test_a_halt_needs_no_cancel_and_takes_no_harm_from_one() -> None:
    case = KillCase(kill(KillMode.HALT), ["venue-a"])
    assert case.on_progress(said("venue-a", "halted", 120, left=4)) == (KillStage("halted", 20),)
    assert case.complete
    case.on_progress(said("venue-a", "cancelled", 130, failure="no"))
    assert case.complete
    assert case.receipt(0).failures == ("venue-a: cancelled: no",)


def test_a_kill_over_no_actor_is_complete_once_latched() -> None:
    assert KillCase(kill(), []).complete
    assert not KillCase(kill(latched_ns=0), []).complete


def test_words_of_others_change_nothing() -> None:
    case = KillCase(kill(), ["venue-a"])
    before = case.receipt(0)
    assert case.on_progress(said("venue-z", "cancelled", 120)) == ()
    assert case.on_progress(KillProgress("K2", "venue-a", "cancelled", 120, 0, 0)) == ()
    assert case.receipt(0) == before


def test_a_stage_that_does_not_exist_is_a_failure_of_its_sender() -> None:
    case = KillCase(kill(), ["venue-a"])
    assert case.on_progress(said("venue-a", "flattened", 120)) == ()
    assert not case.complete
    assert "'flattened'" in case.receipt(0).failures[0]


def test_an_older_word_takes_nothing_back() -> None:
    case = KillCase(kill(), ["venue-a"])
    case.on_progress(said("venue-a", "cancelled", 200))
    case.on_progress(said("venue-a", "cancelled", 150, left=7))
    assert case.complete
    assert case.receipt(0).open_orders == 0


def test_an_order_that_turns_up_later_takes_the_confirmation_back_loudly() -> None:
    case = KillCase(kill(), ["venue-a"])
    case.on_progress(said("venue-a", "cancelled", 200))
    case.on_progress(said("venue-a", "cancelled", 300, left=1, failure="an order turned up"))
    receipt = case.receipt(0)
    assert not receipt.complete
    assert (receipt.open_orders, receipt.failures) == (1, ("venue-a: cancelled: an order turned up",))
    assert case.on_progress(said("venue-a", "cancelled", 400)) == (KillStage("cancelled", 300),)
    assert case.receipt(0).failures


def test_repeated_failures_are_told_once_and_bounded() -> None:
    case = KillCase(kill(), ["venue-a"])
    for n in range(200):
        case.on_progress(said("venue-a", "cancelled", 200, failure=f"failure {n}"))
        case.on_progress(said("venue-a", "cancelled", 200, failure="failure 0"))
    assert len(case.receipt(0).failures) == 64


PROGRESS = st.builds(
    KillProgress,
    kill_id=st.sampled_from(["K1", "K1", "K1", "K2"]),
    venue_actor=st.sampled_from([*ACTORS, *ACTORS, "venue-z"]),
    stage=st.sampled_from(["halted", "cancel_sent", "cancelled", "", "sent"]),
    at_ns=st.integers(100, 400),
    open_orders=st.integers(0, 1),
    unknown_orders=st.integers(0, 1),
    failure=st.sampled_from(["", "", "", "broken"]),
)


@settings(deadline=None)
@given(st.lists(PROGRESS, max_size=40), st.sampled_from(KillMode))
def test_complete_means_that_every_actor_has_said_so(words: list[KillProgress], mode: KillMode) -> None:
    case = KillCase(kill(mode), ACTORS)
    told: list[str] = []
    for word in words:
        told += [stage.stage for stage in case.on_progress(word)]
        receipt = case.receipt(0)
        done = [stage for stage in receipt.stages if stage.after_ns >= 0]
        assert [stage.stage for stage in done] == list(STAGES[mode][: len(done)]), "stages complete in order"
        assert [stage.after_ns for stage in done] == sorted(stage.after_ns for stage in done)
        assert receipt.complete is (len(done) == len(receipt.stages)) is (not receipt.waiting_for)
    own = [word for word in words if word.kill_id == "K1" and not word.failure]
    if case.complete and mode.cancels:
        clean = {w.venue_actor for w in own if w.stage == "cancelled" and not w.open_orders and not w.unknown_orders}
        assert clean >= set(ACTORS)
    if case.complete:
        assert {word.venue_actor for word in own if word.stage in ("halted", "cancel_sent", "cancelled")} >= set(ACTORS)
        assert "halted" in told


# -- seals --------------------------------------------------------------------------------------------------------

SEAL = st.builds(VenueSeal, st.sampled_from([*ACTORS, "venue-z"]), st.integers(110, 400), st.integers(0, 9))


@settings(deadline=None)
@given(st.lists(PROGRESS | SEAL, max_size=40), st.sampled_from(KillMode))
def test_sealed_is_when_each_has_been_seen_to_be_or_has_halted_and_no_stage_waits_for_it(
    events: list[KillProgress | VenueSeal], mode: KillMode
) -> None:
    """Against a case that is never sealed: all other stages are the same."""
    case, twin = KillCase(kill(mode), ACTORS), KillCase(kill(mode), ACTORS)
    sealed: dict[str, VenueSeal] = {}
    for event in events:
        if isinstance(event, VenueSeal):
            if event.venue_actor in ACTORS and not all(state.stage for state in twin.actor_states()):
                sealed.setdefault(event.venue_actor, event)
            news = [stage.stage for stage in case.on_seals([event])]
            assert news in ([], ["sealed"])
        else:
            news = [stage.stage for stage in case.on_progress(event)]
            assert [stage for stage in news if stage != "sealed"] == [s.stage for s in twin.on_progress(event)]
        told, without = case.receipt(0), twin.receipt(0)
        halted = {state.venue_actor for state in twin.actor_states() if state.stage}
        assert ("sealed" in stages(case)) is bool(sealed)
        assert (stages(case).get("sealed", -1) >= 0) is (bool(sealed) and set(ACTORS) <= {*sealed, *halted})
        assert case.unsealed == tuple(name for name in ACTORS if name not in {*sealed, *halted})
        assert told.complete is without.complete
        assert told.waiting_for == without.waiting_for
        done = [stage for stage in told.stages if stage.after_ns >= 0]
        assert [stage.after_ns for stage in done] == sorted(stage.after_ns for stage in done)
        assert [s.stage for s in done if s.stage != "sealed"] == [s.stage for s in without.stages if s.after_ns >= 0]
        for state in told.actors:
            seal = sealed.get(state.venue_actor)
            assert state.orders_at_seal == (-1 if seal is None else seal.orders_sent)
