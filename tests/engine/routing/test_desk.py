from collections import Counter, defaultdict

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from routing_world import World

from engine.codes import ExecType, OrderStatus, OrderType, Reason, Side, TimeInForce
from engine.messages import ExecutionReport, NewOrder, Refusal
from engine.routing.plan import Policy, RouteRules
from engine.routing.records import ChildPlaced, ChildTold

RULES = [RouteRules(policy, failover) for policy in Policy for failover in (True, False)]
MS = 1_000_000


def act(world: World) -> None:
    """One random thing happens."""
    draw, actor = world.random.random(), world.random.choice(list(world.venues))
    venue = world.venues[actor]
    world.now_ns += world.random.choice([0, 1, 200]) * MS
    if draw < 0.10:
        order(world)
    elif draw < 0.14 and world.parents.open:
        name = world.random.choice(list(world.parents.open))
        if world.parents.blotter.orders[name].can_cancel:
            world.cancel(name)
    elif draw < 0.18 and world.parents.open:
        name = world.random.choice(list(world.parents.open))
        if world.parents.blotter.orders[name].can_replace:
            world.replace(name, world.random.randint(1, 400), 10_000 + world.random.randint(-60, 60))
    elif draw < 0.45 and venue.inbox:
        venue.receive()
    elif draw < 0.65:
        world.work(actor)
    elif draw < 0.88 and venue.outbox and venue.is_up:
        world.deliver(actor)
    elif draw < 0.94:
        world.tell_market(actor)
    elif draw < 0.955:
        world.desk.look(world.now_ns)
    elif draw < 0.965:
        world.kill(actor)
    elif draw < 0.975:
        venue.is_halted = False
    elif draw < 0.985:
        venue.is_up = not venue.is_up
        world.tell_market(actor)
    else:
        world.begin()


def order(world: World) -> None:
    draw = world.random
    order_type = draw.choice([OrderType.LIMIT, OrderType.LIMIT, OrderType.LIMIT, OrderType.MARKET])
    force = draw.choice([TimeInForce.GTC, TimeInForce.GTC, TimeInForce.IOC, TimeInForce.FOK])
    is_plain = order_type is OrderType.LIMIT and force is TimeInForce.GTC
    world.order(
        draw.choice([Side.BUY, Side.SELL]),
        draw.randint(1, 400),
        10_000 + draw.randint(-60, 60) if order_type is OrderType.LIMIT else 0,
        order_type,
        TimeInForce.GTC if order_type is OrderType.MARKET else force,
        post_only=is_plain and draw.random() < 0.2,
    )


def check(world: World) -> None:
    for parent, lots in world.at_risk().items():
        assert lots <= world.requests[parent].quantity_lots
    told: dict[str, int] = defaultdict(int)
    ends = Counter(
        report.client_order_id
        for report in world.reports
        if report.order_status.is_terminal and report.exec_type is not ExecType.CANCEL_REJECTED
    )
    assert not ends or max(ends.values()) == 1
    assert [report.report_seq for report in world.reports] == list(range(1, len(world.reports) + 1))
    for report in world.reports:
        if report.fill is not None:
            told[report.client_order_id] += report.fill.last_lots
        assert report.cum_lots == told[report.client_order_id]
    assert {name: lots for name, (lots, _) in world.filled().items()} == {k: v for k, v in told.items() if v}


def rest(world: World) -> None:
    """The faults end, everything is answered, and the strategy cancels what is open."""
    for venue in world.venues.values():
        venue.is_up, venue.is_halted = True, False
    for _ in range(400):
        world.now_ns += 600 * MS
        for name in list(world.parents.open):
            parent = world.parents.open.get(name)
            if parent is not None and parent.order.can_cancel and not parent.is_cancelled:
                world.cancel(name)
        world.desk.look(world.now_ns)
        for actor, venue in world.venues.items():
            world.tell_market(actor)
            while venue.inbox:
                venue.receive()
            while venue.outbox:
                world.deliver(actor)
        if not world.parents.open:
            return
    raise AssertionError(f"still open: {world.parents.open}")


