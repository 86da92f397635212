"""Wire → engine: the venue's own samples, whole, and what self-trade prevention, triggers and amendments become."""

# ruff: noqa: E501 (samples of the venue stay as they are)

from typing import Any

import msgspec
import pytest

from adapters.binance import parse
from adapters.binance.messages import (
    Account,
    AccountPosition,
    Ack,
    ApiError,
    BookTicker,
    DepthUpdate,
    ExchangeInfo,
    ExecutionReport,
    Filter,
    MyTrade,
    OrderInfo,
    OrderKind,
    OrdersMessage,
    OrderState,
    ReplaceResult,
    Snapshot,
    StreamMessage,
    SymbolInfo,
    TradeEvent,
)
from adapters.grid import InstrumentGrid
from adapters.links import DECODE_ERRORS
from engine.codes import OrderStatus, Reason, Side
from engine.errors import VenueError
from engine.instrument import INT64_MAX
from engine.messages import Quote, Trade
from engine.venue import (
    Balance,
    FeeRates,
    OrderAccepted,
    OrderCancelled,
    OrderEvent,
    OrderExpired,
    OrderFilled,
    OrderRejected,
    OrderSeen,
    VenueOrder,
)

MS = 1_000_000


def grid(tick: str = "0.00000001", lot: str = "0.00000001", symbol: str = "ETHBTC") -> InstrumentGrid:
    filters = (Filter("PRICE_FILTER", tickSize=tick), Filter("LOT_SIZE", stepSize=lot))
    return InstrumentGrid(parse.instrument(SymbolInfo(symbol, "TRADING", "ETH", "BTC", (), filters), 7, "binance"))


GRID = grid()

EXECUTION_REPORT = (
    '{"e":"executionReport","E":1499405658658,"s":"ETHBTC","c":"mUvoqJxFIILMdfAW5iGSOW","S":"BUY","o":"LIMIT","f":"GTC",'
    '"q":"1.00000000","p":"0.10264410","P":"0.00000000","F":"0.00000000","g":-1,"C":"","x":"NEW","X":"NEW","r":"NONE",'
    '"i":4293153,"l":"0.00000000","z":"0.00000000","L":"0.00000000","n":"0","N":null,"T":1499405658657,"t":-1,"v":3,'
    '"I":8641984,"w":true,"m":false,"M":false,"O":1499405658657,"Z":"0.00000000","Y":"0.00000000","Q":"0.00000000",'
    '"W":1499405658657,"V":"NONE"}'
)


def report(**changes: Any) -> ExecutionReport:
    return msgspec.json.decode(
        msgspec.json.encode({**msgspec.json.decode(EXECUTION_REPORT), **changes}), type=ExecutionReport
    )


def events(**changes: Any) -> tuple[OrderEvent, ...]:
    return parse.execution_events(report(**changes), GRID, MS)


# -- execution reports -----------------------------------------------------------------------------------------

TIME_NS = 1499405658657 * MS


def test_new() -> None:
    assert events() == (OrderAccepted("mUvoqJxFIILMdfAW5iGSOW", "4293153", TIME_NS),)


def test_trade() -> None:
    fill = OrderFilled(
        "mUvoqJxFIILMdfAW5iGSOW", "4293153", "7", 200_000_000, 100_000_000, 1_000_000, "BNB", True, TIME_NS
    )
    changes = {"x": "TRADE", "l": "2.0", "z": "2.0", "q": "6", "L": "1", "n": "0.001", "N": "BNB", "t": 7, "m": True}
    assert events(**changes, X="PARTIALLY_FILLED") == (fill,)
    assert events(**{**changes, "q": "2.0"}, X="FILLED") == (fill,)


def test_a_trade_of_nothing_is_no_fill() -> None:
    assert events(x="TRADE", X="PARTIALLY_FILLED", l="0.00000000", t=9) == ()


def test_filled_without_all_of_it_was_ended_by_self_trade_prevention() -> None:
    told = events(x="TRADE", X="FILLED", l="2", z="2", q="3", L="1", t=7, A="1")
    assert [type(event) for event in told] == [OrderFilled, OrderExpired]
    assert told[1] == OrderExpired(
        "mUvoqJxFIILMdfAW5iGSOW", "4293153", 200_000_000, Reason.VENUE_SELF_TRADE, "FILLED", TIME_NS
    )


