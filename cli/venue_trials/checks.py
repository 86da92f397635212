"""What must hold at the end of a trial: the engine's books are the venue's, and every order has one end."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping

from actors.venue import VenueActor
from cli.venue_trials.books import Truth, TruthFill
from cli.venue_trials.venues import BALANCE, TrialVenue
from engine.codes import ExecType, OrderStatus
from engine.instrument import Instrument
from engine.messages import ExecutionReport

__all__ = ["check_books", "check_orders"]

_NANOS = 1_000_000_000


def check_books(
    venue: TrialVenue, actor: VenueActor, truth: Truth, opening_nanos: Mapping[str, int] | None = None
) -> Iterator[str]:
    """Position, cash, fees and open orders are the venue's own. ``opening_nanos``: what the account had of each asset
    at first; without it, what a trial's has."""
    (definition,) = actor.core.definitions.values()
    instrument = definition.instrument
    line = actor.blotter.ledger_line(instrument.instrument_id)
    fees = line.fee_nanos
    expected = {
        instrument.base_asset: line.position_lots * _lot_nanos(instrument) - fees.get(instrument.base_asset, 0),
        instrument.quote_asset: -line.cost_tick_lots * _tick_lot_nanos(instrument) // _NANOS
        - fees.get(instrument.quote_asset, 0),
    }
    rounding = {instrument.quote_asset: venue.quote_rounding_nanos * line.fills}
    for asset, change in expected.items():
        opening = BALANCE * _NANOS if opening_nanos is None else opening_nanos[asset]
        there = truth.held_nanos[asset] - opening
        if abs(change - there) > rounding.get(asset, 0):
            yield f"{asset}: our fills come to {change} billionths, the venue's to {there}"
    if line.fills != truth.fills.total():
        yield f"{line.fills} executions are booked, {truth.fills.total()} happened"
    if truth.open_orders or actor.blotter.open_orders():
        yield f"{truth.open_orders} orders are open at the venue, {len(actor.blotter.open_orders())} in our books"
    if actor.gate.open_orders:
        yield f"{actor.gate.open_orders} orders are still reserved"
    for violation in actor.blotter.violations:
        yield f"our books contradict the venue: {violation}"


def check_orders(
    name_at_venue: Callable[[str], str],
    submitted: Iterable[str],
    reports: Iterable[ExecutionReport],
    truth: Truth,
) -> Iterator[str]:
    """One terminal report for each order, none rejected that the venue took, the executions told are the venue's."""
    ends: Counter[str] = Counter()
    fills: Counter[TruthFill] = Counter()
    for report in reports:
        if report.fill is not None:
            fill = report.fill
            fills[TruthFill(report.side, fill.last_ticks, fill.last_lots, fill.fee_nanos)] += 1
        if report.exec_type is ExecType.CANCEL_REJECTED or not report.order_status.is_terminal:
            continue
        name = report.client_order_id
        ends[name] += 1
        if report.order_status is OrderStatus.REJECTED and name_at_venue(name) in truth.names:
            yield f"{name} was called rejected, and the venue had taken it"
    for name in submitted:
        if ends[name] != 1:
            yield f"{name} has {ends[name]} terminal reports"
    if fills != truth.fills:
        yield f"told and not done: {list((fills - truth.fills).elements())[:3]}"
        yield f"done and not told: {list((truth.fills - fills).elements())[:3]}"


def _lot_nanos(instrument: Instrument) -> int:
    places: int = 10**instrument.quantity_scale
    return instrument.lot_units * _NANOS // places


def _tick_lot_nanos(instrument: Instrument) -> int:
    """Of one tick times one lot, in billionths of billionths: exact also where it is less than a billionth."""
    places: int = 10 ** (instrument.quantity_scale + instrument.price_scale)
    return instrument.lot_units * instrument.tick_units * _NANOS * _NANOS // places
