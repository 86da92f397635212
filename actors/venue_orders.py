"""What strategies ask for: new orders, replaces, cancels. The only place an order can leave from is ``_submit``.

    NewOrder ─▶ identity ─▶ gate (latch, lease, limits, reserve) ─▶ journal ─▶ encode and sign ─▶ latch again ─▶ socket
                                                                                                        one callback

No await, no task, nothing that waits. Cancels skip the gate: they pass in every state.
"""

import re
from collections.abc import Callable, Iterable

import msgspec

from actors.order_refusals import ghost_order, not_open, refusal_report, unknown_order
from actors.venue_core import VenueCore
from engine.codes import ExecType, OrderType, Reason, TimeInForce
from engine.journal import JournalFull
from engine.messages import CancelAll, CancelOrder, NewOrder, Refusal, ReplaceOrder
from engine.order import Order
from engine.order_support import NO_SUPPORT
from engine.venue import OrderRejected, VenueOrder
from risk.gate_special import shape_fault
from risk.latency import NOT_TAKEN
from risk.window import SendWindow

__all__ = ["OrderEntry", "valued"]

#: Of ``ORDER_STAGES``, those that are known once an order has left.
_STAGES = ("gate", "journal", "sign", "write", "frame_to_wire", "strategy_to_venue", "tick_to_wire")
_NOTHING_TAKEN = (NOT_TAKEN,) * len(_STAGES)

#: A sweep's cancel that was refused is tried again after this, and then after twice as long each time, up to a bound.
_CANCEL_AGAIN_NS = 100_000_000
_CANCEL_AGAIN_MOST_NS = 1_600_000_000


