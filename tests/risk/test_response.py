"""risk/response.py: every kill's stage has a histogram, whatever pressed it, and there are not more than fit a page."""

from risk.latency import STAGES_MAX, LatencyPage
from risk.response import RESPONSE_NAMES, RESPONSE_STAGES, TRIGGERS, response_name, response_of, responses_of
from risk.triggers import TRIGGER_KINDS


def test_every_stage_and_trigger_has_a_name_of_its_own_that_says_both():
    pairs = [(stage, trigger) for stage in RESPONSE_STAGES for trigger in TRIGGERS]
    assert {response_of(response_name(*pair)) for pair in pairs} == set(pairs)
    assert len(RESPONSE_NAMES) == len(set(RESPONSE_NAMES)) == len(pairs) < STAGES_MAX
    assert {"person", "drill", *TRIGGER_KINDS} < set(TRIGGERS)
    assert response_of("loop_lag") is None


def test_a_trigger_nobody_knows_counts_as_other():
    assert response_name("halted", "x" * 500) == "halted|other"
    assert response_name("halted", "") == "halted|other"
    assert response_name("halted", "person|halted") == "halted|other"


def test_responses_are_merged_over_triggers_and_without_drills():
    page = LatencyPage.memory([*RESPONSE_NAMES, "loop_lag"])
    page.record("halted|person", 10)
    page.record("halted|loss_cap", 30)
    page.record("halted|drill", 1_000_000)
    page.record("latched|other", 5)
    page.record("loop_lag", 7)
    merged = responses_of(page)
    assert merged.stages == RESPONSE_STAGES
    assert (merged.summary("halted").max, merged.summary("halted").count, merged.sum_ns("halted")) == (30, 2, 40)
    assert [merged.summary(stage).count for stage in RESPONSE_STAGES] == [1, 0, 2, 0, 0, 0]
