"""The engine and a simulated Binance in virtual time, and what every run of them must hold to."""

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from actors.places import risk_actor, strategy_actor, venue_actor
from actors.runtime.spec import ActorSpec, HostSpec
from actors.runtime.virtual_host import VirtualActor, VirtualHost
from actors.runtime.weather import FairWeather, Weather
from actors.strategy import StrategyActor
from actors.venue import VenueActor
from actors.wiring import open_state
from adapters.binance.amends import link_of
from adapters.simulator.binance.orders import OrderRecord, OrderTerms
from adapters.simulator.binance.settings import SimAccount, SimKey, VenueLimits, VenueOptions
from adapters.simulator.binance.venue import SimulatedBinance
from adapters.simulator.market import Market
from adapters.simulator.synthetic_market import SyntheticMarket, default_instrument
from cli.trial_config import ACCOUNT_TABLE, INSTRUMENT_TABLE, STRATEGY_TABLE
from cli.virtual_trial import VirtualTrial
from config.loader import load_config
from engine.actor import Actor, Endpoint
from engine.codes import ExecType, Side
from engine.messages import ExecutionReport, decode_message
from engine.strategy import Strategy

STRATEGIES = Path(__file__).parent / "strategies_under_test.py"
VENUE, RISK, KILL_SWITCH, SIMULATOR = venue_actor("binance"), risk_actor("desk"), "kill-switch", "simulator"
SECOND_NS = 1_000_000_000
MS = 1_000_000
PORT = 9443
BALANCES = {"USDT": "1000000", "BTC": "20"}

HEAD = """
[engine]
name = "desk"
runtime = "local"
state_dir = "state"
"""
ACCOUNT = ACCOUNT_TABLE
VENUE_TABLE = """
[[venues]]
name = "{name}"
adapter = "binance"
account = "{account}"
rest_url = "http://localhost:9443"
orders_url = "ws://localhost:9443/ws-api/v3"
streams_url = "ws://localhost:9443"
[venues.reconcile]
opening_positions = "zero"
[venues.credentials]
key_type = "hmac"
api_key_file = "{account}.key"
secret_file = "{account}.secret"
""" + INSTRUMENT_TABLE.format(symbol="BTCUSDT")


def strategy(
    id: str, source: str = "Hand", *, placement: str = "own-process", venue: str = "binance", **more: Any
) -> str:
    """A strategy's table. ``source`` is a class of ``strategies_under_test.py`` or a whole source."""
    account = more.pop("account", "desk" if venue == "binance" else venue)
    parameters = ", ".join(
        f'{name} = "{value}"' if isinstance(value, str) else f"{name} = {value}" for name, value in more.items()
    )
    return STRATEGY_TABLE.format(
        id=id,
        account=account,
        source=source if ":" in source else f"{STRATEGIES}:{source}",
        placement=placement,
        venue=venue,
        symbol="BTCUSDT",
        parameters=parameters,
    )


class Storm:
    """Fair weather, until a test says otherwise: ``cut(a, b)`` breaks what is sent between two hosts."""

    def __init__(self, seed: int) -> None:
        self._fair = FairWeather(seed)
        self.lost: set[tuple[str, str]] = set()
        self.extra_ns: dict[tuple[str, str], int] = {}

    def cut(self, one: str, other: str) -> None:
        self.lost |= {(one, other), (other, one)}

    def clear(self) -> None:
        self.lost.clear()
        self.extra_ns.clear()

    def delay_ns(self, source: str, target: str, now_ns: int, link: str) -> int | None:
        delay_ns = self._fair.delay_ns(source, target, now_ns, link)
        if (source, target) in self.lost or delay_ns is None:
            return None
        return delay_ns + self.extra_ns.get((source, target), 0)