def test_cancel_is_of_the_order_in_C() -> None:
    assert events(x="CANCELED", X="CANCELED", c="cancel1", C="order1", z="0.5") == (
        OrderCancelled("order1", "4293153", 50_000_000, TIME_NS),
    )
    assert events(x="CANCELED", X="CANCELED", c="order1", C="") == (OrderCancelled("order1", "4293153", 0, TIME_NS),)


def test_rejected() -> None:
    assert events(x="REJECTED", X="REJECTED", r="INSUFFICIENT_BALANCES") == (
        OrderRejected("mUvoqJxFIILMdfAW5iGSOW", Reason.VENUE_REJECTED, "INSUFFICIENT_BALANCES", TIME_NS),
    )


@pytest.mark.parametrize(
    ("changes", "reason", "text"),
    [
        ({"x": "EXPIRED", "X": "EXPIRED"}, Reason.VENUE_EXPIRED, "EXPIRED"),
        (
            {"x": "EXPIRED", "X": "EXPIRED", "eR": "UNFILLED_IOC_QUANTITY_EXPIRED"},
            Reason.VENUE_EXPIRED,
            "UNFILLED_IOC_QUANTITY_EXPIRED",
        ),
        ({"x": "EXPIRED", "X": "EXPIRED_IN_MATCH", "eR": "NONE"}, Reason.VENUE_SELF_TRADE, "EXPIRED_IN_MATCH"),
        ({"x": "TRADE_PREVENTION", "X": "EXPIRED_IN_MATCH"}, Reason.VENUE_SELF_TRADE, "EXPIRED_IN_MATCH"),
    ],
)
def test_expired(changes: dict[str, str], reason: Reason, text: str) -> None:
    assert events(**changes, z="0.25") == (
        OrderExpired("mUvoqJxFIILMdfAW5iGSOW", "4293153", 25_000_000, reason, text, TIME_NS),
    )


def test_self_trade_prevention_that_leaves_the_order_open_ends_nothing() -> None:
    assert events(x="TRADE_PREVENTION", X="NEW", A="0.5", B="0.5") == ()


def test_a_trigger_is_not_a_new_order() -> None:
    assert events(o="STOP_LOSS_LIMIT", w=False) == (OrderAccepted("mUvoqJxFIILMdfAW5iGSOW", "4293153", TIME_NS),)
    assert events(o="STOP_LOSS_LIMIT", w=True) == ()


def test_an_amended_order_is_seen_with_its_new_quantity() -> None:
    assert events(x="REPLACED", X="PARTIALLY_FILLED", q="0.75", z="0.5", c="amended", C="order1") == (
        OrderSeen("order1", "4293153", OrderStatus.PARTIALLY_FILLED, 75_000_000, 50_000_000, TIME_NS),
    )


def test_a_market_order_with_too_little_liquidity() -> None:
    """The venue's own sequence: accepted, two fills, expired with what is left."""
    steps: list[dict[str, Any]] = [
        {"x": "NEW", "X": "NEW"},
        {"x": "TRADE", "X": "PARTIALLY_FILLED", "l": "2", "z": "2", "L": "1", "n": "0.001", "N": "BNB", "t": 7},
        {"x": "TRADE", "X": "PARTIALLY_FILLED", "l": "2", "z": "4", "L": "1", "n": "0.001", "N": "BNB", "t": 8},
        {"x": "EXPIRED", "X": "EXPIRED", "z": "4"},
    ]
    told = [event for step in steps for event in events(o="MARKET", f="GTC", q="6", **step)]
    assert [type(event) for event in told] == [OrderAccepted, OrderFilled, OrderFilled, OrderExpired]
    assert isinstance(told[3], OrderExpired)
    assert told[3].cum_lots == 400_000_000


