"""What the parts of one session share, beyond what every venue's do (``adapters/core.py``)."""

from collections.abc import Callable, Sequence

from adapters.core import VenueCore
from adapters.kraken.client_ids import ClientIds
from adapters.kraken.errors import Verdict, judge
from adapters.kraken.options import TIERS, KrakenOptions
from adapters.kraken.parse import PairGrid
from adapters.kraken.rate_limit import RateLimits
from engine.actor import Context
from engine.instrument import NANOS
from engine.venue import AuthenticationFailed, RateLimited, VenueListener

__all__ = ["SessionCore"]

#: How the venue's gateway says that there were too many of us.
_SILENCES = (403, 429)
#: Silence to keep when the venue asks for it without saying how long: what takes a connection ten minutes of penance
#: would be more, but this is asked again.
_SILENCE_NS = 15 * NANOS
#: What does not change by asking again.
_TERMINAL = (400, 401, 404)
#: Times on the WebSockets have microseconds.
_CLOCK_UNIT_NS = 1_000


class SessionCore(VenueCore[KrakenOptions, PairGrid]):
    """Clock, limits, names and instruments of one session."""

    def __init__(
        self, ctx: Context, listener: VenueListener, options: KrakenOptions, symbols: Sequence[tuple[int, str]]
    ) -> None:
        super().__init__(ctx, listener, options, symbols, _CLOCK_UNIT_NS)
        #: Filled from AssetPairs, by every name that the venue has for a pair.
        self.grids_by_name: dict[str, PairGrid] = {}
        #: REST's asset ids → the names that everything else uses.
        self.assets: dict[str, str] = {}
        self.limits = RateLimits(options.limits, options.cancel_share_ppm)
        self.ids = ClientIds()
        #: Of the private WebSocket; "" until asked for.
        self.token = ""
        self._requests = 0
        #: The venue's matching engine: online, post_only, cancel_only, maintenance.
        self.system = "online"
        #: Closes the order link because its token is of no more use; set by the session.
        self.renew_token: Callable[[int], None] = _nothing

    def next_request_id(self) -> int:
        self._requests += 1
        return self._requests

    def define(self, grids: Sequence[PairGrid]) -> None:
        for grid in grids:
            self.grids[grid.instrument_id] = grid
            for name in (grid.instrument.symbol, grid.pair_id, grid.altname):
                self.grids_by_name[name] = grid
        self.limits.define(self.grids)

    def told_cap(self, engine_max: int) -> None:
        """``maxratecount``: what the account's tier may spend per pair."""
        self.limits.configure(engine_max, TIERS.values())

    # -- errors that concern more than one request -----------------------------------------------------------

    def judge(self, text: str, now_ns: int, *, status: int = 200, instrument_id: int = -1) -> Verdict:
        """What an error answer means for its request, and tell of what it means for all others."""
        verdict = judge(text, status)
        self.count(f"error {text.partition(':')[0] or status}" if status == 200 else f"error {status}")
        if verdict is Verdict.RATE_LIMITED:
            until_ns = now_ns + self._silence_ns(text, now_ns)
            self.limits.block(until_ns, now_ns)
            self.emit(RateLimited(until_ns, False, text), now_ns)
        elif verdict is Verdict.PAIR_LIMITED:
            self.emit(RateLimited(self.limits.pair_full(instrument_id, now_ns), False, text), now_ns)
        elif verdict is Verdict.UNAUTHENTICATED:
            self.emit(AuthenticationFailed(text), now_ns)
        elif verdict is Verdict.TOKEN:
            self.renew_token(now_ns)
        return verdict

    def _silence_ns(self, text: str, now_ns: int) -> int:
        """``EService:Throttled: 1700000000`` names the time until which to be silent."""
        until = text.rpartition(":")[2].strip()
        if text.startswith("EService:Throttled") and until.isascii() and until.isdigit() and len(until) <= 11:
            return min(max(int(until) * NANOS - self.clock.venue_ns(now_ns), NANOS), 600 * NANOS)
        return self.limits.rest_pause_ns() if text.startswith("EAPI:Rate limit") else _SILENCE_NS

    def refused_link(self, status: int, retry_after_ns: int, now_ns: int) -> int:
        """See ``adapters.links.LinkHost``."""
        if status in _TERMINAL:
            return self.options.auth_retry_ns
        if status not in _SILENCES:
            return -1
        until_ns = now_ns + (retry_after_ns or 4 * _SILENCE_NS)
        self.emit(RateLimited(until_ns, True, f"HTTP {status}"), now_ns)
        return until_ns - now_ns


def _nothing(now_ns: int) -> None:
    """Until the session has its links."""
