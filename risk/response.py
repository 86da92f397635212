"""How fast a kill takes hold: the latency stages of the kill switch actor, one per stage of a kill and what pressed it.

    pressed ─▶ latched ─▶ sealed ─▶ halted ─▶ cancel_sent ─▶ cancelled ─▶ flat    each counted from the press

What pressed it is one of ``TRIGGERS``: a bounded set, because every pair has a histogram of its own.
"""

from typing import Final

from risk.latency import LatencyPage
from risk.triggers import TRIGGER_KINDS

__all__ = [
    "DRILL_TRIGGER",
    "RESPONSE_NAMES",
    "RESPONSE_STAGES",
    "TRIGGERS",
    "response_name",
    "response_of",
    "responses_of",
]

#: In the order in which a kill goes through them.
RESPONSE_STAGES: Final = ("latched", "sealed", "halted", "cancel_sent", "cancelled", "flat")
DRILL_TRIGGER: Final = "drill"
_OTHER = "other"
#: A person, a drill, every automatic trigger, and whatever else calls itself something.
TRIGGERS: Final = ("person", DRILL_TRIGGER, *TRIGGER_KINDS, _OTHER)
_BETWEEN = "|"


def response_name(stage: str, trigger: str) -> str:
    """The latency stage of a stage of a kill, by what pressed it: ``halted|person``."""
    return stage + _BETWEEN + (trigger if trigger in TRIGGERS else _OTHER)


def response_of(name: str) -> tuple[str, str] | None:
    """Stage and trigger of a latency stage; None when it is of something else."""
    stage, between, trigger = name.partition(_BETWEEN)
    return (stage, trigger) if between else None


def responses_of(page: LatencyPage) -> LatencyPage:
    """The histograms of a kill switch actor's page by stage alone, over all triggers but drills."""
    merged = LatencyPage.memory(RESPONSE_STAGES)
    for name in page.stages:
        found = response_of(name)
        if found is not None and found[1] != DRILL_TRIGGER:
            merged.merge_stage(found[0], page, name)
    return merged


#: Every latency stage of a kill.
RESPONSE_NAMES: Final = tuple(response_name(stage, trigger) for trigger in TRIGGERS for stage in RESPONSE_STAGES)