@pytest.mark.parametrize(
    "changes", [{"x": "MELTED"}, {"X": "MELTED"}, {"S": "HOLD"}, {"i": -1}, {"i": 2**63}, {"w": 1}]
)
def test_what_concerns_an_order_is_strict(changes: dict[str, Any]) -> None:
    with pytest.raises(DECODE_ERRORS):
        report(**changes)


def test_what_only_describes_is_not_strict() -> None:
    assert report(o="PERPETUAL_MOTION").o is OrderKind.UNKNOWN


@pytest.mark.parametrize(
    "changes",
    [{"l": "0.000000001"}, {"l": "-1"}, {"l": "1e1"}, {"n": "0.0000000001"}, {"n": "9" * 30}, {"T": 2**62}],
)
def test_numbers_that_cannot_be_are_venue_errors(changes: dict[str, Any]) -> None:
    with pytest.raises(VenueError):
        events(**{"x": "TRADE", "X": "PARTIALLY_FILLED", "l": "1", "z": "1", **changes})


def test_microseconds() -> None:
    (event,) = parse.execution_events(report(T=1499405658657123), GRID, 1_000)
    assert event == OrderAccepted("mUvoqJxFIILMdfAW5iGSOW", "4293153", 1499405658657123000)


# -- the account -----------------------------------------------------------------------------------------------


def test_account() -> None:
    sample = (
        '{"makerCommission":15,"takerCommission":15,"buyerCommission":0,"sellerCommission":0,"commissionRates":{"maker":'
        '"0.00150000","taker":"0.00150000","buyer":"0.00000000","seller":"0.00000000"},"canTrade":true,"canWithdraw":true,'
        '"canDeposit":true,"brokered":false,"requireSelfTradePrevention":false,"preventSor":false,"updateTime":123456789,'
        '"accountType":"SPOT","balances":[{"asset":"BTC","free":"4723846.89208129","locked":"0.00000000"},{"asset":"LTC",'
        '"free":"4763368.68006011","locked":"0.00000000"}],"permissions":["SPOT"],"uid":354937868}'
    )
    account = msgspec.json.decode(sample, type=Account)
    assert account.canTrade
    assert account.updateTime == 123456789
    assert [parse.balance(each.asset, each.free, each.locked) for each in account.balances] == [
        Balance("BTC", 4723846892081290, 0),
        Balance("LTC", 4763368680060110, 0),
    ]


def test_account_position() -> None:
    sample = (
        '{"e":"outboundAccountPosition","E":1564034571105,"u":1564034571073,"B":[{"a":"ETH","f":"10000.000000",'
        '"l":"0.000000"}]}'
    )
    position = msgspec.json.decode(sample, type=AccountPosition)
    assert position.u == 1564034571073
    assert parse.balance(*(getattr(position.B[0], name) for name in "afl")) == Balance("ETH", 10**13, 0)


def test_a_balance_beyond_64_bits_counts_as_the_most_that_fits() -> None:
    assert parse.balance("PEPE", "99999999999999.5", "1").free_nanos == INT64_MAX


def test_my_trade() -> None:
    sample = (
        '{"symbol":"BNBBTC","id":28457,"orderId":100234,"orderListId":-1,"price":"4.00000100","qty":"12.00000000",'
        '"quoteQty":"48.000012","commission":"10.10000000","commissionAsset":"BNB","time":1499865549590,"isBuyer":true,'
        '"isMaker":false,"isBestMatch":true}'
    )
    assert parse.my_trade(msgspec.json.decode(sample, type=MyTrade), GRID, MS) == OrderFilled(
        "", "100234", "28457", 1_200_000_000, 400_000_100, 10_100_000_000, "BNB", False, 1499865549590 * MS
    )


# -- answers ---------------------------------------------------------------------------------------------------

