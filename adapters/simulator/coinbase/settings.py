"""What a simulated Coinbase is made of: accounts with their keys, and behaviour that tests want to set."""

from typing import NamedTuple

__all__ = ["SimAccount", "SimKey", "VenueOptions"]

_MS = 1_000_000
_SECOND_NS = 1_000 * _MS


class SimKey(NamedTuple):
    """An API key. ``name`` is what tokens carry as ``kid`` and ``sub``. ``public_key`` is raw: 32 bytes of Ed25519, or
    65 bytes of P-256 (a point, not compressed). ``permissions``: view, trade, transfer, receive."""

    name: str
    public_key: bytes
    permissions: tuple[str, ...] = ("view", "trade")


class SimAccount(NamedTuple):
    """An account (the venue's portfolio). ``balances`` are decimal texts by asset; fees are millionths of a trade.

    ``can_withdraw`` and ``can_trade`` are for the neutral accounts; at this venue the key's permissions tell.
    """

    name: str
    keys: tuple[SimKey, ...]
    balances: tuple[tuple[str, str], ...]
    maker_fee_ppm: int = 4_000
    taker_fee_ppm: int = 6_000
    can_withdraw: bool = False
    can_trade: bool = True


class VenueOptions(NamedTuple):
    """Limits are the venue's; what it leaves open is explained in the package.

    ``host`` is what tokens have to name in their ``uri``, whatever address was dialled. ``queue_ns``: how long edits
    and cancels are queued before the engine sees them. ``read_lag_ns``, ``fills_lag_ns``: for how long questions do not
    find a new order, or a new fill, yet. ``book_interval_ns``, ``trades_interval_ns``: how often changes of the book,
    and trades, are told. ``quiet_ns``: a connection that has been told nothing for so long is closed.
    ``start_on_subscribe``: the markets' clock starts when somebody subscribes to market data. ``backlog_bytes_max``:
    what may wait for a slow reader before it is dropped.
    """

    seed: int = 1
    host: str = "api.coinbase.com"
    start_on_subscribe: bool = True
    token_life_s: int = 120
    clock_leeway_s: int = 1
    queue_ns: int = 2 * _MS
    read_lag_ns: int = 0
    fills_lag_ns: int = 20 * _MS
    book_interval_ns: int = 50 * _MS
    trades_interval_ns: int = 250 * _MS
    subscribe_within_ns: int = 5 * _SECOND_NS
    quiet_ns: int = 60 * _SECOND_NS
    private_per_second: int = 30
    public_per_second: int = 10
    connections_per_second: int = 8
    unsigned_messages_per_second: int = 8
    books_per_connection: int = 10
    open_orders_per_product: int = 500
    protection_percent: int = 10
    end_time_days_max: int = 90
    backlog_bytes_max: int = 16 * 1024 * 1024
    orders_remembered: int = 200_000
    cost_decimals: int = 9