class Desk(VirtualTrial):
    """A trial with what tests ask of it. Its latch and configuration are files of ``directory``."""

    storm: Storm

    @property
    def now_ns(self) -> int:
        return self.runtime.now_ns

    @property
    def venue(self) -> VenueActor:
        return self.venue_of("binance")

    def venue_of(self, name: str) -> VenueActor:
        actor = self.actor(venue_actor(name))
        assert isinstance(actor, VenueActor)
        return actor

    @property
    def simulator(self) -> SimulatedBinance:
        actor = self.actor(SIMULATOR)
        assert isinstance(actor, SimulatedBinance)
        return actor

    def hosted(self, strategy_id: str) -> StrategyActor:
        actor = self.actor(strategy_actor(strategy_id))
        assert isinstance(actor, StrategyActor)
        return actor

    def strategy(self, strategy_id: str) -> Any:
        """The user's own object."""
        found: Strategy = self.hosted(strategy_id).strategy
        return found

    def told(self, strategy_id: str) -> list[ExecutionReport]:
        """Every report the strategy was ever given, over all its lives."""
        decoded = [decode_message(frame) for frame in self.reports[strategy_id]]
        return [report for report in decoded if isinstance(report, ExecutionReport)]

    def counters(self, venue: str = "binance") -> dict[str, int]:
        return self.venue_of(venue).status().counters

    def refusals(self, strategy_id: str) -> Counter[str]:
        return Counter(r.refusal.reason.name for r in self.told(strategy_id) if r.refusal is not None)

    def logged(self, event: str) -> list[dict[str, object]]:
        return [fields for _, _, name, fields in self.runtime.log if name == event]

    def orders_at_venue(self, account: str = "desk") -> list[OrderRecord]:
        return self.simulator.exchange.orders.all_orders(account, "BTCUSDT")

    def open_at_venue(self, account: str = "desk") -> list[OrderRecord]:
        return self.simulator.exchange.orders.open_orders(account, "BTCUSDT")

    def trade(self, seconds: float) -> None:
        self.run_for(seconds)

    def add(self, name: str, actor: Actor) -> VirtualActor:
        """One more actor, on a host of its own."""
        like = self.runtime.hosts[VENUE]
        spec = HostSpec(name, (ActorSpec(name, lambda _: actor),), self._resources, like.spec.settings)
        host = self.runtime.hosts[name] = VirtualHost(self.runtime, spec, like.wall_offset_ns)
        host.start()
        return self.runtime.actor(name)

    def settle(self, seconds: float = 12.0) -> None:
        """Halt nothing, let everything be answered: strategies stop by being told to."""
        for hosted in self.config.strategies:
            self.strategy(hosted.id).on_timer = lambda name: None
        self.run_for(seconds)


MakeDesk = Callable[..., Desk]


def _venue_table(name: str, account: str, one_account: bool) -> str:
    table = VENUE_TABLE.format(name=name, account=account)
    return table.replace(f'account = "{account}"', 'account = "desk"') if one_account else table


def desk_maker(folder: Path) -> MakeDesk:
    made: list[Desk] = []

    def make(
        *strategies: str,
        seed: int = 1,
        more_venues: Sequence[str] = (),
        market: Callable[[], Market] | None = None,
        options: VenueOptions | None = None,
        weather: Weather | None = None,
        start: bool = True,
        one_account: bool = False,
        account_limits: Mapping[str, str] | None = None,
        assets: str = "",
        fence: bool = False,
        reconcile: str = 'opening_positions = "zero"',
        desk_class: type[Desk] = Desk,
    ) -> Desk:
        """A new desk in a new directory, live and trading after one virtual second unless ``start`` is False.

        ``account_limits``: amounts of the account's table that are not the usual ones; ``assets``: tables of assets.
        ``one_account``: the engine counts all venues to one account; each venue knows it under a name of its own.
        """
        directory = folder / f"desk{len(made)}"
        directory.mkdir()
        names = {"binance": "desk", **{name: name for name in more_venues}}
        for account in names.values():
            for suffix in ("key", "secret"):
                path = directory / f"{account}.{suffix}"
                path.write_text(f"{account}{suffix}".ljust(64, "x"))
                path.chmod(0o600)
        config_file = directory / "desk.toml"
        account_table = ACCOUNT + assets
        for key, amount in (account_limits or {}).items():
            account_table = re.sub(rf"^{key} = .*$", f'{key} = "{amount}"', account_table, flags=re.MULTILINE)
        config_file.write_text(
            (HEAD.replace('"local"', '"ray"') + "[kill]\nfence = true\n" if fence else HEAD)
            + "".join(
                account_table.format(account=account) for account in (["desk"] if one_account else names.values())
            )
            + "".join(_venue_table(name, account, one_account) for name, account in names.items()).replace(
                'opening_positions = "zero"', reconcile
            )
            + "".join(strategies or (strategy("hand"),))
        )
        config = load_config(config_file)
        open_state(config)

        def make_venue() -> SimulatedBinance:
            instrument = default_instrument()
            markets = {instrument.symbol: market() if market else SyntheticMarket(instrument, seed)}
            accounts = [
                SimAccount(
                    account,
                    (SimKey(f"{account}key".ljust(64, "x"), "hmac", secret=f"{account}secret".ljust(64, "x")),),
                    tuple(BALANCES.items()),
                )
                for account in (*names.values(), "somebody")
            ]
            return SimulatedBinance(
                markets,
                accounts,
                (Endpoint("localhost", PORT, False),),
                options or VenueOptions(VenueLimits(orders_per_10_seconds=100_000), seed=seed),
            )

        storm = Storm(seed)
        desk = desk_class(config, make_venue, seed=seed, weather=weather or storm)
        desk.storm = storm
        made.append(desk)
        if start:
            desk.start()
            desk.run_for(1.0)
        return desk

    return make