class OrderEntry:
    def __init__(self, core: VenueCore, window: SendWindow) -> None:
        self._core = core
        self._window = window
        self._ctx, self._session, self._gate = core.ctx, core.session, core.gate
        self._blotter, self._journal, self._delivery = core.blotter, core.journal, core.delivery
        self._record = core.ctx.latency.group(_STAGES)
        names = core.settings.strategies
        #: By strategy: how ids begin that would be taken for another's, whose longer name begins with its own.
        self._others_ids = {
            name: tuple(f"{other}-" for other in names if other.startswith(f"{name}-")) for name in names
        }
        #: By order that a sweep has cancelled: how long it waits next time, and until when.
        self._paces: dict[str, tuple[int, int]] = {}
        #: Called after the gate has refused an order: a budget may have been short.
        self.on_gate_refusal: Callable[[int], None] = lambda now_ns: None

    @property
    def orders_sent(self) -> int:
        """Orders and replacements that have left since the start."""
        return self._window.orders

    def sweep(self) -> None:
        """An order that waited for the operating system to take it may be on its way by now."""
        if self._window.is_held and self._session.has_drained():
            self._window.drained()

    # -- requests -------------------------------------------------------------------------------------------

    def on_new_order(self, sender: str, message: NewOrder, now_ns: int) -> None:
        order = Order.from_new(message)
        refusal = self.may_submit(sender, order, now_ns)
        if refusal is None and order.instructions is not None and order.instructions.list_id:
            refusal = _ALONE
        refusal = refusal or self._submit(order, None, message, now_ns)
        if refusal is not None:
            self.refuse(sender, order, refusal, now_ns)

    def close_position(self, message: NewOrder, now_ns: int) -> Refusal | None:
        """An order of the venue actor's own, that closes a position under a kill that flattens; or why it cannot go."""
        order = Order.from_new(message)
        refusal = self._core.stopped or self._no_way_out(message.instrument_id, now_ns)
        if refusal is None and self._delivery.held:
            refusal = Refusal(Reason.JOURNAL_FULL, text="the journal has no room for what has already happened")
        return refusal or self._submit(order, None, message, now_ns, closes=True)

    def on_replace_order(self, sender: str, message: ReplaceOrder, now_ns: int) -> None:
        orig = self._blotter.orders.get(message.orig_client_order_id)
        if orig is None or orig.strategy_id != message.strategy_id:
            ghost = ghost_order(message.client_order_id, message.strategy_id, message.orig_client_order_id)
            refusal = self._wrong_strategy(sender, message.strategy_id) or unknown_order(message.orig_client_order_id)
            self.refuse(sender, ghost, refusal, now_ns)
            return
        order = Order.from_replace(message, orig)
        may_not = self.may_submit(sender, order, now_ns)
        if may_not is None and order.instructions is not None and _is_listed(orig, order):
            may_not = _IN_A_LIST
        if may_not is None and message.instructions is not None:
            support = self._session.support(order.instrument_id)
            may_not = None if support.replaces_instructions else _KEEPS_INSTRUCTIONS
        if may_not is None and not orig.can_replace:
            may_not = not_open(orig)
        may_not = may_not or self._submit(order, orig, message, now_ns)
        if may_not is not None:
            self.refuse(sender, order, may_not, now_ns)

    # -- the order path -------------------------------------------------------------------------------------

    def _submit(
        self,
        order: Order,
        orig: Order | None,
        message: NewOrder | ReplaceOrder,
        now_ns: int,
        *,
        closes: bool = False,
    ) -> Refusal | None:
        """Gate, journal, sign, look again, write. ``orig`` is the order to be replaced: it keeps its own reservation
        until the venue has cancelled it, because both may still fill. A refusal means that nothing has happened."""
        clock_ns = self._ctx.clock_ns
        checked_ns = clock_ns()
        check = self._gate.check_closing if closes else self._gate.check
        approved = check(order, checked_ns)
        if isinstance(approved, Refusal):
            self.on_gate_refusal(checked_ns)
            return approved
        gated_ns = clock_ns()
        if order.instructions is not None:
            message = valued(message, order)
        try:
            self._journal.request(message, now_ns)
        except JournalFull as error:
            self._gate.abandon(approved)
            return Refusal(Reason.JOURNAL_FULL, text=str(error))
        self._blotter.admit(approved)
        if closes:  # its name is no strategy's, so after a power cut it could not be found again
            self._journal.force()
        journalled_ns = clock_ns()
        session = self._session
        frame = session.encode_replace(orig, approved, now_ns) if orig else session.encode_new(approved, now_ns)
        # From here on whoever kills waits for us (risk/window.py); what is raised in between leaves it so.
        window = self._window
        window.enter()
        signed_ns = clock_ns()
        # The last look at latch and lease, with a fresh clock, and then the socket: nothing stands between them.
        reason = self._gate.may_send(approved, signed_ns)
        if reason is not Reason.NONE:
            window.refused()
            self._count_refusal(reason)
            text = "halted or out of lease between the check and the write: never sent"
            self._core.settle(OrderRejected(order.client_order_id, reason, text, 0), signed_ns)
            return None
        session.transmit(frame, signed_ns)
        if session.has_drained():
            window.sent()
        else:
            window.held()
        order.sent_ns = signed_ns
        self._core.sent(order.client_order_id, signed_ns)
        self._measure(order, now_ns, checked_ns, gated_ns, journalled_ns, signed_ns)
        return None

    def _measure(
        self, order: Order, now_ns: int, checked_ns: int, gated_ns: int, journalled_ns: int, signed_ns: int
    ) -> None:
        """The order is on its way: how long each stage took."""
        written_ns = self._ctx.clock_ns()
        self._record(
            gated_ns - checked_ns,
            journalled_ns - gated_ns,
            signed_ns - journalled_ns,
            written_ns - signed_ns,
            written_ns - now_ns,
            now_ns - order.created_ns if order.created_ns else NOT_TAKEN,
            written_ns - order.tick_received_ns if order.tick_received_ns else NOT_TAKEN,
        )

    def rehearse(self, sender: str, order: Order, message: NewOrder, now_ns: int) -> None:
        """Go through what an order meets besides the gate and the socket, for nothing (``actors/rehearsal.py``)."""
        self.may_submit(sender, order, now_ns)
        self._journal.rehearse(message, now_ns)
        self._record(*_NOTHING_TAKEN)

    def may_submit(self, sender: str, order: Order, now_ns: int) -> Refusal | None:
        """Everything about who asks and whether there is a way out; what is asked is the gate's business."""
        core, strategy_id, client_order_id = self._core, order.strategy_id, order.client_order_id
        attachment = self._delivery.by_actor(sender)
        if attachment is None or attachment.strategy_id != strategy_id:
            return self._wrong_strategy(sender, strategy_id)
        if order.account_id != core.settings.account_id:
            return Refusal(
                Reason.WRONG_ACCOUNT, "account_id", order.account_id, core.settings.account_id, "another account's"
            )
        if attachment.stopped:
            return Refusal(Reason.STRATEGY_STOPPED, "strategy_id", strategy_id, text=attachment.stopped)
        if core.stopped is not None:
            return core.stopped
        if self._delivery.held:
            return Refusal(Reason.JOURNAL_FULL, text="the journal has no room for what has already happened")
        if attachment.behind:
            return Refusal(Reason.REPORT_QUEUE_FULL, text="the strategy is behind with its reports; read them first")
        if not _is_client_order_id(client_order_id, strategy_id) or client_order_id.startswith(
            self._others_ids[strategy_id]
        ):
            return Refusal(
                Reason.BAD_CLIENT_ORDER_ID,
                "client_order_id",
                client_order_id[:64],
                f"{strategy_id}-…, at most 36 of A-Z a-z 0-9 - _",
                "client order ids name their strategy",
            )
        if self._blotter.is_known(client_order_id):
            return Refusal(
                Reason.DUPLICATE_CLIENT_ORDER_ID, "client_order_id", client_order_id, text="this id has been used"
            )
        may_not = self._no_way_out(order.instrument_id, now_ns)
        return may_not if order.instructions is None else may_not or self._unsupported(order, now_ns)

    def _unsupported(self, order: Order, now_ns: int) -> Refusal | None:
        """Why the venue takes no such order; only of one with instructions, whose types nobody has looked at yet."""
        support = self._session.support(order.instrument_id) if type(order.instrument_id) is int else NO_SUPPORT
        return shape_fault(order) or support.refusal(order, self._ctx.wall_ns(now_ns))

    def _no_way_out(self, instrument_id: int, now_ns: int) -> Refusal | None:
        core = self._core
        if not core.ready:
            return Refusal(Reason.NOT_READY, text="the venue is not connected and reconciled yet")
        if not core.positions_known:
            return Refusal(Reason.NOT_READY, text="what the venue held before us has not been told apart yet")
        reason = self._session.send_refusal(now_ns)
        if reason is Reason.VENUE_RATE_LIMIT:
            asked = instrument_id if type(instrument_id) is int else -1  # nobody has looked at it yet
            wait_ns = self._session.send_wait_ns(asked, now_ns)
            text = f"{core.settings.venue}: the venue's limits are used up; the next order may be sent in {wait_ns} ns"
            return Refusal(reason, "wait_ns", "", str(wait_ns), text)
        if reason is not Reason.NONE:
            return Refusal(reason, text=f"{core.settings.venue}: {reason.name.lower().replace('_', ' ')}")
        return None

    def _wrong_strategy(self, sender: str, strategy_id: str) -> Refusal | None:
        attachment = self._delivery.by_actor(sender)
        if attachment is not None and attachment.strategy_id == strategy_id:
            return None
        return Refusal(Reason.WRONG_STRATEGY, "strategy_id", strategy_id, text=f"{sender} may not speak for it")

    def refuse(
        self, sender: str, order: Order, refusal: Refusal, now_ns: int, exec_type: ExecType = ExecType.REJECTED
    ) -> None:
        self._count_refusal(refusal.reason)
        self._delivery.deliver_refusal(sender, refusal_report(order, refusal, exec_type, now_ns))

    def _count_refusal(self, reason: Reason) -> None:
        refusals = self._core.refusals
        refusals[reason] = refusals.get(reason, 0) + 1

    # -- cancels: pass in every state -----------------------------------------------------------------------

    def on_cancel_order(self, sender: str, message: CancelOrder, now_ns: int) -> None:
        order = self._blotter.orders.get(message.client_order_id)
        stranger = self._wrong_strategy(sender, message.strategy_id)
        if stranger is not None or order is None or order.strategy_id != message.strategy_id:
            # An order of somebody else is not described to whoever guessed its id.
            ghost = ghost_order(message.client_order_id, message.strategy_id)
            refusal = stranger or unknown_order(message.client_order_id)
            self.refuse(sender, ghost, refusal, now_ns, ExecType.CANCEL_REJECTED)
            return
        may_not = self._may_not_cancel(order)
        if may_not is not None:
            self.refuse(sender, order, may_not, now_ns, ExecType.CANCEL_REJECTED)
        else:
            self._cancel(order, now_ns)

    def _may_not_cancel(self, order: Order) -> Refusal | None:
        if not order.can_cancel:
            return not_open(order)
        if not self._core.session_live:
            return Refusal(Reason.VENUE_LINK_DOWN, text="no way to the venue; its state is asked on reconnect")
        if self._is_being_cancelled(order):
            text = "a cancel of this order has been sent and is not answered yet"
            return Refusal(Reason.CANCEL_IN_FLIGHT, "client_order_id", order.client_order_id, text=text)
        return None

    def _is_being_cancelled(self, order: Order) -> bool:
        return order.cancel_pending and order.client_order_id in self._core.in_flight

    def _cancel(self, order: Order, now_ns: int) -> None:
        message = CancelOrder(order.client_order_id, order.account_id, order.strategy_id, now_ns)
        self._journal.fact(message, now_ns)  # makes no report, so nothing has to be held when there is no room
        self._blotter.apply(message, now_ns)
        self._gate.on_cancel(now_ns)
        self._session.transmit(self._session.encode_cancel(order, now_ns), now_ns)
        self._core.sent(order.client_order_id, now_ns)

    def on_cancel_all(self, sender: str, message: CancelAll, now_ns: int) -> None:
        if self._wrong_strategy(sender, message.strategy_id) is None:
            self.cancel_strategy(message.strategy_id, message.instrument_id, now_ns, paced=False)

    def cancel_strategy(self, strategy_id: str, instrument_id: int, now_ns: int, *, paced: bool = True) -> bool:
        """Cancel what can be cancelled now and is not being cancelled; True when nothing is open any more.

        Orders on their way are included: their cancel follows them on the same link. ``paced``: called again and
        again, so an order whose cancel was refused has to wait a little longer each time.
        """
        left = self._blotter.open_orders(strategy_id, None if instrument_id < 0 else instrument_id)
        for order in left:
            self.cancel_order(order, now_ns, paced=paced)
        return not left

    def cancel_order(self, order: Order, now_ns: int, *, paced: bool = True) -> bool:
        """True: its cancel has left now. False: it cannot be cancelled, is being cancelled, or has to wait."""
        if not self._core.session_live or not order.can_cancel or self._is_being_cancelled(order):
            return False
        if paced and not self._may_try(order, now_ns):
            return False
        self._cancel(order, now_ns)
        return True

    def _may_try(self, order: Order, now_ns: int) -> bool:
        wait_ns, until_ns = self._paces.get(order.client_order_id, (_CANCEL_AGAIN_NS, 0))
        if now_ns < until_ns:
            return False
        if not until_ns:  # one more to remember: forget those that have ended
            open_orders = {each.client_order_id for each in self._blotter.open_orders()}
            self._paces = {key: pace for key, pace in self._paces.items() if key in open_orders}
        self._paces[order.client_order_id] = (min(2 * wait_ns, _CANCEL_AGAIN_MOST_NS), now_ns + wait_ns)
        return True

    def cancel_listed(self, listed: Iterable[VenueOrder], now_ns: int) -> None:
        """Cancel orders that the venue has and that we know nothing of: of a journal that was lost."""
        for order in listed:
            if self._core.session_live and order.client_order_id not in self._blotter.orders:
                self._session.transmit(self._session.encode_cancel(_found(order), now_ns), now_ns)


