"""Leases: the right to send, granted for a short time and counted on the holder's own clock.

A holder stamps each request with its monotonic clock; the grant echoes the stamp, and the lease runs from it:

    holder   ──request(sent_ns=100)──▶            ◀──grant(request_sent_ns=100, duration_ns=50)──   live until 150
    grantor              receives at some 100 + x, x ≥ 0: on its side the lease is over by x later than that

So no two clocks need to agree, a delayed grant is worth less instead of lasting longer, and silence ends the right.
An *epoch* numbers the lives of a grantor. A holder never acts on an epoch older than the newest it has heard of; a
grantor never serves a holder that has heard of a newer one. A *life* numbers the lives of a holder: a new one is
granted nothing while a lease of the one before may still be live, and from then on the one before nothing ever again,
so two of them can never send at the same time.
Both are pure state machines: time is an argument.
"""

from collections import deque
from collections.abc import Mapping

from engine.errors import UsageError
from engine.instrument import INT64_MAX
from engine.messages import LeaseGrant, LeaseRefusal, LeaseRequest

__all__ = ["FOREVER_NS", "LeaseGrantor", "LeaseHolder"]

#: Authority that does not end by time: the kill switch actor's own.
FOREVER_NS = INT64_MAX
#: Requests that a holder remembers: an answer to an older one is worthless, its lease would be over.
_OUTSTANDING_MAX = 32


class LeaseHolder:
    """The holder's side. Ask when ``due_ns`` has come, feed the answers, and send only while ``is_live``."""

    def __init__(self, holder: str, config_hash: str, renew_ns: int, life: int = 0) -> None:
        if renew_ns <= 0:
            raise UsageError(f"renew_ns of lease holder {holder} is {renew_ns}; it must be positive")
        self._holder = holder
        self._config_hash = config_hash
        self._renew_ns = renew_ns
        #: Tells this life of the holder from every other: a grant to another one is not ours.
        self.life = life
        self._outstanding: deque[int] = deque(maxlen=_OUTSTANDING_MAX)
        #: The newest epoch heard of, from a grant or a refusal; 0: none.
        self.epoch = 0
        #: When the lease ends, on the holder's clock; 0: there is none.
        self.expires_ns = 0
        #: When the next request is to be sent; 0: at once.
        self.due_ns = 0
        #: Grants and refusals that were late, old, duplicate or not an answer to a request of this life.
        self.ignored = 0
        self._granted_sent_ns = -1

    def is_live(self, now_ns: int) -> bool:
        return now_ns < self.expires_ns

    def request(self, now_ns: int, open_orders: int) -> LeaseRequest:
        """A request to send right now, at ``now_ns``; the next is due a renewal interval later."""
        if not self._outstanding or self._outstanding[-1] != now_ns:
            self._outstanding.append(now_ns)
        self.due_ns = now_ns + self._renew_ns
        return LeaseRequest(self._holder, now_ns, self.epoch, open_orders, self._config_hash, self.life)

    def on_grant(self, grant: LeaseGrant) -> bool:
        """True when ``epoch`` or ``expires_ns`` has changed; a grant that must not count changes nothing."""
        expires_ns = grant.request_sent_ns + grant.duration_ns
        is_newer = grant.epoch > self.epoch or (grant.epoch == self.epoch and expires_ns > self.expires_ns)
        is_ours = grant.life == self.life and self._answers(grant.request_sent_ns)
        if not is_ours or grant.duration_ns <= 0 or grant.epoch <= 0 or not is_newer:
            self.ignored += 1
            return False
        self._forget_through(grant.request_sent_ns)
        self.epoch, self.expires_ns, self._granted_sent_ns = grant.epoch, expires_ns, grant.request_sent_ns
        return True

    def on_refusal(self, refusal: LeaseRefusal) -> bool:
        """True when the lease ended by it. A refusal ends the lease at once unless a later request was granted."""
        newer_epoch = refusal.epoch > self.epoch
        if not self._answers(refusal.request_sent_ns) or refusal.epoch < self.epoch:
            self.ignored += 1
            return False
        self._forget_through(refusal.request_sent_ns)
        if not newer_epoch and refusal.request_sent_ns < self._granted_sent_ns:
            self.ignored += 1
            return False
        had_lease = self.expires_ns > 0
        self.epoch, self.expires_ns = refusal.epoch, 0
        return had_lease

    def _answers(self, sent_ns: int) -> bool:
        return sent_ns in self._outstanding

    def _forget_through(self, sent_ns: int) -> None:
        """Earlier requests can only bring an earlier end of the lease: their answers are not awaited any more."""
        while self._outstanding and self._outstanding[0] <= sent_ns:
            self._outstanding.popleft()