# -- somebody else ---------------------------------------------------------------------------------------------------


def stranger_places_an_order(desk: Desk, price_ticks: int, name: str = "by-hand") -> None:
    """The account's owner trades by hand, on the venue's own site."""
    exchange = desk.simulator.exchange
    terms = OrderTerms(
        listing=exchange.listings["BTCUSDT"],
        side=Side.BUY,
        order_type="LIMIT",
        time_in_force="GTC",
        quantity_lots=1_000,
        price_ticks=price_ticks,
        quote_order_nanos=0,
        client_order_id=name,
        stp_mode="NONE",
        response_type="ACK",
    )
    exchange.place(exchange.accounts["desk"], terms, desk.now_ns)


# -- what every run must hold to -----------------------------------------------------------------------------------


def check_books(desk: Desk, venue: str = "binance", account: str = "desk") -> None:
    """The engine's ledger is the venue's own: position, cash, fees, trades, open orders."""
    actor, exchange = desk.venue_of(venue), desk.simulator.exchange
    (definition,) = actor.core.definitions.values()
    scales = definition.instrument.quantity_scale, definition.instrument.price_scale
    lot_nanos = definition.instrument.lot_units * 10 ** (9 - scales[0])
    tick_lot_nanos = lot_nanos * definition.instrument.tick_units // 10 ** scales[1]
    line = actor.blotter.ledger_line(actor.settings.instrument_ids[0])
    books = exchange.accounts[account]
    change = {
        asset: books.balance(asset).free_nanos + books.balance(asset).locked_nanos - int(text) * SECOND_NS
        for asset, text in BALANCES.items()
    }
    assert change == {
        "BTC": line.position_lots * lot_nanos - line.fee_nanos.get("BTC", 0),
        "USDT": -line.cost_tick_lots * tick_lot_nanos - line.fee_nanos.get("USDT", 0),
    }
    assert line.fills == len(list(exchange.orders.trades(account, "BTCUSDT")))
    # (of an amended order the venue goes on counting what executed under its earlier names)
    open_here = {
        order.client_order_id: order.cum_lots + link_of(order.order_id).base_lots
        for order in actor.blotter.open_orders()
    }
    assert open_here == {record.client_order_id: record.cum_lots for record in desk.open_at_venue(account)}
    assert actor.gate.open_orders == len(open_here)
    counters = desk.counters(venue)
    assert (counters["violations"], counters["critical"], counters["unknown_orders"]) == (0, 0, 0)


def check_reports(desk: Desk, *strategy_ids: str, crashed: bool = False) -> None:
    """Reports without gaps, one terminal report per order, fills equal to the venue's.

    ``crashed``: a strategy host lost its memory, so what it was told before counts for the orders it no longer knows.
    """
    for strategy_id in strategy_ids or [each.id for each in desk.config.strategies]:
        told = desk.told(strategy_id)
        numbered = [report.report_seq for report in told if report.report_seq]
        if not crashed:
            assert numbered == list(range(1, len(numbered) + 1))
        assert len(set(numbered)) == len(numbered)
        ends: dict[str, int] = defaultdict(int)
        seen: set[str] = set()
        fills: dict[str, int] = defaultdict(int)
        for report in told:
            if report.exec_type is ExecType.CANCEL_REJECTED:
                continue
            seen.add(report.client_order_id)
            # A FILLED order ends with its last fill; every other end has a report of its own.
            ends[report.client_order_id] += report.order_status.is_terminal
            if report.fill is not None:
                fills[report.client_order_id] += report.fill.last_lots
        still_open = set(desk.hosted(strategy_id).orders)
        twice = {order: count for order, count in ends.items() if count > 1}
        assert not twice
        if not crashed:
            assert {order for order in seen if not ends[order]} <= still_open
            assert not still_open & {order for order in seen if ends[order]}
            for record in desk.orders_at_venue():
                name = record.client_order_id
                if name in seen and not record.amends:
                    assert fills[name] == record.cum_lots


def check_all(desk: Desk, *, crashed: bool = False) -> None:
    check_books(desk)
    check_reports(desk, crashed=crashed)
    ids = [record.client_order_id for record in desk.orders_at_venue()]
    assert len(set(ids)) == len(ids)
