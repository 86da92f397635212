"""Bugs of a clutch: a shadow that is taken for the strategy whose shadow it is."""

from typing import Any

from actors import shadow
from actors.report_delivery import ReportDelivery
from actors.shadow import ShadowActor
from actors.shadow_context import ShadowContext
from actors.venue import VenueActor
from cli.simulation.bugs.planting import Bug, Patch
from engine.messages import Message, NewOrder

__all__ = ["BUGS"]


def _shadow_order_escapes() -> list[Patch]:
    """Four mistakes at once, because each but the last is caught by the next: it sends, it is attached as its strategy,
    its ids are none of its own, and a release does not end it."""
    send = ShadowContext.send

    def sending(self: ShadowContext, to: str, message: Message) -> bool:
        if isinstance(message, NewOrder):
            self._ctx.send(to, message)
        return send(self, to, message)

    def by_actor(self: ReportDelivery, actor: str) -> Any:
        listener = self._shadows.get(actor)
        return self._by_actor.get(actor) or (self.attachments[listener.strategy_id] if listener else None)

    return [
        (ShadowContext, "send", sending),
        (ReportDelivery, "by_actor", by_actor),
        (shadow, "SHADOW_MARK", "-"),
        (ShadowActor, "_end", lambda self, now_ns: None),
    ]


def _shadow_takes_its_place() -> list[Patch]:
    on_shadow = VenueActor._on_shadow

    def attaching(self: VenueActor, sender: str, logon: Any) -> None:
        on_shadow(self, sender, logon)
        if self.settings.shadows.get(logon.strategy_id) == sender:
            self.delivery.attachments[logon.strategy_id].actor = sender

    return [(VenueActor, "_on_shadow", attaching)]


BUGS = (
    Bug(
        "shadow-order-escapes",
        "an order of a shadow is taken for its strategy's",
        _shadow_order_escapes,
        ("Isolation", "Account"),
    ),
    Bug("shadow-takes-its-place", "a strategy's reports go to its shadow", _shadow_takes_its_place, ("Account",)),
)
