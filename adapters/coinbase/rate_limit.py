"""The venue's request limit, counted on our side so that it is never hit, with a share that only cancels may spend.

The venue allows one user so many private requests per second and does not say how it counts. A sliding second is the
strictest way it could: whoever stays below that stays below a fixed window and a bucket too.

What an answer's headers say to be left is believed where it is less than we thought.
"""

from collections import deque
from collections.abc import Mapping

from adapters.purpose import CANCELS, Purpose, reserved
from engine.instrument import NANOS

__all__ = ["RateLimits"]

#: Requests may bunch on their way, so our second is a little longer than the venue's.
_WINDOW_NS = NANOS + NANOS // 20


class RateLimits:
    """``now_ns`` is our monotonic clock everywhere."""

    def __init__(self, requests_per_second: int, cancel_share_ppm: int) -> None:
        self._limit = requests_per_second
        self._reserved = {each: reserved(each, requests_per_second, cancel_share_ppm) for each in Purpose}
        self._sent: deque[int] = deque()
        self.blocked_until_ns = 0

    def has_room(self, purpose: Purpose, now_ns: int) -> bool:
        """Whether a request may be sent now. During a block only cancels may."""
        if now_ns < self.blocked_until_ns and purpose not in CANCELS:
            return False
        return self._used(now_ns) < self._limit - self._reserved[purpose]

    def next_chance_ns(self, purpose: Purpose, now_ns: int) -> int:
        """When asking again makes sense."""
        room = max(1, self._limit - self._reserved[purpose])
        used = self._used(now_ns)
        at_ns = self._sent[used - room] + _WINDOW_NS if used >= room else now_ns
        return max(at_ns, now_ns if purpose in CANCELS else self.blocked_until_ns)

    def sent(self, now_ns: int) -> None:
        self._sent.append(now_ns)

    def report_headers(self, headers: Mapping[str, str], now_ns: int) -> None:
        """``x-ratelimit-remaining`` of an answer (lower-case names)."""
        text = headers.get("x-ratelimit-remaining", "")
        if not (text.isascii() and text.isdigit() and len(text) < 10):
            return
        used = self._used(now_ns)
        for _ in range(min(self._limit - int(text), self._limit) - used):
            self._sent.append(now_ns)

    def block(self, until_ns: int) -> None:
        """429. A block never shortens one that stands."""
        self.blocked_until_ns = max(self.blocked_until_ns, until_ns)

    def usage(self, now_ns: int) -> dict[str, int]:
        return {"requests_1s": self._used(now_ns)}

    def _used(self, now_ns: int) -> int:
        sent, from_ns = self._sent, now_ns - _WINDOW_NS
        while sent and sent[0] <= from_ns:
            sent.popleft()
        return len(sent)