CANCEL_REPORT = (
    '{"symbol":"LTCBTC","origClientOrderId":"myOrder1","orderId":4,"orderListId":-1,"clientOrderId":"cancelMyOrder1",'
    '"transactTime":1684804350068,"price":"2.00000000","origQty":"1.00000000","executedQty":"0.00000000",'
    '"origQuoteOrderQty":"0.000000","cummulativeQuoteQty":"0.00000000","status":"CANCELED","timeInForce":"GTC",'
    '"type":"LIMIT","side":"BUY","selfTradePreventionMode":"NONE"}'
)
ACK = (
    '{"symbol":"BTCUSDT","orderId":28,"orderListId":-1,"clientOrderId":"6gCrw2kRUAF9CvJDGP16IP",'
    '"transactTime":1507725176595}'
)
FULL = (
    '{"symbol":"BTCUSDT","orderId":28,"orderListId":-1,"clientOrderId":"6gCrw2kRUAF9CvJDGP16IP",'
    '"transactTime":1507725176595,"price":"0.00000000","origQty":"10.00000000","executedQty":"10.00000000",'
    '"origQuoteOrderQty":"0.000000","cummulativeQuoteQty":"10.00000000","status":"FILLED","timeInForce":"GTC",'
    '"type":"MARKET","side":"SELL","workingTime":1507725176595,"selfTradePreventionMode":"NONE","fills":[{"price":'
    '"4000.00000000","qty":"1.00000000","commission":"4.00000000","commissionAsset":"USDT","tradeId":56}]}'
)


@pytest.mark.parametrize("sample", [ACK, FULL])
def test_order_answer(sample: str) -> None:
    assert msgspec.json.decode(sample, type=Ack) == Ack(28, "6gCrw2kRUAF9CvJDGP16IP", 1507725176595)


def test_replace_answers() -> None:
    ok = f'{{"cancelResult":"SUCCESS","newOrderResult":"SUCCESS","cancelResponse":{CANCEL_REPORT},"newOrderResponse":{ACK}}}'
    result = msgspec.json.decode(ok, type=ReplaceResult)
    assert (result.cancelResponse.orderId, result.cancelResponse.executedQty) == (4, "0.00000000")
    assert result.newOrderResponse.orderId == 28
    half = (
        '{"code":-2021,"msg":"Order cancel-replace partially failed.","data":{"cancelResult":"SUCCESS","newOrderResult":'
        f'"FAILURE","cancelResponse":{CANCEL_REPORT},"newOrderResponse":{{"code":-2010,"msg":"Order would immediately '
        'match and take."}}}'
    )
    error = msgspec.json.decode(half, type=ApiError)
    assert error.data is not None
    assert error.data.newOrderResponse is not None
    assert (error.code, error.data.cancelResult, error.data.newOrderResponse.code) == (-2021, "SUCCESS", -2010)
    none = (
        '{"code":-2022,"msg":"Order cancel-replace failed.","data":{"cancelResult":"FAILURE","newOrderResult":'
        '"NOT_ATTEMPTED","cancelResponse":{"code":-2011,"msg":"Unknown order sent."},"newOrderResponse":null}}'
    )
    error = msgspec.json.decode(none, type=ApiError)
    assert error.data is not None
    assert error.data.cancelResponse is not None
    assert (error.data.cancelResponse.code, error.data.newOrderResponse) == (-2011, None)


@pytest.mark.parametrize(
    ("sample", "request_id", "status"),
    [
        (
            '{"id":null,"status":401,"error":{"code":-2015,"msg":"Invalid API-key, IP, or permissions for action."}}',
            None,
            401,
        ),
        ('{"id":"d3df8a22","status":200,"result":{"subscriptionId":0}}', "d3df8a22", 200),
        (
            (
                '{"id":"c174a2b1","status":200,"result":{"apiKey":"k","authorizedSince":1649729878532,"connectedSince":'
                '1649729873021,"returnRateLimits":false,"serverTime":1649729878630,"userDataStream":false}}'
            ),
            "c174a2b1",
            200,
        ),
        (
            (
                '{"id":7,"status":429,"error":{"code":-1003,"msg":"Too much","data":{"serverTime":1,"retryAfter":'
                '1659146400000}},"rateLimits":[{"rateLimitType":"REQUEST_WEIGHT","interval":"MINUTE","intervalNum":1,'
                '"limit":6000,"count":70}]}'
            ),
            7,
            429,
        ),
    ],
)
def test_envelope(sample: str, request_id: str | int | None, status: int) -> None:
    message = msgspec.json.decode(sample, type=OrdersMessage)
    assert (message.id, message.status, bool(message.event)) == (request_id, status, False)