_KEEPS_INSTRUCTIONS = Refusal(
    Reason.UNSUPPORTED,
    "instructions",
    text="the venue changes price and quantity of an order and nothing else; cancel it and send another",
)


def _is_listed(*orders: Order) -> bool:
    return any(each.instructions is not None and each.instructions.list_id for each in orders)


_ALONE = Refusal(Reason.BAD_ORDER_LIST, "list_id", text="an order of a list comes with the list, not alone")
_IN_A_LIST = Refusal(
    Reason.UNSUPPORTED,
    "client_order_id",
    text="an order of a list cannot be replaced; cancel the list and send another",
)


def valued(message: NewOrder | ReplaceOrder, order: Order) -> NewOrder | ReplaceOrder:
    """A request as it is journalled when its price alone does not tell what the order may cost."""
    assert order.instructions is not None, "a plain order is journalled as it was asked for"
    instructions = msgspec.structs.replace(order.instructions, reserve_ticks=order.reserve_ticks)
    return msgspec.structs.replace(message, instructions=instructions)


_matches_id = re.compile(r"[A-Za-z0-9_-]{1,36}").fullmatch


def _is_client_order_id(text: str, strategy_id: str) -> bool:
    at = len(strategy_id)
    return text[:at] == strategy_id and text[at : at + 1] == "-" and _matches_id(text) is not None


def _found(listed: VenueOrder) -> Order:
    """Stands for an order that only the venue knows, so that it can be cancelled like any other."""
    order = Order.from_new(
        NewOrder(
            listed.client_order_id,
            "",
            "",
            listed.instrument_id,
            listed.side,
            OrderType.LIMIT,
            TimeInForce.GTC,
            listed.quantity_lots,
            listed.price_ticks,
        )
    )
    order.order_id = listed.order_id
    return order
