"""What a simulated Kraken is made of: accounts with their keys and tiers, and behaviour that tests want to set."""

from typing import NamedTuple

__all__ = ["INTERMEDIATE", "PERMISSIONS", "PRO", "STARTER", "SimAccount", "SimKey", "Tier", "VenueOptions"]

_SECOND_NS = 1_000_000_000

#: What a key that trades is given. ``withdraw-funds`` is what an engine refuses to work with.
PERMISSIONS = (
    "query-funds",
    "query-open-trades",
    "query-closed-trades",
    "modify-trades",
    "close-trades",
    "create-ws-token",
)


class Tier(NamedTuple):
    """An account's limits. ``threshold`` and ``decay_percent`` (hundredths per second) are those of the counter that
    every pair has; ``rest_…`` those of the REST API's counter."""

    threshold: int
    decay_percent: int
    open_orders: int
    rest_max: int
    rest_decay_percent: int


STARTER = Tier(60, 100, 60, 15, 33)
INTERMEDIATE = Tier(125, 234, 80, 20, 50)
PRO = Tier(180, 375, 225, 20, 100)


class SimKey(NamedTuple):
    """An API key; ``secret`` is base64, as the venue hands it out. ``nonce_window`` is what an out-of-order nonce may
    lie behind the highest."""

    api_key: str
    secret: str
    permissions: tuple[str, ...] = PERMISSIONS
    nonce_window: int = 0


class SimAccount(NamedTuple):
    """An account. ``balances`` are decimal texts by asset (BTC, USD, …); fees are millionths of a trade's cost.

    ``can_withdraw`` and ``can_trade`` are for the neutral accounts; at this venue the key's permissions tell.
    """

    name: str
    keys: tuple[SimKey, ...]
    balances: tuple[tuple[str, str], ...]
    maker_fee_ppm: int = 2_500
    taker_fee_ppm: int = 4_000
    tier: Tier = INTERMEDIATE
    can_withdraw: bool = False
    can_trade: bool = True


class VenueOptions(NamedTuple):
    """``start_on_subscribe``: the markets' clock starts when somebody subscribes to a market data channel.
    ``read_lag_ns``: for how long REST queries do not find a new order yet.
    ``backlog_bytes_max``: what may wait for a slow reader before it is dropped.
    ``idle_ns``: a connection that sends nothing and has no subscription is closed after this.
    ``public_per_second``: REST calls without a key.
    """

    seed: int = 1
    start_on_subscribe: bool = True
    read_lag_ns: int = 0
    heartbeat_ns: int = _SECOND_NS
    idle_ns: int = 60 * _SECOND_NS
    token_life_ns: int = 900 * _SECOND_NS
    lockout_after: int = 10
    lockout_ns: int = 900 * _SECOND_NS
    public_per_second: int = 1_000
    connections_per_10_minutes: int = 150
    backlog_bytes_max: int = 4 * 1024 * 1024
    orders_remembered: int = 200_000
    cost_decimals: int = 5
