"""What the parts of one session share, beyond what every venue's do (``adapters/core.py``)."""

from collections.abc import Callable, Sequence

from adapters.coinbase.errors import Verdict, judge
from adapters.coinbase.options import CoinbaseOptions
from adapters.coinbase.rate_limit import RateLimits
from adapters.coinbase.signing import Signer, TokenMaker
from adapters.core import VenueCore
from adapters.grid import InstrumentGrid
from engine.actor import Context
from engine.instrument import NANOS
from engine.venue import AuthenticationFailed, RateLimited, VenueListener

__all__ = ["SessionCore"]

#: The venue tells its time in whole milliseconds.
_CLOCK_UNIT_NS = 1_000_000
#: How the venue's gateway says that there were too many of us.
_SILENCES = (403, 429)
#: Silence to keep when the venue asks for it without saying how long: twice as long each time, until it has answered.
_SILENCE_FIRST_NS, _SILENCE_MAX_NS = NANOS, 32 * NANOS
_DENIALS_MAX = 3


class SessionCore(VenueCore[CoinbaseOptions, InstrumentGrid]):
    """Context, listener, clock, limits, tokens, instruments and counters of one session.

    ``counters`` are for people: what went wrong, by name, and the fees of the account's tier.
    """

    def __init__(
        self,
        ctx: Context,
        listener: VenueListener,
        options: CoinbaseOptions,
        symbols: Sequence[tuple[int, str]],
        signer: Signer,
        token_host: str,
    ) -> None:
        super().__init__(ctx, listener, options, symbols, _CLOCK_UNIT_NS)
        #: Filled from the venue's products.
        self.grids_by_symbol: dict[str, InstrumentGrid] = {}
        requests_per_second = max(1, options.requests_per_second * options.request_share_percent // 100)
        self.limits = RateLimits(requests_per_second, options.cancel_share_ppm)
        self.tokens = TokenMaker(signer, token_host, options.token_life_s, ctx.random_below)
        #: Ask for the venue's time at once, and throw tokens away that were signed before; set by the session.
        self.on_clock_in_doubt: Callable[[int], None] = _nothing
        self._silence_ns = _SILENCE_FIRST_NS
        #: Tokens refused in a row.
        self._denials = 0

    def venue_s(self, now_ns: int) -> int:
        """The venue's time in whole seconds: what a token is signed with."""
        return self.clock.venue_ns(now_ns) // NANOS

    def answered(self, *, is_public: bool) -> None:
        """The venue has answered as it should: a silence to come is a short one again."""
        self._silence_ns = _SILENCE_FIRST_NS
        if not is_public:
            self._denials = 0

    @property
    def is_denied(self) -> bool:
        """Whether the key itself seems to be refused: the venue refuses a right token now and then, and one whose time
        is wrong, but not so many in a row."""
        return self._denials > _DENIALS_MAX

    def judge(self, status: int, text: str, retry_after_ns: int, now_ns: int) -> Verdict:
        """What an error answer means for its request, and tell of what it means for all others.

        ``retry_after_ns``: how long to be silent, 0 when the answer does not say so.
        """
        verdict = judge(status)
        self.count(f"error {status}")
        if verdict is Verdict.RATE_LIMITED:
            until_ns = now_ns + (retry_after_ns or self._silence_ns)
            self._silence_ns = min(2 * self._silence_ns, _SILENCE_MAX_NS)
            self.limits.block(until_ns)
            self.emit(RateLimited(until_ns, False, text), now_ns)
        elif verdict is Verdict.UNAUTHENTICATED:
            self._denials += 1
            self.clock.distrust()
            self.on_clock_in_doubt(now_ns)
            self.emit(AuthenticationFailed(f"{status} {text}"), now_ns)
        elif verdict is Verdict.FORBIDDEN:
            self.emit(AuthenticationFailed(f"{status} {text}"), now_ns)
        return verdict

    def refused_link(self, status: int, retry_after_ns: int, now_ns: int) -> int:
        """A handshake was answered with ``status``: how long to wait before the next one, -1: as the back-off says."""
        if status not in _SILENCES:
            return -1
        self.judge(429, f"handshake refused with {status}", retry_after_ns, now_ns)
        return self.limits.blocked_until_ns - now_ns


def _nothing(now_ns: int) -> None:
    """Until the session has its REST link."""