@pytest.mark.parametrize("rules", RULES, ids=lambda rules: f"{rules.policy.value}-{rules.failover}")
@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 2**32))
def test_parents_come_to_what_the_venues_have_filled_and_end_once(rules: RouteRules, seed: int) -> None:
    world = World(seed, rules)
    for _ in range(150):
        act(world)
        check(world)
    rest(world)
    check(world)
    ended = [report for report in world.reports if report.order_status.is_terminal]
    assert Counter(report.client_order_id for report in ended if report.exec_type is not ExecType.CANCEL_REJECTED) == (
        dict.fromkeys(world.requests, 1)
    )
    values: dict[str, int] = defaultdict(int)
    for report in world.reports:
        if report.fill is not None:
            values[report.client_order_id] += report.fill.last_lots * report.fill.last_ticks
    assert dict(values) == {name: value for name, (_, value) in world.filled().items()}
    assert world.parents.blotter.counters()["violations"] == 0
    check_promises_of_the_route(world)
    world.begin()


def check_promises_of_the_route(world: World) -> None:
    """All or none is that; no fill is worse than the limit; without failover nothing that came back goes elsewhere."""
    filled = world.filled()
    for name, request in world.requests.items():
        lots, value = filled.get(name, (0, 0))
        order = world.parents.blotter.orders[name]
        if order.time_in_force is TimeInForce.FOK:
            assert lots in (0, request.quantity_lots)
        if order.order_type is OrderType.LIMIT and lots:
            sign = 1 if order.side is Side.BUY else -1
            assert sign * value <= sign * lots * request.price_ticks
    if not world.rules.failover:
        check_nothing_given_back_is_placed_again(world)


def check_nothing_given_back_is_placed_again(world: World) -> None:
    """What was placed of a parent in all is no more than it has, but for what only took and did not get it."""
    room = {name: request.quantity_lots for name, request in world.requests.items()}
    children: dict[str, ChildPlaced] = {}
    for record, _ in world.journal:
        if isinstance(record, ChildPlaced):
            room[record.parent_id] -= record.order.quantity_lots * world.grid[record.venue_actor].lot_size
            children[record.order.client_order_id] = record
            assert room[record.parent_id] >= 0
        elif isinstance(record, ChildTold) and record.report.order_status is OrderStatus.EXPIRED:
            child = children[record.report.client_order_id]
            missed = child.order.quantity_lots - record.report.cum_lots
            room[child.parent_id] += missed * world.grid[record.venue_actor].lot_size


# -- one by one ----------------------------------------------------------------------------------------------------


@pytest.fixture
def world() -> World:
    return World(1, RouteRules(Policy.SPLIT, failover=True))


def books(world: World, **levels: list[tuple[int, int]]) -> None:
    """Asks of each venue in its own ticks and lots, no bids, no fees."""
    for name, asks in levels.items():
        market = world.markets[f"venue.{name}"]
        market.bids, market.asks, market.maker_nanos, market.taker_nanos = (), tuple(asks), 0, 0


def sent(world: World, name: str) -> list[tuple[int, int, TimeInForce]]:
    return [
        (message.quantity_lots, message.price_ticks, message.time_in_force)
        for message in world.venues[f"venue.{name}"].inbox
        if isinstance(message, NewOrder)
    ]


def all_through(world: World, name: str) -> None:
    venue = world.venues[f"venue.{name}"]
    while venue.inbox:
        venue.receive()
    while venue.outbox:
        world.deliver(f"venue.{name}")


def last(world: World, name: str) -> ExecutionReport:
    return [report for report in world.reports if report.client_order_id == name][-1]


def buy(world: World, lots: int, ticks: int, force: TimeInForce = TimeInForce.GTC, **more: bool) -> str:
    return world.order(Side.BUY, lots, ticks, OrderType.LIMIT, force, post_only=more.get("post_only", False))


def test_what_can_be_had_is_taken_and_the_rest_rests_where_that_is_cheapest(world: World) -> None:
    books(world, near=[(10_000, 6)], fine=[(1_001, 30)], far=[(10_050, 50)])
    world.markets["venue.far"].maker_nanos = -1
    buy(world, 200, 10_010)
    assert sent(world, "near") == [(6, 10_000, TimeInForce.IOC)]  # lots of 10
    assert sent(world, "fine") == [(30, 1_001, TimeInForce.IOC)]  # ticks of 10
    assert sent(world, "far") == [(110, 10_010, TimeInForce.GTC)]


def test_a_part_that_was_too_late_is_taken_elsewhere(world: World) -> None:
    books(world, near=[(10_000, 10)], fine=[], far=[])
    name = buy(world, 100, 10_010, TimeInForce.GTC)
    venue = world.venues["venue.near"]
    venue.receive()
    books(world, near=[], fine=[(1_001, 100)], far=[])
    venue.end(next(iter(venue.orders.values())), OrderStatus.EXPIRED, Refusal(Reason.VENUE_EXPIRED))
    world.deliver("venue.near")
    assert sent(world, "fine") == [(100, 1_001, TimeInForce.IOC)]
    assert not last_or_none(world, name) or not last(world, name).order_status.is_terminal


