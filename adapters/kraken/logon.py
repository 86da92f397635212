"""The order link from connected to live.

    DOWN ──open──▶ TOKEN ──▶ SUBSCRIBING ──both subscribed, orders listed──▶ LOADING ──balances──▶ LIVE

The token comes over REST and is in every request. Balances are read after the subscription, so that no change of them
falls in between.
"""

from collections.abc import Callable
from enum import IntEnum

import msgspec

from adapters.kraken.core import SessionCore
from adapters.kraken.errors import Verdict
from adapters.kraken.messages import Message, Subscribed
from adapters.kraken.orders import OrderEncoder
from engine.venue import SessionState

__all__ = ["STAGE_TIMER", "Logon", "Stage"]

STAGE_TIMER = "session:orders:stage"
_CHANNELS: dict[str, dict[str, bool]] = {
    "executions": {"snap_orders": True, "snap_trades": False, "order_status": True, "ratecounter": True},
    "balances": {"snapshot": True},
}
_ALREADY = "already subscribed"
_decode_subscribed = msgspec.json.Decoder(Subscribed).decode


class Stage(IntEnum):
    DOWN = 0
    TOKEN = 1
    SUBSCRIBING = 2
    LOADING = 3
    LIVE = 4


class Logon:
    """``send(payload)`` writes to the order link, ``drop(reason, now_ns, delay_ns)`` closes it and opens it again (-1:
    after the back-off)."""

    def __init__(self, core: SessionCore, send: Callable[[bytes], None], drop: Callable[[str, int, int], None]) -> None:
        self._core, self._send, self._drop = core, send, drop
        self._encoder = OrderEncoder()
        self.stage = Stage.DOWN
        self._asked: dict[int, str] = {}
        self._missing: set[str] = set()
        #: Asks for a token, and for the balances; ``got_token`` and ``loaded`` are to follow. Set by the session.
        self.ask_token: Callable[[int], None] = _nothing
        self.load: Callable[[int], None] = _nothing

    @property
    def is_live(self) -> bool:
        return self.stage is Stage.LIVE

    @property
    def may_request(self) -> bool:
        """Whether requests with a token are understood: cancels need not wait until everything is known."""
        return self.stage >= Stage.SUBSCRIBING

    def begin(self, now_ns: int) -> None:
        """The link is open."""
        self.stage = Stage.TOKEN
        self.ask_token(now_ns)

    def got_token(self, now_ns: int) -> None:
        if self.stage is not Stage.TOKEN:
            return
        self.stage = Stage.SUBSCRIBING
        self._core.ctx.set_timer(STAGE_TIMER, now_ns + self._core.options.answer_timeout_ns)
        watches_account = self._core.options.watches_account
        channels = {each: options for each, options in _CHANNELS.items() if watches_account or each != "balances"}
        self._missing = {*channels, "orders"}
        self._asked.clear()
        for channel, options in channels.items():
            req_id = self._core.next_request_id()
            self._asked[req_id] = channel
            self._send(self._encoder.subscribe(channel, options, self._core.token, req_id))

    def on_answer(self, message: Message, now_ns: int) -> None:
        """The answer to a subscription."""
        channel = self._asked.pop(message.req_id, "") if message.req_id is not None else ""
        if not channel:
            self._core.count("answer to no subscription")
        elif message.success or _ALREADY in (message.error or "").lower():
            if message.success:
                cap = _decode_subscribed(message.result).maxratecount
                if cap is not None and cap > 0:
                    self._core.told_cap(cap)
            self._has(channel, now_ns)
        else:
            self._refused(f"{channel}: {message.error}", message.error or "", now_ns)

    def listed(self, now_ns: int) -> None:
        """The executions channel has told which orders are open."""
        self._has("orders", now_ns)

    def _has(self, what: str, now_ns: int) -> None:
        if self.stage is not Stage.SUBSCRIBING:
            return
        self._missing.discard(what)
        if not self._missing:
            self._core.ctx.cancel_timer(STAGE_TIMER)
            self.stage = Stage.LOADING
            if self._core.options.watches_account:
                self.load(now_ns)
            else:
                self.loaded(now_ns)

    def loaded(self, now_ns: int) -> None:
        """The balances have been told."""
        if self.stage is Stage.LOADING:
            self.stage = Stage.LIVE
            self._core.emit(SessionState(True, "token accepted, executions and balances subscribed"), now_ns)

    def lost(self, reason: str, now_ns: int) -> None:
        """The link is down. Told whenever it had come as far as taking requests."""
        was, self.stage = self.stage, Stage.DOWN
        self._core.ctx.cancel_timer(STAGE_TIMER)
        self._core.token = ""
        if was >= Stage.SUBSCRIBING:
            self._core.emit(SessionState(False, reason), now_ns)

    def on_timer(self, now_ns: int) -> None:
        if self.stage is Stage.SUBSCRIBING:
            self._drop("no answer to the subscription", now_ns, -1)

    def _refused(self, what: str, text: str, now_ns: int) -> None:
        core = self._core
        verdict = core.judge(text, now_ns)
        if self.stage is Stage.DOWN:
            return  # the token was refused: the link is being made anew
        delay_ns = -1
        if verdict is Verdict.UNAUTHENTICATED:
            delay_ns = core.options.auth_retry_ns
        elif verdict is Verdict.RATE_LIMITED:
            delay_ns = core.limits.blocked_until_ns - now_ns
        self._drop(f"subscription refused: {what}", now_ns, delay_ns)


def _nothing(now_ns: int) -> None:
    """Until the session has its REST link."""
