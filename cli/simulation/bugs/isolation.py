"""Bugs of the promise Isolation: who is told of whose orders, and who speaks for whom."""

from typing import Any

import msgspec

from actors.report_delivery import ReportDelivery
from cli.simulation.bugs.planting import Bug, Patch

__all__ = ["BUGS"]


def _wrong_strategy_credited() -> list[Patch]:
    deliver = ReportDelivery.deliver

    def crediting(self: ReportDelivery, reports: Any) -> None:
        first = next(iter(self.attachments))
        deliver(self, [msgspec.structs.replace(report, strategy_id=first) for report in reports])

    return [(ReportDelivery, "deliver", crediting)]


def _anybody_may_speak() -> list[Patch]:
    def by_actor(self: ReportDelivery, actor: str) -> Any:
        return self._by_actor.get(actor) or next(iter(self.attachments.values()), None)

    return [(ReportDelivery, "by_actor", by_actor)]


BUGS = (
    Bug(
        "wrong-strategy-credited",
        "reports go to the first strategy",
        _wrong_strategy_credited,
        ("Isolation", "Account"),
    ),
    Bug("anybody-may-speak", "a stranger may act for a strategy", _anybody_may_speak, ("Isolation",)),
)
