"""What a configuration file may say, as frozen typed structs. ``config/loader.py`` reads one.

Names carry units. No identity, endpoint, secret or limit has a default; the few technical times and bounds that do
have one stand in ``LeaseSettings``, ``KillSettings``, ``JournalSettings``, ``QueueSettings`` and ``MetricsSettings``.
Amounts are decimal text, turned into ticks and lots when the venue has defined the instrument. Paths are absolute
once loaded.
"""

from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from config.route_settings import RouteSettings
from config.trigger_settings import TriggerSettings

__all__ = [
    "CREDENTIAL_TABLES",
    "AccountLimitSettings",
    "AccountSettings",
    "AssetLimitSettings",
    "ClutchSettings",
    "ConfiguredInstrument",
    "CredentialSettings",
    "EngineConfig",
    "EngineSettings",
    "InstrumentLimitSettings",
    "InstrumentSettings",
    "JournalSettings",
    "KillSettings",
    "LeaseSettings",
    "MetricsSettings",
    "PersonSettings",
    "QueueSettings",
    "ReconcileSettings",
    "StrategyLimitSettings",
    "StrategySettings",
    "VenueSettings",
    "instruments_of",
]

_NANOS_PER_MS = 1_000_000

#: Short, because strategy ids go into client order ids, which venues cut at 36 characters.
ShortName = Annotated[str, Meta(pattern=r"^[a-z0-9][a-z0-9-]{0,15}\Z", description="1 to 16 of a-z, 0-9 and -")]
RunName = Annotated[str, Meta(pattern=r"^[a-z0-9][a-z0-9-]{0,31}\Z", description="1 to 32 of a-z, 0-9 and -")]
#: What is not seen on a screen: two names that differ by it alone look the same.
_INVISIBLE = (
    r"\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u2028-\u202e\u2060-\u206f\u3164"
    r"\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb\U000e0000-\U000e0fff"
)
#: Venues list symbols in any script; only what would break a name, a log line or a stream path is kept out. Some
#: write a pair with a slash in it.
_SIGN = r"[^\s\x00-\x1f\x7f-\x9f:/a-z" + _INVISIBLE + "]"
_SYMBOL = _SIGN + "{1,32}(?:/" + _SIGN + r"{1,32})?\Z"
Symbol = Annotated[str, Meta(pattern="^" + _SYMBOL, description='the venue\'s own name in upper case, as in "BTCUSDT"')]
#: Venues name assets in any script, too.
AssetName = Annotated[str, Meta(pattern="^" + _SIGN + r"{1,32}\Z", description='an asset in upper case, as in "USDT"')]
InstrumentName = Annotated[
    str,
    Meta(
        pattern="^[a-z0-9][a-z0-9-]{0,15}:" + _SYMBOL,
        description='venue and symbol, as in "binance:BTCUSDT"',
    ),
]
#: Without control characters and line separators, so that an error that names it stays one line.
_PATH = r"[^\x00-\x1f\x7f-\x9f\u2028\u2029]+"
PathText = Annotated[str, Meta(pattern=rf"^{_PATH}\Z", description="a path")]
#: Empty must be sayable: a loaded configuration goes to other processes with its defaults written out.
PathOrNone = Annotated[str, Meta(pattern=rf"^(?:{_PATH})?\Z", description="a path")]
SourceName = Annotated[
    str,
    Meta(
        pattern=rf"^(?:[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*|{_PATH}\.py):[A-Za-z_]\w*\Z",
        description='"package.module:Class" or "path/to/file.py:Class"',
    ),
]
PositiveAmount = Annotated[str, Meta(extra={"amount": "positive"}, description='decimal text, as in "0.5"')]
Amount = Annotated[str, Meta(extra={"amount": "zero or more"}, description='decimal text, as in "0.5"')]

PublicKey = Annotated[str, Meta(pattern=r"^[0-9a-f]{64}\Z", description="64 of 0-9 and a-f")]

HttpUrl = Annotated[str, Meta(extra={"schemes": ("https", "http")}, description="an https:// URL")]
WebSocketUrl = Annotated[str, Meta(extra={"schemes": ("wss", "ws")}, description="a wss:// URL")]

ListenHost = Annotated[
    str, Meta(pattern=r"^[A-Za-z0-9.:_-]{1,253}\Z", description='a name or address of this machine, as in "127.0.0.1"')
]

Count = Annotated[int, Meta(ge=1, le=1_000_000)]
Milliseconds = Annotated[int, Meta(ge=1, le=86_400_000)]


class EngineSettings(msgspec.Struct, frozen=True):
    """``name`` names the run: its actors are found by it. Journals and the latch survive in ``state_dir``."""

    name: RunName
    runtime: Literal["ray", "local"]
    state_dir: PathText


