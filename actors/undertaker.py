"""The undertaker of one venue actor: cancels what it has left open at the venue, over a connection of its own.

    kill switch ──Undertake, again and again──▶ undertaker ─▶ a session of its own ─▶ cancel until the venue shows none
                ◀──"cancel_sent", "cancelled"──            ◀─ taken back, or not repeated: the session ends

While nobody is to be buried it has no session, so it takes nothing of the venue's limits. It knows nothing of the dead
actor's books: whatever is open in its instruments goes, so it is asked only for kills that cover all of them.

What the dead process had signed may still be on its way when its process has ended. The venue takes a request for
``request_validity_ns`` and shows an order a little later, so no list of open orders that was asked for before then is
the last word, however empty.

A venue's dead-man timer, where it has one, is kept armed meanwhile (``VenueSession.arm_dead_man_timer``): the venue
then cancels by itself should the undertaker end, too. A venue of which it is to be armed *before* anybody dies needs a
session here all the time: that belongs into ``on_start``.
"""

from collections.abc import Callable
from itertools import count

import msgspec

from actors.cancel_until_none import CancelUntilNone
from actors.reconciliation import READ_LAG_NS
from engine.actor import Actor, Context
from engine.messages import KillProgress, Message, StatusReport, StatusRequest, Undertake
from engine.venue import CancelAllAnswered, OpenOrdersListed, SessionState, VenueEvent, VenueListener, VenueSession

__all__ = ["Undertaker", "UndertakerSettings"]

_MS = 1_000_000
_SWEEP, _SWEEP_NS = "sweep", 100 * _MS
#: A request that is not repeated ends.
_REQUEST_NS = 5_000 * _MS
#: After so long without us, a venue that can cancels everything by itself.
_DEAD_MAN_NS = 10_000 * _MS


class UndertakerSettings(msgspec.Struct, frozen=True):
    venue_actor: str
    kill_actor: str
    instrument_ids: tuple[int, ...]


class _Burial:
    """One kill's request."""

    def __init__(self) -> None:
        self.until_ns = 0
        #: Since when nothing more can leave the venue actor; -1: it can.
        self.halted_ns = -1