def test_pushed_events_have_no_id() -> None:
    for sample in (
        f'{{"subscriptionId":0,"event":{EXECUTION_REPORT}}}',
        '{"event":{"e":"serverShutdown","E":1770123456789}}',
    ):
        assert msgspec.json.decode(sample, type=OrdersMessage).event


def order_info(**changes: Any) -> OrderInfo:
    sample = {
        **msgspec.json.decode(CANCEL_REPORT),
        "time": 1684804350000,
        "updateTime": 1684804350068,
        "isWorking": True,
        **changes,
    }
    return msgspec.json.decode(msgspec.json.encode(sample), type=OrderInfo)


@pytest.mark.parametrize(
    ("state", "status"),
    [
        ("NEW", OrderStatus.NEW),
        ("PENDING_NEW", OrderStatus.NEW),
        ("PARTIALLY_FILLED", OrderStatus.PARTIALLY_FILLED),
        ("CANCELED", OrderStatus.CANCELLED),
        ("PENDING_CANCEL", OrderStatus.PENDING_CANCEL),
        ("REJECTED", OrderStatus.REJECTED),
        ("EXPIRED", OrderStatus.EXPIRED),
        ("EXPIRED_IN_MATCH", OrderStatus.EXPIRED),
    ],
)
def test_order_status_under_the_id_that_we_know(state: str, status: OrderStatus) -> None:
    assert parse.order_seen(order_info(status=state), "myOrder1", GRID, MS) == OrderSeen(
        "myOrder1", "4", status, 100_000_000, 0, 1684804350068 * MS
    )


def test_every_state_of_an_order_is_known() -> None:
    for state in OrderState:
        parse.order_seen(order_info(status=state.value, executedQty="1"), "x", GRID, MS)


def test_filled_in_a_query_means_all_of_it() -> None:
    assert parse.order_seen(order_info(status="FILLED", executedQty="1"), "x", GRID, MS).status is OrderStatus.FILLED
    assert parse.order_seen(order_info(status="FILLED", executedQty="0.4"), "x", GRID, MS).status is OrderStatus.EXPIRED


def test_open_order() -> None:
    info = order_info(status="PARTIALLY_FILLED", executedQty="0.25")
    assert parse.venue_order(info, GRID) == VenueOrder(
        "cancelMyOrder1", "4", 7, Side.BUY, OrderStatus.PARTIALLY_FILLED, 100_000_000, 200_000_000, 25_000_000
    )


# -- market data -----------------------------------------------------------------------------------------------


def test_trade_event() -> None:
    sample = '{"e":"trade","E":1672515782136,"s":"BNBBTC","t":12345,"p":"0.001","q":"100","T":1672515782136,"m":true,"M":true}'
    trade = msgspec.json.decode(sample, type=TradeEvent)
    assert parse.public_trade(trade, GRID, MS, 5) == Trade(
        7, 100_000, 10_000_000_000, Side.SELL, 12345, 1672515782136 * MS, 5
    )
    bought = msgspec.structs.replace(trade, m=False)
    assert parse.public_trade(bought, GRID, MS, 5).aggressor is Side.BUY


def test_book_ticker() -> None:
    sample = '{"u":400900217,"s":"BNBUSDT","b":"25.35190000","B":"31.21000000","a":"25.36520000","A":"40.66000000"}'
    assert parse.quote(msgspec.json.decode(sample, type=BookTicker), grid("0.0001", "0.01"), 5) == Quote(
        7, 253519, 3121, 253652, 4066, 400900217, 0, 5
    )


