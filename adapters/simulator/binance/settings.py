"""What a simulated venue is made of: accounts with their keys, limits, and behaviour that tests want to set."""

from typing import NamedTuple

__all__ = ["SimAccount", "SimKey", "VenueLimits", "VenueOptions"]

_SECOND_NS = 1_000_000_000


class SimKey(NamedTuple):
    """An API key. ``key_type`` is ``hmac`` (``secret`` is the shared secret) or ``ed25519`` (``public_key`` is the raw
    32-byte public key). A key without ``can_trade`` may only read, one without ``can_read`` may only trade."""

    api_key: str
    key_type: str
    secret: str = ""
    public_key: bytes = b""
    can_trade: bool = True
    can_read: bool = True


class SimAccount(NamedTuple):
    """An account. ``balances`` are decimal texts by asset; fees are millionths of what a trade brings in.

    ``can_withdraw`` is only told (``canWithdraw``): an engine is expected to refuse such an account.
    """

    name: str
    keys: tuple[SimKey, ...]
    balances: tuple[tuple[str, str], ...]
    maker_fee_ppm: int = 1_000
    taker_fee_ppm: int = 1_000
    can_withdraw: bool = False
    can_trade: bool = True


class VenueLimits(NamedTuple):
    """The venue's rate limits; the defaults are those of the live venue. Durations of bans double up to the maximum."""

    weight_per_minute: int = 6_000
    requests_per_5_minutes: int = 300_000
    connections_per_5_minutes: int = 300
    orders_per_10_seconds: int = 100
    orders_per_day: int = 200_000
    stream_messages_per_second: int = 5
    streams_per_connection: int = 1_024
    subscriptions_per_connection: int = 1_000
    subscription_ids_per_connection: int = 65_535
    violations_before_ban: int = 10
    ban_ns_min: int = 120 * _SECOND_NS
    ban_ns_max: int = 3 * 86_400 * _SECOND_NS
    maker_fill_order_credit: int = 5


class VenueOptions(NamedTuple):
    """``start_on_subscribe``: the markets' clock starts when somebody has subscribed to a market stream and, where that
    is a diff stream, has taken the snapshot that belongs to it, or ``snapshot_grace_ns`` later: so no message of a
    recording is lost on a client that builds its book as the venue says.
    ``read_lag_ns``: for how long after placement queries do not find an order yet (-2013).
    ``backlog_bytes_max``: what may wait for a slow reader before it is dropped.
    """

    limits: VenueLimits = VenueLimits()
    start_on_subscribe: bool = True
    snapshot_grace_ns: int = 15 * _SECOND_NS
    read_lag_ns: int = 0
    seed: int = 1
    ping_interval_ns: int = 20 * _SECOND_NS
    pong_timeout_ns: int = 60 * _SECOND_NS
    lifetime_ns: int = 86_400 * _SECOND_NS
    backlog_bytes_max: int = 4 * 1024 * 1024
    orders_remembered: int = 200_000