class Undertaker(Actor):
    """``make_session`` builds a new session around this actor as its listener."""

    def __init__(
        self, settings: UndertakerSettings, make_session: Callable[[VenueListener], VenueSession], notice: str = ""
    ) -> None:
        self.settings = settings
        self.peers = (settings.kill_actor,)
        self._make_session = make_session
        self._notice = notice
        self._session: VenueSession | None = None
        self._burials: dict[str, _Burial] = {}
        self._query_ids = count(1)
        self._arm_ns = 0
        self._is_armed = False
        self._confirmed = 0

    def on_start(self, ctx: Context, now_ns: int) -> None:
        self._ctx = ctx
        if self._notice:
            ctx.log("undertaker", text=self._notice)

    def on_stop(self, now_ns: int) -> None:
        self._end(now_ns)

    # -- requests -------------------------------------------------------------------------------------------

    def on_message(self, sender: str, message: Message, now_ns: int) -> None:
        if isinstance(message, Undertake):
            if sender == self.settings.kill_actor and message.venue_actor == self.settings.venue_actor:
                self._on_undertake(message, now_ns)
        elif isinstance(message, StatusRequest):
            self._ctx.send(sender, msgspec.structs.replace(self.status(), nonce=message.nonce))

    def _on_undertake(self, request: Undertake, now_ns: int) -> None:
        if request.is_over:
            self._burials.pop(request.kill_id, None)
            if not self._burials:
                self._end(now_ns)
            return
        burial = self._burials.get(request.kill_id)
        is_new = burial is None
        if burial is None:
            burial = self._burials[request.kill_id] = _Burial()
            self._ctx.log("undertaking", venue_actor=request.venue_actor, kill_id=request.kill_id)
        burial.until_ns = now_ns + _REQUEST_NS
        if not request.is_halted:
            burial.halted_ns = -1
        elif burial.halted_ns < 0:
            burial.halted_ns = now_ns
        if self._session is None:
            self._begin(now_ns)
        elif is_new and not self._cancelling.active:
            self._cancelling.begin(now_ns, live=self._live)

    # -- the session ----------------------------------------------------------------------------------------

    def _begin(self, now_ns: int) -> None:
        self._live = False
        self._session = session = self._make_session(self)
        self._cancelling = CancelUntilNone(
            session,
            self.settings.instrument_ids,
            lambda asked_ns: bool(self._settled(asked_ns)),
            self._on_sent,
            self._on_failed,
            self._on_confirmed,
            lambda: next(self._query_ids),
        )
        session.start(self._ctx, now_ns)
        self._cancelling.begin(now_ns, live=False)
        self._ctx.set_timer(_SWEEP, now_ns + _SWEEP_NS)

    def _end(self, now_ns: int) -> None:
        session, self._session = self._session, None
        self._arm_ns, self._is_armed = 0, False
        if session is not None:
            session.stop(now_ns)
            self._ctx.cancel_timer(_SWEEP)

    def _settled(self, asked_ns: int) -> list[str]:
        """Kills for which a list that is asked for then is the last word, if it is empty."""
        session = self._session
        if session is None:
            return []
        lapse_ns = session.request_validity_ns + READ_LAG_NS
        return [
            kill_id
            for kill_id, burial in self._burials.items()
            if burial.halted_ns >= 0 and asked_ns >= burial.halted_ns + lapse_ns
        ]

    def on_venue_event(self, event: VenueEvent, now_ns: int) -> None:
        if self._session is None:
            return
        if isinstance(event, SessionState):
            self._live = event.live
            self._cancelling.session_live(event.live, now_ns)
        elif isinstance(event, CancelAllAnswered):
            self._cancelling.on_cancel_all_answered(event, now_ns)
        elif isinstance(event, OpenOrdersListed):
            self._cancelling.on_open_orders(event, now_ns)

    def on_link_up(self, link: str, now_ns: int) -> None:
        if self._session is not None:
            self._session.on_link_up(link, now_ns)

    def on_link_bytes(self, link: str, data: bytes, now_ns: int) -> None:
        if self._session is not None:
            self._session.on_link_bytes(link, data, now_ns)

    def on_link_down(self, link: str, reason: str, now_ns: int) -> None:
        if self._session is not None:
            self._session.on_link_down(link, reason, now_ns)

    def on_timer(self, key: str, now_ns: int) -> None:
        session = self._session
        if session is None:
            return
        if key != _SWEEP:
            session.on_timer(key, now_ns)
            return
        for kill_id in [name for name, burial in self._burials.items() if now_ns >= burial.until_ns]:
            del self._burials[kill_id]
        if not self._burials:
            self._end(now_ns)
            return
        self._ctx.set_timer(_SWEEP, now_ns + _SWEEP_NS)
        if now_ns >= self._arm_ns:
            self._arm_ns = now_ns + _DEAD_MAN_NS // 3
            self._is_armed = session.arm_dead_man_timer(_DEAD_MAN_NS, now_ns)
        self._cancelling.sweep(now_ns)

    # -- what comes of it -----------------------------------------------------------------------------------

    def _on_sent(self, now_ns: int) -> None:
        for kill_id in self._burials:
            self._tell(kill_id, "cancel_sent")

    def _on_failed(self, text: str, now_ns: int) -> None:
        self._ctx.log("cancel failed", text=text)
        for kill_id in self._burials:
            self._tell(kill_id, "cancel_sent", text)

    def _on_confirmed(self, now_ns: int) -> None:
        for kill_id in self._settled(self._cancelling.asked_ns):
            del self._burials[kill_id]
            self._confirmed += 1
            self._ctx.log("nothing is open", kill_id=kill_id, venue_actor=self.settings.venue_actor)
            self._tell(kill_id, "cancelled")
        if self._burials:  # else the sweep ends the session, which is in the middle of telling us
            self._cancelling.begin(now_ns, live=self._live)

    def _tell(self, kill_id: str, stage: str, failure: str = "") -> None:
        left = self._cancelling.orders_listed
        word = KillProgress(kill_id, self.settings.venue_actor, stage, self._ctx.clock_ns(), left, 0, failure)
        self._ctx.send(self.settings.kill_actor, word)

    def status(self) -> StatusReport:
        state = "undertaking" if self._burials else "idle"
        counters = {"undertaking": len(self._burials), "confirmed": self._confirmed}
        counters["dead_man_armed"] = int(self._is_armed)
        return StatusReport(self._ctx.name, "undertaker", 0, 0, state, counters)