def last_or_none(world: World, name: str) -> ExecutionReport | None:
    return next((report for report in reversed(world.reports) if report.client_order_id == name), None)


@pytest.mark.parametrize("failover", [True, False])
def test_what_a_killed_venue_gives_back_goes_elsewhere_only_if_the_route_says_so(failover: bool) -> None:
    world = World(1, RouteRules(Policy.SPLIT, failover))
    books(world, near=[], fine=[], far=[])
    world.markets["venue.fine"].maker_nanos = -1
    name = buy(world, 100, 9_000)
    assert sent(world, "fine") == [(100, 900, TimeInForce.GTC)]
    world.venues["venue.fine"].receive()
    world.kill("venue.fine")
    all_through(world, "fine")
    elsewhere = sent(world, "near") + sent(world, "far")
    if failover:
        assert elsewhere == [(10, 9_000, TimeInForce.GTC)]
        assert not last(world, name).order_status.is_terminal
    else:
        assert elsewhere == []
        assert last(world, name).order_status is OrderStatus.EXPIRED


def test_a_child_in_doubt_keeps_its_part(world: World) -> None:
    books(world, near=[(10_000, 10)], fine=[(1_001, 500)], far=[])
    buy(world, 100, 10_010, TimeInForce.IOC)
    venue = world.venues["venue.near"]
    venue.receive()
    (order,) = venue.orders.values()
    venue.doubt(order)
    all_through(world, "near")
    world.desk.look(world.now_ns + 10_000 * MS)
    assert sent(world, "fine") == []
    venue.end(order, OrderStatus.REJECTED, Refusal(Reason.NEVER_REACHED_VENUE))
    all_through(world, "near")
    assert sent(world, "fine") == [(100, 1_001, TimeInForce.IOC)]


def test_all_or_none_needs_one_venue_that_shows_all_of_it(world: World) -> None:
    books(world, near=[(10_000, 5)], fine=[(1_000, 50)], far=[])
    name = buy(world, 100, 10_000, TimeInForce.FOK)
    assert last(world, name).order_status is OrderStatus.REJECTED
    buy(world, 50, 10_000, TimeInForce.FOK)
    assert sent(world, "near") + sent(world, "fine") == [(5, 10_000, TimeInForce.FOK)]


def test_nothing_of_a_replacement_is_placed_before_the_last_child_of_the_original_has_ended(world: World) -> None:
    books(world, near=[], fine=[], far=[])
    world.markets["venue.fine"].maker_nanos = -1
    name = buy(world, 100, 9_000)
    all_through(world, "fine")
    world.replace(name, 60, 9_100)
    assert sent(world, "fine") == []  # its cancel is on its way, and nothing else
    all_through(world, "fine")
    assert last(world, name).order_status is OrderStatus.REPLACED
    assert sent(world, "fine") == [(60, 910, TimeInForce.GTC)]


def test_a_replacement_of_an_order_that_has_filled_meanwhile_is_rejected(world: World) -> None:
    books(world, near=[], fine=[], far=[])
    world.markets["venue.fine"].maker_nanos = -1
    name = buy(world, 100, 9_000)
    venue = world.venues["venue.fine"]
    venue.receive()
    (order,) = venue.orders.values()
    venue.fill(order, 100, 900)
    world.replace(name, 60, 9_100)
    all_through(world, "fine")
    assert last(world, name).order_status is OrderStatus.FILLED
    assert last(world, "s-p-2").order_status is OrderStatus.REJECTED


def test_a_closing_order_of_a_kill_counts_although_nobody_has_placed_it(world: World) -> None:
    venue = world.venues["venue.near"]
    own = NewOrder("flatten-1", "main", "s", 0, Side.SELL, OrderType.LIMIT, TimeInForce.IOC, 3, 10_000)
    venue.inbox.append(own)
    world.parent_of["flatten-1"] = "flatten-1"
    venue.receive()
    venue.fill(venue.orders["flatten-1"], 2, 10_000)
    venue.end(venue.orders["flatten-1"], OrderStatus.EXPIRED, Refusal(Reason.VENUE_EXPIRED))
    all_through(world, "near")
    assert last(world, "flatten-1").order_status is OrderStatus.EXPIRED
    assert world.parents.blotter.position_lots("s", 9) == -20
    assert not world.parents.open