def test_depth_update_and_snapshot() -> None:
    sample = '{"e":"depthUpdate","E":1672515782136,"s":"BNBBTC","U":157,"u":160,"b":[["0.0024","10"]],"a":[["0.0026","100"]]}'
    diff = parse.depth_diff(msgspec.json.decode(sample, type=DepthUpdate), GRID, MS)
    assert (diff.first_update_id, diff.last_update_id, diff.venue_time_ns) == (157, 160, 1672515782136 * MS)
    assert (diff.bids.price_ticks.tolist(), diff.bids.quantity_lots.tolist()) == ([240_000], [1_000_000_000])
    assert (diff.asks.price_ticks.tolist(), diff.asks.quantity_lots.tolist()) == ([260_000], [10_000_000_000])
    for text in (
        '{"lastUpdateId":160,"bids":[["0.0024","10"]],"asks":[["0.0026","100"]]}',
        '{"lastUpdateId":1027024,"bids":[["4.00000000","431.00000000"]],"asks":[["4.00000200","12.00000000"]]}',
    ):
        snapshot = parse.depth_snapshot(msgspec.json.decode(text, type=Snapshot), GRID)
        assert len(snapshot.bids.price_ticks) == len(snapshot.asks.price_ticks) == 1


def test_a_diff_that_ends_before_it_begins_is_a_venue_error() -> None:
    sample = '{"e":"depthUpdate","E":1,"s":"BNBBTC","U":161,"u":160,"b":[],"a":[]}'
    with pytest.raises(VenueError, match="U 161"):
        parse.depth_diff(msgspec.json.decode(sample, type=DepthUpdate), GRID, MS)


@pytest.mark.parametrize(
    "sample",
    [
        '{"code":2,"msg":"Invalid request: …","id":1}',
        '{"error":{"code":2,"msg":"Invalid request: streams must be an array"},"id":5000001}',
        '{"result":null,"id":1}',
        '{"e":"serverShutdown","E":1}',
        '{"stream":"!serverShutdown","data":{"e":"serverShutdown","E":1}}',
    ],
)
def test_messages_of_a_stream_that_are_no_market_data(sample: str) -> None:
    message = msgspec.json.decode(sample, type=StreamMessage)
    assert message.code or message.error or message.id or message.e or message.stream


# -- instruments -----------------------------------------------------------------------------------------------

EXCHANGE_INFO = (
    '{"timezone":"UTC","serverTime":1565246363776,"rateLimits":[{"rateLimitType":"REQUEST_WEIGHT","interval":"MINUTE",'
    '"intervalNum":1,"limit":6000},{"rateLimitType":"ORDERS","interval":"SECOND","intervalNum":10,"limit":50},'
    '{"rateLimitType":"ORDERS","interval":"DAY","intervalNum":1,"limit":160000}],"exchangeFilters":[],"symbols":[{"symbol":'
    '"BNBBTC","status":"TRADING","baseAsset":"BNB","baseAssetPrecision":8,"quoteAsset":"BTC","quotePrecision":8,'
    '"quoteAssetPrecision":8,"baseCommissionPrecision":8,"quoteCommissionPrecision":8,"orderTypes":["LIMIT","LIMIT_MAKER",'
    '"MARKET","STOP_LOSS_LIMIT","TAKE_PROFIT_LIMIT"],"icebergAllowed":true,"ocoAllowed":true,"otoAllowed":true,'
    '"opoAllowed":true,"quoteOrderQtyMarketAllowed":true,"allowTrailingStop":true,"cancelReplaceAllowed":true,'
    '"amendAllowed":false,"pegInstructionsAllowed":true,"isSpotTradingAllowed":true,"isMarginTradingAllowed":true,"filters":'
    '[{"filterType":"PRICE_FILTER","minPrice":"0.00000100","maxPrice":"100000.00000000","tickSize":"0.00000100"},'
    '{"filterType":"LOT_SIZE","minQty":"0.00100000","maxQty":"100000.00000000","stepSize":"0.00100000"}],"permissions":[],'
    '"permissionSets":[["SPOT","MARGIN","TRD_GRP_004"]],"defaultSelfTradePreventionMode":"NONE",'
    '"allowedSelfTradePreventionModes":["NONE"]}]}'
)
NOTIONAL = (
    '{"filterType":"NOTIONAL","minNotional":"10.00000000","applyMinToMarket":false,"maxNotional":"10000.00000000",'
    '"applyMaxToMarket":false,"avgPriceMins":5}'
)
PERCENT = (
    '{"filterType":"PERCENT_PRICE_BY_SIDE","bidMultiplierUp":"1.2","bidMultiplierDown":"0.2","askMultiplierUp":"5",'
    '"askMultiplierDown":"0.8","avgPriceMins":1}'
)


