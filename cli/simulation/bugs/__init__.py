"""Deliberate bugs: each is planted while its seeds run, and a promise that it breaks has to notice.

A simulation that finds nothing proves little until it is known what it would find. Each bug here is one that a tired
person could write, or that was found in another engine; ``haltline simulate --bugs`` plants them one by one. There is
a module for each promise, and one for fencing, which serves two; ``planting`` says what a bug is.
"""

from cli.simulation.bugs import account, clutch, conservation, fencing, halt, isolation, lease, limit
from cli.simulation.bugs.planting import Bug, planted

__all__ = ["BUGS", "Bug", "planted"]

BUGS: tuple[Bug, ...] = (
    *lease.BUGS,
    *limit.BUGS,
    *halt.BUGS,
    *fencing.BUGS,
    *account.BUGS,
    *isolation.BUGS,
    *clutch.BUGS,
    *conservation.BUGS,
)
