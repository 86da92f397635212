"""The order link from connected to live.

    DOWN ──open──▶ LOGGING_ON (Ed25519) ──▶ SUBSCRIBING ──▶ LOADING ──account──▶ LIVE
                   (HMAC: straight on) ────▶

The account is read after user data has been subscribed to, so that no change of it falls in between.
"""

from collections.abc import Callable
from enum import IntEnum

from adapters.binance.core import SessionCore
from adapters.binance.errors import Verdict
from adapters.binance.messages import OrdersMessage
from adapters.binance.orders import OrderEncoder
from engine.errors import VenueError
from engine.venue import SessionState

__all__ = ["LOG_ON", "STAGE_TIMER", "SUBSCRIBE", "Logon", "Stage"]

LOG_ON, SUBSCRIBE = "logon", "subscribe"
STAGE_TIMER = "session:orders:stage"


class Stage(IntEnum):
    DOWN = 0
    LOGGING_ON = 1
    SUBSCRIBING = 2
    LOADING = 3
    LIVE = 4


class Logon:
    """``send(payload)`` writes to the order link, ``drop(reason, now_ns, delay_ns)`` closes it and opens it again (-1:
    after the back-off)."""

    def __init__(
        self,
        core: SessionCore,
        encoder: OrderEncoder,
        can_log_on: bool,
        send: Callable[[bytes], None],
        drop: Callable[[str, int, int], None],
    ) -> None:
        self._core, self._encoder, self._can_log_on = core, encoder, can_log_on
        self._send, self._drop = send, drop
        self.stage = Stage.DOWN
        #: Asks for the account; ``loaded`` is to follow. Set by the session.
        self.load: Callable[[int], None] = self.loaded

    @property
    def is_live(self) -> bool:
        return self.stage is Stage.LIVE

    @property
    def may_request(self) -> bool:
        """Whether signed requests are understood: cancels need not wait until everything is known."""
        return self.stage >= Stage.SUBSCRIBING

    def begin(self, now_ns: int) -> None:
        """The link is open."""
        if not self._can_log_on:
            self._subscribe(now_ns)
            return
        self._enter(Stage.LOGGING_ON, now_ns)
        self._send(self._encoder.log_on(LOG_ON, self._core.clock.timestamp(now_ns)))

    def on_answer(self, answer: OrdersMessage, now_ns: int) -> None:
        """The answer to the logon or to the subscription. Raises VenueError when nothing of the kind was asked."""
        expected = {LOG_ON: Stage.LOGGING_ON, SUBSCRIBE: Stage.SUBSCRIBING}[str(answer.id)]
        if self.stage is not expected:
            raise VenueError(f"answer to {answer.id} in stage {self.stage.name}")
        if answer.status != 200:
            self._refused(answer, now_ns)
        elif self.stage is Stage.LOGGING_ON:
            self._subscribe(now_ns)
        else:
            self._enter(Stage.LOADING, now_ns)
            self.load(now_ns)

    def loaded(self, now_ns: int) -> None:
        """The account has been told."""
        if self.stage is Stage.LOADING:
            self._core.ctx.cancel_timer(STAGE_TIMER)
            self.stage = Stage.LIVE
            self._core.emit(SessionState(True, "logged on, user data subscribed"), now_ns)

    def lost(self, reason: str, now_ns: int) -> None:
        """The link is down. Told whenever it had come as far as taking requests."""
        was, self.stage = self.stage, Stage.DOWN
        self._core.ctx.cancel_timer(STAGE_TIMER)
        if was >= Stage.SUBSCRIBING:
            self._core.emit(SessionState(False, reason), now_ns)

    def on_timer(self, now_ns: int) -> None:
        if self.stage in (Stage.LOGGING_ON, Stage.SUBSCRIBING):
            self._drop(f"no answer while {self.stage.name.lower().replace('_', ' ')}", now_ns, -1)

    def _subscribe(self, now_ns: int) -> None:
        self._enter(Stage.SUBSCRIBING, now_ns)
        self._send(self._encoder.subscribe(SUBSCRIBE, self._core.clock.timestamp(now_ns)))

    def _enter(self, stage: Stage, now_ns: int) -> None:
        self.stage = stage
        self._core.ctx.set_timer(STAGE_TIMER, now_ns + self._core.options.answer_timeout_ns)

    def _refused(self, answer: OrdersMessage, now_ns: int) -> None:
        core = self._core
        verdict = core.judge(answer.status, answer.error, 0, now_ns)
        delay_ns = -1
        if verdict is Verdict.UNAUTHENTICATED:
            delay_ns = core.options.auth_retry_ns
        elif verdict is Verdict.RATE_LIMITED:
            delay_ns = core.limits.blocked_until_ns - now_ns
        text = f"{answer.error.code} {answer.error.msg}" if answer.error is not None else f"status {answer.status}"
        self._drop(f"{answer.id} refused: {text}", now_ns, delay_ns)
