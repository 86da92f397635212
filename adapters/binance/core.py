"""What the parts of one session share, beyond what every venue's do (``adapters/core.py``)."""

from collections.abc import Callable, Sequence

from adapters.binance.errors import Verdict, judge
from adapters.binance.messages import ApiError
from adapters.binance.options import BinanceOptions
from adapters.binance.parse import venue_ns
from adapters.binance.rate_limit import RateLimits
from adapters.core import VenueCore
from adapters.grid import InstrumentGrid
from engine.actor import Context
from engine.instrument import NANOS
from engine.order_support import OrderSupport
from engine.venue import AuthenticationFailed, RateLimited, VenueListener

__all__ = ["SessionCore"]

#: How the venue's gateway says that there were too many of us.
_SILENCES = (403, 418, 429)
#: Silence to keep when the venue asks for it without saying how long.
_SILENCE_NS = 60 * NANOS


class SessionCore(VenueCore[BinanceOptions, InstrumentGrid]):
    """Clock, limits and instruments of one session."""

    def __init__(
        self, ctx: Context, listener: VenueListener, options: BinanceOptions, symbols: Sequence[tuple[int, str]]
    ) -> None:
        super().__init__(ctx, listener, options, symbols, options.unit_ns)
        #: Filled from exchangeInfo.
        self.grids_by_symbol: dict[str, InstrumentGrid] = {}
        self.supports: dict[int, OrderSupport] = {}
        self.limits = RateLimits(options.cancel_share_ppm, options.request_share_percent)
        #: Asks for the venue's time at once; set by the session.
        self.reread_clock: Callable[[int], None] = _nothing

    # -- errors that concern more than one request -----------------------------------------------------------

    def judge(self, status: int, error: ApiError | None, retry_after_ns: int, now_ns: int) -> Verdict:
        """What an error answer means for its request, and tell of what it means for all others.

        ``retry_after_ns``: how long to be silent, 0 when the answer does not say so in its header.
        """
        code, text = (error.code, error.msg) if error is not None else (0, "")
        verdict = judge(status, code, text)
        self.count(f"error {code or status}")
        if verdict is Verdict.RATE_LIMITED:
            self._silenced(status == 418, error, retry_after_ns, text, now_ns)
        elif verdict is Verdict.TOO_MANY_ORDERS:
            rolls_ns = self.limits.orders_full(self.clock.venue_ns(now_ns))
            self.emit(RateLimited(self.clock.local_ns(rolls_ns, now_ns), False, text), now_ns)
        elif verdict is Verdict.UNAUTHENTICATED:
            self.emit(AuthenticationFailed(f"{code} {text}"), now_ns)
        elif verdict is Verdict.CLOCK:
            self.clock.distrust()
            self.reread_clock(now_ns)
        return verdict

    def refused_link(self, status: int, retry_after_ns: int, now_ns: int) -> int:
        """A handshake was answered with ``status``: how long to wait before the next one, -1: as the back-off says."""
        if status not in _SILENCES:
            return -1
        self.judge(429 if status == 403 else status, None, retry_after_ns, now_ns)
        return self.limits.blocked_until_ns - now_ns

    def _silenced(self, banned: bool, error: ApiError | None, retry_after_ns: int, text: str, now_ns: int) -> None:
        until_ns = now_ns + (retry_after_ns or _SILENCE_NS)
        data = error.data if error is not None else None
        if data is not None and data.retryAfter:
            unit_ns = self.options.unit_ns
            until_ns = self.clock.local_ns(venue_ns(data.retryAfter, unit_ns), now_ns)
            if data.serverTime:  # the venue's own difference, whatever we take its clock for
                until_ns = now_ns + venue_ns(data.retryAfter, unit_ns) - venue_ns(data.serverTime, unit_ns)
        self.limits.block(until_ns, banned)
        self.emit(RateLimited(until_ns, banned, text), now_ns)


def _nothing(now_ns: int) -> None:
    """Until the session has its REST link."""