class LeaseSettings(msgspec.Struct, frozen=True):
    """How long the right to send lasts, and how often it is renewed."""

    duration_ms: Annotated[int, Meta(ge=50, le=60_000)] = 1000
    renew_ms: Annotated[int, Meta(ge=10, le=30_000)] = 200

    @property
    def duration_ns(self) -> int:
        return self.duration_ms * _NANOS_PER_MS

    @property
    def renew_ns(self) -> int:
        return self.renew_ms * _NANOS_PER_MS


class KillSettings(msgspec.Struct, frozen=True):
    """With ``fence``, a venue actor that has not acknowledged a kill within ``acknowledge_ms`` is ended (SIGKILL)
    before it counts as halted, and what it left open is cancelled over another connection. Without, it is waited for.

    With ``urgent``, the kill's way through the processes has real-time priority, where the operating system permits
    that (``actors/runtime/urgency.py``): on a busy host it does not wait for its turn. Only with ``runtime = "ray"``.

    Every ``drill_every_s`` a drill goes the whole way of a kill; 0: only when a person asks for one. It stops the
    orders of ``drill_strategies``, no others, and ends by itself ``drill_hold_ms`` after its last stage.

    A kill is released by two people whose approvals both count: each for at most ``release_window_s``, and not before
    ``cooling_off_s`` have passed since the kill. ``flatten_interval_ms``: between two closing orders of one instrument.
    """

    acknowledge_ms: Annotated[int, Meta(ge=5, le=60_000)] = 50
    fence: bool = False
    urgent: bool = True
    drill_every_s: Annotated[int, Meta(ge=0, le=604_800)] = 0
    drill_strategies: tuple[ShortName, ...] = ()
    drill_hold_ms: Annotated[int, Meta(ge=0, le=10_000)] = 0
    release_window_s: Annotated[int, Meta(ge=10, le=86_400)] = 600
    cooling_off_s: Annotated[int, Meta(ge=0, le=86_400)] = 0
    flatten_interval_ms: Annotated[int, Meta(ge=50, le=60_000)] = 500

    @property
    def acknowledge_ns(self) -> int:
        return self.acknowledge_ms * _NANOS_PER_MS

    @property
    def drill_hold_ns(self) -> int:
        return self.drill_hold_ms * _NANOS_PER_MS

    @property
    def drill_every_ns(self) -> int:
        return self.drill_every_s * 1000 * _NANOS_PER_MS


class AccountLimitSettings(msgspec.Struct, frozen=True):
    """Over everything an account does; amounts in its ``currency``. ``docs/limits.md`` says what counts as what.

    ``..._burst_max`` messages may go at once, then ``..._per_second_max`` a second; cancels beyond theirs are counted,
    never refused. ``duplicate_window_ms`` 0: a repeated order is no fault. The last four are optional, each pair being
    one limit: without it there is none.
    """

    open_orders_max: Count
    orders_per_second_max: Count
    orders_burst_max: Count
    replaces_per_second_max: Count
    replaces_burst_max: Count
    cancels_per_second_max: Count
    cancels_burst_max: Count
    currency: AssetName
    gross_notional_max: PositiveAmount
    net_notional_max: PositiveAmount
    daily_loss_max: PositiveAmount
    drawdown_max: PositiveAmount
    duplicate_window_ms: Annotated[int, Meta(ge=0, le=86_400_000)]
    concentration_max_percent: Annotated[int, Meta(ge=1, le=100)] = 100
    concentration_from: Amount = "0"
    messages_per_trade_max: Annotated[int, Meta(ge=0, le=1_000_000)] = 0
    messages_free: Annotated[int, Meta(ge=0, le=1_000_000_000)] = 0

    @property
    def duplicate_window_ns(self) -> int:
        return self.duplicate_window_ms * _NANOS_PER_MS


class AssetLimitSettings(msgspec.Struct, frozen=True):
    """What an account may hold of one asset over all instruments of which it is the base, at all venues."""

    asset: AssetName
    long_max: Amount
    short_max: Amount


class AccountSettings(msgspec.Struct, frozen=True):
    id: ShortName
    limits: AccountLimitSettings
    assets: tuple[AssetLimitSettings, ...] = ()


class CredentialSettings(msgspec.Struct, frozen=True):
    """Secrets by reference only: the files hold them, readable by their owner alone (``config/credentials.py``)."""

    key_type: Literal["hmac", "ed25519", "es256"]
    api_key_file: PathText
    secret_file: PathText


