"""What the strategy of a shadow can act through: a Context whose only way out leads into the shadow's venue.

It opens no link, and what it is told to send waits here to be fetched: no message of the strategy reaches a runtime.
"""

from collections import deque

from engine.actor import Context, CounterRecorder, Endpoint, Journal, Latch, LatencyRecorder
from engine.errors import InvariantError
from engine.messages import Message

__all__ = ["ANSWER_NS", "REQUESTS_TIMER", "STRATEGY_TIMER", "ShadowContext"]

#: What is asked for reaches the shadow's venue so much later: also, so that a strategy that answers every report with
#: an order does not stop time.
ANSWER_NS = 1_000_000
REQUESTS_TIMER = "requests"
#: What the names of the strategy's timers begin with.
STRATEGY_TIMER = "strategy:"
#: As many requests may wait as would be on the way to a real venue actor, roughly.
_REQUESTS_MAX = 10_000


class ShadowContext:
    """Implements ``engine.actor.Context`` on top of the shadow actor's own."""

    def __init__(self, ctx: Context) -> None:
        self._ctx = ctx
        self.name = ctx.name
        self._waiting: deque[tuple[int, Message]] = deque()
        self._timers: set[str] = set()
        self._is_over = False

    # -- the shadow actor's side ----------------------------------------------------------------------------

    def fetch(self, now_ns: int) -> list[Message]:
        """What has arrived at the shadow's venue by now, oldest first."""
        arrived = []
        while self._waiting and self._waiting[0][0] <= now_ns:
            arrived.append(self._waiting.popleft()[1])
        if self._waiting:
            self._ctx.set_timer(REQUESTS_TIMER, self._waiting[0][0])
        return arrived

    def end(self) -> list[Message]:
        """No request is taken and no timer is due from now on. Returns what had not arrived."""
        self._is_over = True
        for key in sorted(self._timers):
            self._ctx.cancel_timer(STRATEGY_TIMER + key)
        self._ctx.cancel_timer(REQUESTS_TIMER)
        waiting, self._waiting = self._waiting, deque()
        return [message for _, message in waiting]

    # -- the strategy's side --------------------------------------------------------------------------------

    def send(self, to: str, message: Message) -> bool:
        if self._is_over or len(self._waiting) >= _REQUESTS_MAX:
            return False
        due_ns = self._ctx.clock_ns() + ANSWER_NS
        if not self._waiting:
            self._ctx.set_timer(REQUESTS_TIMER, due_ns)
        self._waiting.append((due_ns, message))
        return True

    def set_timer(self, key: str, at_ns: int) -> None:
        if not self._is_over:
            self._timers.add(key)
            self._ctx.set_timer(STRATEGY_TIMER + key, at_ns)

    def cancel_timer(self, key: str) -> None:
        self._ctx.cancel_timer(STRATEGY_TIMER + key)

    def wall_ns(self, now_ns: int) -> int:
        return self._ctx.wall_ns(now_ns)

    def clock_ns(self) -> int:
        return self._ctx.clock_ns()

    def random_below(self, bound: int) -> int:
        return self._ctx.random_below(bound)

    def counters(self) -> dict[str, int]:
        return {}

    def log(self, event: str, **fields: object) -> None:
        self._ctx.log(event, **fields, shadow=True)

    # -- what a strategy has no use for, and a shadow nothing of ----------------------------------------------

    def open_link(self, link: str, endpoint: Endpoint) -> None:
        raise _no("links")

    def write(self, link: str, data: bytes) -> None:
        raise _no("links")

    def writable(self, link: str) -> bool:
        return False

    def close_link(self, link: str) -> None:
        raise _no("links")

    def listen(self, key: str, endpoint: Endpoint) -> None:
        raise _no("links")

    def listening_port(self, key: str) -> int:
        raise _no("links")

    @property
    def journal(self) -> Journal:
        raise _no("a journal")

    @property
    def latch(self) -> Latch:
        raise _no("a latch")

    @property
    def latency(self) -> LatencyRecorder:
        raise _no("latencies")

    @property
    def counter_page(self) -> CounterRecorder:
        raise _no("counters")


def _no(what: str) -> InvariantError:
    return InvariantError(f"the strategy of a shadow has no {what}")