class LeaseGrantor:
    """The grantor's side. It grants only what it holds itself: ``authorize`` tells it until when that is.

    ``epoch`` must be larger than in every earlier life; its owner persists it before the first grant. ``lives`` are the
    newest lives of holders that earlier epochs knew: other ones wait until the leases that those may have are over,
    counted from ``begun_ns``, when this epoch begins (-1: they are over).
    """

    def __init__(
        self, epoch: int, config_hash: str, duration_ns: int, lives: Mapping[str, int] | None = None, begun_ns: int = -1
    ) -> None:
        if epoch <= 0 or duration_ns <= 0:
            raise UsageError(f"lease epoch {epoch} and duration {duration_ns} ns must be positive")
        self.epoch = epoch
        self._config_hash = config_hash
        self._duration_ns = duration_ns
        self._authority_expires_ns = 0
        self._expires_by_ns: dict[str, int] = {}
        self._lives: dict[str, int] = dict(lives or {})
        #: Until then a holder may have a lease from an earlier epoch.
        self._earlier_until_ns = begun_ns + duration_ns if epoch > 1 and begun_ns >= 0 else 0

    def authorize(self, expires_ns: int) -> None:
        """Its own authority now ends at ``expires_ns`` on its own clock; ``FOREVER_NS`` for the root."""
        self._authority_expires_ns = expires_ns

    def withdraw(self) -> None:
        """Grant nothing more. What was granted ends by time."""
        self._authority_expires_ns = 0

    def expires_by_ns(self, holder: str) -> int:
        """When, on this clock, every lease given to ``holder`` is certainly over; 0: it never had one."""
        return self._expires_by_ns.get(holder, 0)

    def on_request(self, request: LeaseRequest, now_ns: int) -> LeaseGrant | LeaseRefusal:
        """The answer to send. A grant never outlasts this grantor's own authority."""
        duration_ns = min(self._duration_ns, self._authority_expires_ns - now_ns)
        self._admit(request, now_ns)
        if text := self._refusal_text(request, duration_ns):
            return LeaseRefusal(self.epoch, request.sent_ns, text)
        ends_ns = now_ns + duration_ns
        self._expires_by_ns[request.holder] = max(ends_ns, self.expires_by_ns(request.holder))
        return LeaseGrant(self.epoch, request.sent_ns, duration_ns, request.life)

    def is_present(self, request: LeaseRequest) -> bool:
        """True for a request, answered just now, whose word counts although it may have been refused: it is of the
        holder's present life, of one configuration with this grantor, and has not heard of a newer one."""
        return (
            request.config_hash == self._config_hash
            and request.epoch <= self.epoch
            and request.life == self._lives.get(request.holder)
        )

    def _admit(self, request: LeaseRequest, now_ns: int) -> None:
        """A later life takes over when no lease of the one before can be live, from this epoch or an earlier one."""
        known = self._lives.get(request.holder)
        is_later = known is None or request.life > known
        if is_later and now_ns >= max(self.expires_by_ns(request.holder), self._earlier_until_ns):
            self._lives[request.holder] = request.life

    def _refusal_text(self, request: LeaseRequest, duration_ns: int) -> str:
        if request.config_hash != self._config_hash:
            return (
                f"{request.holder} runs configuration {request.config_hash!r}, the grantor {self._config_hash!r}: "
                "start both from one file, as one program"
            )
        if request.epoch > self.epoch:
            return f"{request.holder} has seen epoch {request.epoch}, this grantor is of the older epoch {self.epoch}"
        if request.life < self._lives.get(request.holder, request.life):
            return f"{request.holder} has begun a later life since; only that one is served"
        if request.life != self._lives.get(request.holder):
            return f"an earlier life of {request.holder} may still have a lease; this one is served when that is over"
        if duration_ns <= 0:
            return "the grantor has no authority itself now: a kill is on, or its own lease has run out"
        return ""