class InstrumentLimitSettings(msgspec.Struct, frozen=True):
    """Quantities and positions in the base asset, notional in the quote asset.

    ``price_collar_bps`` is how far from the reference price, in hundredths of a percent, an order may be priced; a
    reference older than ``reference_age_ms`` counts as none. ``window_collar_bps`` is how far above the lowest
    reference of the last ``window_ms`` a buy may be priced, and how far below the highest a sell.
    """

    order_quantity_max: PositiveAmount
    order_notional_max: PositiveAmount
    long_position_max: Amount
    short_position_max: Amount
    price_collar_bps: Annotated[int, Meta(ge=1, le=10_000)]
    window_collar_bps: Annotated[int, Meta(ge=1, le=10_000)]
    window_ms: Milliseconds
    reference_age_ms: Milliseconds

    @property
    def price_collar_ppm(self) -> int:
        return self.price_collar_bps * 100

    @property
    def window_collar_ppm(self) -> int:
        return self.window_collar_bps * 100

    @property
    def window_ns(self) -> int:
        return self.window_ms * _NANOS_PER_MS

    @property
    def reference_age_ns(self) -> int:
        return self.reference_age_ms * _NANOS_PER_MS


class InstrumentSettings(msgspec.Struct, frozen=True):
    symbol: Symbol
    limits: InstrumentLimitSettings


#: The kinds of key that each venue knows.
KEY_TYPES = {"binance": ("hmac", "ed25519"), "coinbase": ("es256", "ed25519"), "kraken": ("hmac",)}
#: Where a venue names credentials.
CREDENTIAL_TABLES = ("credentials", "undertaker_credentials")


class ReconcileSettings(msgspec.Struct, frozen=True):
    """How a venue actor's books are compared with its venue: at each start and reconnect, and every ``every_s``.

    ``foreign_orders``: what is done about open orders that are not ours, besides showing them. Adopted ones count in
    the limits, and kills cancel them.

    ``opening_positions``: whose the base assets are that were there before our first fill. "zero": not ours, limits
    count from zero; "balance": our position, that limits count and a kill closes; "refuse": where there is any, no
    order leaves until one of the two is written.

    ``baseline``: any word. With another one than before, the next start accepts the balances as they are: for after a
    deposit or withdrawal.
    """

    every_s: Annotated[int, Meta(ge=10, le=86_400)] = 300
    foreign_orders: Literal["leave", "cancel", "adopt"] = "leave"
    opening_positions: Literal["refuse", "zero", "balance"] = "refuse"
    baseline: ShortName = "1"


class VenueSettings(msgspec.Struct, frozen=True):
    """One account's connection to one venue. ``ca_file`` empty: the system's certificate authorities.

    ``undertaker_credentials``: with what the orders of a dead venue actor are cancelled, a key that can do nothing
    else where the venue offers such keys. Without, it is the venue actor's own.

    Every ``balance_query_s`` the venue is asked what it holds for the account, besides what it tells by itself.

    ``cores``: the processor cores that the venue actor's loop may run on; none: any. ``spin``: it polls its sockets and
    never sleeps, which takes one core whole and saves the waking up: only with a core of its own. Every ``warm_ms`` it
    goes through the order path without an order, so that code and data are at hand when one comes; 0: never.

    ``key_may_withdraw``: whether a key that may move money out is accepted, where the venue tells what its keys may do.

    ``request_share_percent``: its part of request limits that several tables share (``config/accounts.py``); 0: an
    equal one.
    """

    name: ShortName
    adapter: Literal["binance", "coinbase", "kraken"]
    account: ShortName
    rest_url: HttpUrl
    orders_url: WebSocketUrl
    streams_url: WebSocketUrl
    credentials: CredentialSettings
    instruments: Annotated[tuple[InstrumentSettings, ...], Meta(min_length=1)]
    ca_file: PathOrNone = ""
    undertaker_credentials: CredentialSettings | None = None
    balance_query_s: Annotated[int, Meta(ge=5, le=86_400)] = 60
    cores: tuple[Annotated[int, Meta(ge=0, le=4095)], ...] = ()
    spin: bool = False
    warm_ms: Annotated[int, Meta(ge=0, le=1_000)] = 0
    key_may_withdraw: bool = False
    request_share_percent: Annotated[int, Meta(ge=0, le=100)] = 0
    reconcile: ReconcileSettings = ReconcileSettings()

    @property
    def balance_query_ns(self) -> int:
        return self.balance_query_s * 1000 * _NANOS_PER_MS


class StrategyLimitSettings(msgspec.Struct, frozen=True):
    """Over what one strategy does; amounts in its account's currency.

    ``position_notional_max`` is one instrument's worst case, ``gross_notional_max`` the sum of them. More than
    ``executions_max`` executions within the window, in one instrument, and it may not trade that one until a person
    says so.
    """

    orders_per_second_max: Count
    orders_burst_max: Count
    position_notional_max: PositiveAmount
    gross_notional_max: PositiveAmount
    executions_max: Count
    executions_window_ms: Milliseconds

    @property
    def executions_window_ns(self) -> int:
        return self.executions_window_ms * _NANOS_PER_MS


