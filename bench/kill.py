"""How fast does a kill take hold at 8 venue actors under load, and does any order leave after it was acknowledged?

    presser ──stores──▶ latch page ◀──reads, each order── venue actor ×8 ──▶ simulated venue (its own process)
       └──Kill──▶ kill switch actor ──Kill──▶ each of them ──halted, first cancel, none left──▶ receipt

    latched       until the latch is written, by the presser itself
    sealed        until the presser has seen in every venue actor's page that nothing more can leave; nobody wakes up
    halted        until the last venue actor has seen it: nothing more can leave
    acknowledged  until the kill switch actor has heard so from all of them
    cancel_sent   until the last venue actor's first cancel is on the wire
    cancelled     until the venue lists no order of the scope any more, for any of them

Every kill is a drill: what it stops is real, and one process may release it. A person's kill takes the same way, but
for a connection to the kill switch actor that is made after the latch is written; here it stands. Checked, by the
venue's own record: no order left after any seal or acknowledgement; and none outside of the scope was touched. As many
orders a second are asked for as the cores carry, at most 8 × 2,000; ``one order every`` says what was sent while it was
killed and released. 1,000 orders rest, 40 of them in the scope.
"""

import msgspec
import numpy as np

from bench.row import Row, Sample, Target, make_rows
from cli.kill_trial import KillTrial, run_kill_trial
from engine.errors import InvariantError

__all__ = ["FULL", "TINY", "Size", "run"]


class Size(msgspec.Struct, frozen=True):
    trial: KillTrial


FULL = Size(KillTrial(kills=1000))
TINY = Size(KillTrial(kills=5, venue_actors=2, rate=100, resting=3, held=3, gap_ms=40, hold_ms=5, runtime="local"))

_LOAD = "one order every"
_TARGETS = {
    "latched": (Target("p99", 20),),
    "sealed": (Target("p50", 250), Target("p99", 1500)),
    "halted": (Target("p50", 250), Target("p99", 1500)),
    "cancel_sent": (Target("p50", 200), Target("p99", 2000)),
}


def run(size: Size) -> list[Row]:
    """One row per stage, and one of the load. Raises InvariantError when an order left after an acknowledgement, or a
    kill was not confirmed."""
    result = run_kill_trial(size.trial)
    if result.failures:
        raise InvariantError(f"bench kill: {'; '.join(result.failures[:5])}")
    samples = [
        Sample(stage, np.array(times_ns, dtype=np.int64), targets=_TARGETS.get(stage, ()))
        for stage, times_ns in result.stages_ns.items()
    ]
    interval_ns = round(result.seconds * 1e9 / max(result.orders_meanwhile, 1))
    samples.append(Sample(_LOAD, np.array([interval_ns], dtype=np.int64)))
    return make_rows("kill", "us", samples)
