"""A simulated venue's own record of what has reached it, and what that proves about a kill.

    venue        order, order, order, [cancels of the kill], …                    order, order
    engine                         "halted: 3 orders have ever left"   released

An order that was written before the acknowledgement may still be on its way then, so a clock alone proves nothing. The
acknowledgement says how many orders have ever left; whatever the venue has got beyond that number by the release has
left after it. Both times are the monotonic clock of the one host; an order that left after the release comes later.
"""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from struct import Struct
from typing import NamedTuple

from adapters.simulator.binance.call import Call
from engine.errors import UsageError

__all__ = ["Acknowledged", "OrderLog", "Verdict", "judge", "read_order_log"]

_ENTRY = Struct("<qH")
#: The requests that can make an order.
_ORDERS = ("order.place", "order.cancelReplace")
_FLUSH_BYTES = 1 << 16


class OrderLog:
    """Appends (monotonic ns, number of the account) of every order request to a new file."""

    def __init__(self, path: Path, accounts: Sequence[str]) -> None:
        self._file = path.open("xb", buffering=_FLUSH_BYTES)
        self._numbers = {account: number for number, account in enumerate(accounts)}

    def observe(self, method: str, call: Call) -> None:
        """For ``SimulatedBinance.observe``."""
        if method in _ORDERS and call.account is not None:
            self._file.write(_ENTRY.pack(call.now_ns, self._numbers[call.account.name]))

    def close(self) -> None:
        self._file.close()


def read_order_log(path: Path) -> dict[int, list[int]]:
    """Account number → when its orders came, in order. Raises UsageError for a file that ends within an entry."""
    data = path.read_bytes()
    if len(data) % _ENTRY.size:
        raise UsageError(f"order log {path} ends within an entry")
    times: dict[int, list[int]] = defaultdict(list)
    for at_ns, number in _ENTRY.iter_unpack(data):
        times[number].append(at_ns)
    return times


class Acknowledged(NamedTuple):
    """What the engine has said of one kill: when it was acknowledged and released (monotonic ns), and how many orders
    had ever left for each account number by then."""

    halted_ns: int
    released_ns: int
    orders_sent: dict[int, int]


class Verdict(NamedTuple):
    """Over all kills and accounts. ``after``: orders that left between an acknowledgement and its release. ``lost``:
    orders that had left by the engine's word and never came. ``on_their_way``: came after the acknowledgement, and had
    left before it."""

    orders: int
    after: int
    lost: int
    on_their_way: int


def judge(came: dict[int, list[int]], kills: Sequence[Acknowledged]) -> Verdict:
    """Hold the engine's word against the venue's record."""
    after = lost = on_their_way = 0
    for kill in kills:
        for number, sent in kill.orders_sent.items():
            times = came.get(number, [])
            by_release = bisect_right(times, kill.released_ns)
            after += max(by_release - sent, 0)
            lost += max(sent - by_release, 0)
            on_their_way += max(min(sent, by_release) - bisect_right(times, kill.halted_ns), 0)
    return Verdict(sum(map(len, came.values())), after, lost, on_their_way)