class StrategySettings(msgspec.Struct, frozen=True):
    """``parameters`` are passed to the strategy as they stand. ``instruments`` are those of its ``venue``, or routes
    (``route:SYMBOL``), of which its ``venue`` is one: that beside which it is placed."""

    id: ShortName
    account: ShortName
    source: SourceName
    placement: Literal["own-process", "co-located"]
    venue: ShortName
    instruments: Annotated[tuple[InstrumentName, ...], Meta(min_length=1)]
    limits: StrategyLimitSettings
    parameters: dict[str, Any] = {}


class ClutchSettings(msgspec.Struct, frozen=True):
    """Strategies in ``scope`` have a shadow: while a kill covers one, a second instance of it goes on computing, with
    orders that go to a book that no venue sees (``actors/shadow.py``). ``scope`` is written like that of a kill."""

    scope: str


class JournalSettings(msgspec.Struct, frozen=True):
    """The smallest segment holds a record made from the largest frame."""

    segment_mib: Annotated[int, Meta(ge=8, le=4096)] = 64
    #: How much of the last a power cut may take, beside what the disk itself needs.
    sync_ms: Annotated[int, Meta(ge=5, le=10_000)] = 50

    @property
    def segment_bytes(self) -> int:
        return self.segment_mib * 1024 * 1024


class QueueSettings(msgspec.Struct, frozen=True):
    """Bounds of what may wait between two actors. Market data has none here: it is conflated to the latest.

    ``peer_kib_max``: orders or reports waiting in user space for one peer. An order beyond is refused with
    ORDER_QUEUE_FULL; a report beyond waits in the venue actor, and its strategy's new orders are refused meanwhile.
    ``frame_bytes_max``: one frame; a longer one drops the link it came on.
    """

    peer_kib_max: Annotated[int, Meta(ge=64, le=1024 * 1024)] = 4096
    frame_bytes_max: Annotated[int, Meta(ge=4096, le=4 * 1024 * 1024)] = 4 * 1024 * 1024


class MetricsSettings(msgspec.Struct, frozen=True):
    """Where ``haltline run`` has its exporter listen for Prometheus, one process per host. Port 0: it starts none.

    Whoever reaches ``host`` can read the metrics: there is no login. The default is this machine alone.
    """

    port: Annotated[int, Meta(ge=0, le=65_535)] = 0
    host: ListenHost = "127.0.0.1"


class PersonSettings(msgspec.Struct, frozen=True):
    """``public_key`` is the raw Ed25519 key in hex, as ``haltline kill keygen`` prints it. ``may``: ``release`` kills
    (two people do), ``enable`` strategies that were throttled (one does)."""

    name: ShortName
    public_key: PublicKey
    may: Annotated[tuple[Literal["release", "enable"], ...], Meta(min_length=1)]


class EngineConfig(msgspec.Struct, frozen=True):
    engine: EngineSettings
    accounts: Annotated[tuple[AccountSettings, ...], Meta(min_length=1)]
    venues: Annotated[tuple[VenueSettings, ...], Meta(min_length=1)]
    strategies: tuple[StrategySettings, ...] = ()
    routes: tuple[RouteSettings, ...] = ()
    lease: LeaseSettings = LeaseSettings()
    kill: KillSettings = KillSettings()
    journal: JournalSettings = JournalSettings()
    queues: QueueSettings = QueueSettings()
    triggers: tuple[TriggerSettings, ...] = ()
    clutch: tuple[ClutchSettings, ...] = ()
    people: tuple[PersonSettings, ...] = ()
    metrics: MetricsSettings = MetricsSettings()

    def account(self, account_id: str) -> AccountSettings:
        """The account of that id. Raises KeyError: a loaded configuration names only accounts that exist."""
        return {account.id: account for account in self.accounts}[account_id]

    def venue(self, name: str) -> VenueSettings:
        """The venue of that name. Raises KeyError."""
        return {venue.name: venue for venue in self.venues}[name]


class ConfiguredInstrument(msgspec.Struct, frozen=True):
    """``name`` is ``venue:SYMBOL``; ``instrument_id`` its place over all venues, in the order of the file, from 0."""

    instrument_id: int
    name: str
    venue: str
    symbol: str
    limits: InstrumentLimitSettings


def instruments_of(config: EngineConfig) -> tuple[ConfiguredInstrument, ...]:
    """Every configured instrument; ``instruments_of(config)[i].instrument_id == i``."""
    every = [(venue.name, instrument) for venue in config.venues for instrument in venue.instruments]
    return tuple(
        ConfiguredInstrument(number, f"{venue}:{instrument.symbol}", venue, instrument.symbol, instrument.limits)
        for number, (venue, instrument) in enumerate(every)
    )
