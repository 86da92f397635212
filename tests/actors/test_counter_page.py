"""What a venue actor publishes for those who look from outside: the same numbers as its status, every 100 ms."""

from trading_desk import SECOND_NS, VENUE, MakeDesk, strategy

from engine.codes import Reason

QUOTER = strategy("quoter", "examples.quoter:Quoter", quantity="0.01")


def test_the_page_says_what_the_status_says(make_desk: MakeDesk) -> None:
    desk = make_desk(QUOTER, strategy("hand"))
    desk.trade(10)
    page = desk.counter_pages[VENUE].read()
    status = desk.venue.status()
    steady = {name: count for name, count in status.counters.items() if name in page.values and name != "messages"}
    assert {name: page.values[name] for name in steady} == steady
    assert steady["fills"] > 0
    assert page.unnamed == 0
    assert 0 <= desk.runtime.hosts[VENUE].wall_offset_ns + desk.now_ns - page.wall_ns < SECOND_NS // 5
    assert (page.values["ready"], page.values["session_live"], page.values["halted"], page.values["stopped"]) == (
        1,
        1,
        0,
        0,
    )
    assert page.values["reports_behind|quoter"] == 0
    assert page.values["orders_kept"] == len(desk.venue.blotter.orders) > page.values["open_orders"]
    assert page.values["in_flight"] == len(desk.venue.core.in_flight)


def test_refusals_are_published_by_reason_and_a_halt_is_seen(make_desk: MakeDesk) -> None:
    desk = make_desk(QUOTER)
    desk.trade(3)
    desk.kill("global")
    desk.trade(5)
    page = desk.counter_pages[VENUE].read()
    refused = {
        Reason[name.partition("|")[2]]: n for name, n in page.values.items() if name.startswith("refusals|") and n
    }
    assert refused == desk.venue.status().refusals
    assert refused[Reason.HALTED] > 0
    assert page.values["halted"] == 1
    assert page.values["open_orders"] == 0


def test_a_strategy_that_is_cut_off_is_owed_its_reports(make_desk: MakeDesk) -> None:
    desk = make_desk(QUOTER)
    desk.trade(3)
    desk.runtime.crash("strategy.quoter")
    desk.trade(8)  # its orders are cancelled meanwhile, and nobody can be told
    page = desk.counter_pages[VENUE].read()
    assert page.values["reports_behind|quoter"] > 0
    desk.restart("strategy.quoter")
    desk.trade(2)
    assert desk.counter_pages[VENUE].read().values["reports_behind|quoter"] == 0


def test_a_new_life_starts_a_new_page(make_desk: MakeDesk) -> None:
    desk = make_desk(QUOTER)
    desk.trade(3)
    before = desk.counter_pages[VENUE]
    desk.restart(VENUE)
    desk.trade(3)
    after = desk.counter_pages[VENUE]
    assert after is not before
    assert after.read().values["restarts"] == 1
    assert after.read().wall_ns > before.read().wall_ns