def with_filters(*more: str) -> SymbolInfo:
    info = msgspec.json.decode(EXCHANGE_INFO, type=ExchangeInfo).symbols[0]
    return msgspec.structs.replace(
        info, filters=(*info.filters, *(msgspec.json.decode(each, type=Filter) for each in more))
    )


def test_instrument_of_the_sample() -> None:
    made = parse.instrument(with_filters(), 3, "binance")
    assert (made.instrument_id, made.venue, made.symbol, made.base_asset, made.quote_asset) == (
        3,
        "binance",
        "BNBBTC",
        "BNB",
        "BTC",
    )
    assert (made.tick_units, made.price_scale, made.lot_units, made.quantity_scale) == (1, 6, 1, 3)
    assert (made.price_ticks_min, made.price_ticks_max) == (1, 100_000_000_000)
    assert (made.quantity_lots_min, made.quantity_lots_max) == (1, 100_000_000)
    assert (made.notional_tick_lots_min, made.notional_tick_lots_max, made.open_orders_max) == (0, 0, 0)
    assert (made.bid_up_ppm, made.bid_down_ppm, made.ask_up_ppm, made.ask_down_ppm) == (0, 0, 0, 0)


def test_all_other_filters() -> None:
    market = '{"filterType":"MARKET_LOT_SIZE","minQty":"0.00000000","maxQty":"12.34567","stepSize":"0.00000000"}'
    counts = '{"filterType":"MAX_NUM_ORDERS","maxNumOrders":200}'
    made = parse.instrument(with_filters(NOTIONAL, PERCENT, market, counts, '{"filterType":"NEW_ONE","x":[1]}'), 3, "b")
    assert made.notional_tick_lots_min == 10 * 10**9
    assert made.notional_tick_lots_max == 10_000 * 10**9
    assert (made.bid_up_ppm, made.bid_down_ppm, made.ask_up_ppm, made.ask_down_ppm) == (
        1_200_000,
        200_000,
        5_000_000,
        800_000,
    )
    assert made.market_quantity_lots_max == 12_345
    assert made.open_orders_max == 200
    assert not made.market_notional_min_applies


def test_older_filters() -> None:
    old = '{"filterType":"MIN_NOTIONAL","minNotional":"0.00100001","applyToMarket":true,"avgPriceMins":5}'
    both = '{"filterType":"PERCENT_PRICE","multiplierUp":"1.30000049","multiplierDown":"0.70000001","avgPriceMins":5}'
    made = parse.instrument(with_filters(old, both), 3, "b")
    assert made.notional_tick_lots_min == 1_000_010
    assert made.market_notional_min_applies
    assert (made.bid_up_ppm, made.bid_down_ppm) == (1_300_000, 700_001)  # rounded to the inside
    assert (made.ask_up_ppm, made.ask_down_ppm) == (1_300_000, 700_001)


@pytest.mark.parametrize(
    "filters",
    [
        (),
        (Filter("PRICE_FILTER", tickSize="0.01"),),
        (Filter("PRICE_FILTER", tickSize="0.00"), Filter("LOT_SIZE", stepSize="1")),
        (Filter("PRICE_FILTER", tickSize="0.01"), Filter("LOT_SIZE", stepSize="0")),
        (Filter("PRICE_FILTER", tickSize="nan"), Filter("LOT_SIZE", stepSize="1")),
    ],
)
def test_an_instrument_without_tick_or_lot_is_a_venue_error(filters: tuple[Filter, ...]) -> None:
    with pytest.raises(VenueError):
        parse.instrument(SymbolInfo("X", "TRADING", "A", "B", (), filters), 1, "b")


def test_the_accounts_own_fee_rates() -> None:
    account = msgspec.json.decode(
        b'{"balances":[],"commissionRates":{"maker":"0.00100000","taker":"0.00150000","buyer":"0","seller":"0"}}',
        type=Account,
    )
    assert account.commissionRates is not None
    assert parse.fee_rates(3, account.commissionRates) == FeeRates(3, 1_000_000, 1_500_000)
