"""Who is throttled is what a naive account of the same fills, restarts and enablings says, wherever a life ends."""

from typing import Any

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from actors.venue_records import LifeBegun, StrategyThrottled, ThrottleEnded, VenueJournal, decode_record
from actors.venue_throttle import VenueThrottle
from engine.codes import OrderType, Side, TimeInForce
from engine.messages import NewOrder, StrategyEnable, StrategyEnabled
from engine.order import Order
from risk.gate import Gate
from risk.latch import LatchPage
from risk.limits import COUNT_MAX, MICROS_MAX, AccountLimits, StrategyLimits
from risk.scope import TradingNames
from store.segment import MemoryJournal

NAMES = TradingNames(("a",), {"v": "a"}, {"s": "v", "t": "v"}, ("v:B0", "v:B1"))
SYMBOLS = {"B0": 0, "B1": 1}
WINDOW_NS, EXECUTIONS = 7 * 100, 2


def account() -> AccountLimits:
    numbers = {
        field: MICROS_MAX if field.endswith("_micros") else COUNT_MAX for field in AccountLimits.__struct_fields__
    }
    more: Any = {"currency": "Q", "assets": {}, "concentration_ppm": 10**6, "duplicate_window_ns": 0}
    return AccountLimits(**{**numbers, **more, "messages_per_trade": 0})


class Life:
    """One life of what a venue actor has to do with throttling; ``fills`` stand for the journal's order records."""

    def __init__(self, disk: "Disk") -> None:
        self.disk = disk
        self.answers: list[StrategyEnabled] = []
        self.gate = Gate(account(), LatchPage.memory(NAMES).view("v"), 2)
        for name in ("s", "t"):
            self.gate.define_strategy(
                name, StrategyLimits(COUNT_MAX, COUNT_MAX, MICROS_MAX, MICROS_MAX, EXECUTIONS, WINDOW_NS)
            )
        self.throttle = VenueThrottle(self, self.gate, VenueJournal(disk.journal), "v", "risk", SYMBOLS)  # type: ignore[arg-type]  # as much of a context as it asks for
        for _, at_ns, payload in list(disk.journal.records()):
            record = _decode(bytes(payload))
            if isinstance(record, Fill):
                self.book(record, at_ns)
            elif isinstance(record, LifeBegun):
                self.throttle.pairs.replay_life()
            else:
                assert isinstance(record, StrategyThrottled | ThrottleEnded)
                self.throttle.pairs.replay(record)
        self.throttle.begin(disk.now_ns)
        VenueJournal(disk.journal).fact(LifeBegun(disk.now_ns), disk.now_ns)

    def wall_ns(self, now_ns: int) -> int:
        return self.disk.wall_ns

    def log(self, event: str, **fields: object) -> None: ...

    def send(self, to: str, message: StrategyEnabled) -> bool:
        self.answers.append(message)
        return True

    def book(self, fill: "Fill", at_ns: int) -> None:
        order = Order.from_new(
            NewOrder("c", "a", fill.strategy, fill.instrument_id, Side.BUY, OrderType.LIMIT, TimeInForce.GTC, 1, 1)
        )
        self.gate.filled(order, 1, 1, at_ns)

    def fill(self, fill: "Fill") -> None:
        self.disk.journal.append(msgspec.msgpack.encode(fill), self.disk.now_ns)
        self.book(fill, self.disk.now_ns)
        self.throttle.on_fill(fill.strategy, fill.instrument_id, self.disk.now_ns)

    def throttled(self) -> set[tuple[str, int]]:
        told = {(each.strategy_id, SYMBOLS[each.instrument.split(":")[1]]) for each in self.throttle.throttled()}
        assert told == set(self.gate.throttled())
        return told


class Fill(msgspec.Struct, frozen=True, array_like=True, tag=1):
    strategy: str
    instrument_id: int


class Disk:
    def __init__(self) -> None:
        self.journal = MemoryJournal()
        self.now_ns, self.wall_ns = 10_000, 1

    def lose_an_unrecorded_throttling(self) -> None:
        """Death between the fill that was one too many and its record."""
        records = [(at_ns, bytes(payload)) for _, at_ns, payload in self.journal.records()]
        if records and isinstance(_decode(records[-1][1]), StrategyThrottled):
            self.journal = MemoryJournal()
            for at_ns, payload in records[:-1]:
                self.journal.append(payload, at_ns)


def _decode(payload: bytes) -> object:
    try:
        return msgspec.msgpack.decode(payload, type=Fill)
    except msgspec.ValidationError:
        return decode_record(payload)


FILLS = st.sampled_from([Fill("s", 0)] * 4 + [Fill("s", 1), Fill("t", 0)])
PAUSES = st.sampled_from([1, 50, 100, 400])
STEPS = st.lists(
    st.one_of(*[FILLS] * 6, PAUSES, *map(st.just, ("enable", "restart", "reboot"))), min_size=12, max_size=40
)


@settings(deadline=None, max_examples=100)
@given(steps=STEPS)
def test_it_is_what_a_naive_account_says(steps: list[Any]) -> None:
    disk = Disk()
    life = Life(disk)
    recent: dict[tuple[str, int], list[int]] = {}
    throttled: set[tuple[str, int]] = set()
    for step in steps:
        disk.wall_ns += 1
        if isinstance(step, Fill):
            key = step.strategy, step.instrument_id
            life.fill(step)
            bucket = disk.now_ns // 100
            times = recent[key] = [at for at in recent.get(key, []) if at > bucket - 8] + [bucket]
            if len(times) > EXECUTIONS:
                throttled.add(key)
        elif step == "enable":
            for each in life.throttle.throttled():
                life.throttle.on_enable(StrategyEnable(each, "ann", 0, ""), disk.now_ns)
                key = each.strategy_id, SYMBOLS[each.instrument.split(":")[1]]
                throttled.discard(key)
                recent[key] = []
        elif isinstance(step, int):
            disk.now_ns += step
        else:
            disk.lose_an_unrecorded_throttling()
            if step == "reboot":
                disk.now_ns = 10_000  # another clock
            life, recent = Life(disk), {}
        assert life.throttled() == throttled
        assert not any(answer.refusal for answer in life.answers)
