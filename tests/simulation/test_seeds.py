"""The short form of the simulation: some seeds, exactly repeatable; the long one is ``make simulate``."""

import os
import subprocess
import sys

import pytest

from cli.simulation.run import run_seed

#: What the long form found once; each broke a promise then.
FOUND = (246, 296, 858, 895)


@pytest.mark.parametrize("seed", [*range(101, 131), *FOUND])
def test_no_promise_is_broken(seed: int) -> None:
    result = run_seed(seed)
    assert not result.promise, "\n".join([*result.trace, f"{result.promise}: {result.text}", f"seed {seed}"])
    assert result.virtual_s > 1


def test_a_seed_is_one_run_in_every_process() -> None:
    """Not even the order of a set may differ."""

    def digest(hash_seed: str) -> str:
        program = "from cli.simulation.run import run_seed; r = run_seed(7); print(r.digest, r.steps, r.virtual_s)"
        environment = {**os.environ, "PYTHONHASHSEED": hash_seed}
        done = subprocess.run(
            [sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True
        )
        return done.stdout

    here = run_seed(7)
    assert digest("1") == digest("2") == f"{here.digest} {here.steps} {here.virtual_s}\n"
