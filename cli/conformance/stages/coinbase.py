"""Coinbase on the stage."""

from collections.abc import Mapping
from typing import Any

from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key

from adapters.coinbase.options import CoinbaseOptions
from adapters.coinbase.session import CoinbaseSession
from adapters.coinbase.signing import Credentials, TokenMaker, make_signer
from adapters.coinbase.urls import CoinbaseEndpoints
from adapters.simulator.coinbase import SimAccount, SimKey, SimulatedCoinbase, VenueOptions
from adapters.simulator.venue import SimulatedVenue
from cli.conformance.quiet_market import QuietMarket
from cli.conformance.row_names import DEAD_MAN
from cli.conformance.stage import ACCOUNT, HERE, MONEY, Fields, Key, Links, Stage, Vector
from engine.instrument import Instrument
from engine.venue import VenueListener, VenueSession

__all__ = ["CoinbaseStage"]

#: The keys that the venue's own kit is tested with.
_KIT_NAME = "organizations/test-organization/apiKeys/test-api-key"
_KIT_P256 = """-----BEGIN EC PRIVATE KEY-----
MHcCAQEEIKwf3Uox30cRWzRBOPoPOH5p0Gpb0Dt8zUKXUEM5fMkGoAoGCCqGSM49
AwEHoUQDQgAEbAtpLlSZYVOwYICz+uEyxcS29vRIujiES/gQ1DC7FV4zK4JuYE9v
qDyGZQYjdXHLM7I6f/QnnOITL+dXYWBHRA==
-----END EC PRIVATE KEY-----"""
_KIT_ED25519 = "k0BUni0p0vZG1BdpVjS6ogBJ7kxm630AJ2dN+tuputA="


class CoinbaseStage(Stage):
    name = "coinbase"
    symbols = ((1, "BTC-USD"), (2, "ETH-USD"))
    lot = 10**8
    fee_nanos = (4_000_000, 6_000_000)
    links = Links("session:rest", "session:orders", "session:user", "session:streams")
    fields = Fields(
        maps=frozenset(("order_configuration", "subscriptions")),
        strict=(
            ("order_side", "status"), ("order_side", "order_side"), ("order_side", "cumulative_quantity"),
            ("trade_type", "trade_type"), ("trade_type", "side"), ("trade_type", "size"), ("trade_type", "price"),
            ("filled_size", "status"), ("filled_size", "side"), ("filled_size", "filled_size"),
            ("currency", "value"),
        ),
        descriptive=(
            ("order_side", "order_type"), ("order_side", "time_in_force"), ("order_side", "trigger_status"),
            ("order_side", "product_type"), ("order_side", "risk_managed_by"), ("order_side", "cancel_reason"),
            ("order_side", "contract_expiry_type"), ("filled_size", "order_type"), ("filled_size", "trigger_status"),
            ("filled_size", "cancel_message"), ("filled_size", "product_type"), ("filled_size", "time_in_force"),
            ("available_balance", "type"), ("available_balance", "platform"), ("base_increment", "product_type"),
            ("base_increment", "display_name"), ("base_increment", "product_venue"),
            ("trade_type", "liquidity_indicator"), ("time", "side"),
        ),
    )  # fmt: skip
    quarantines_alone = False
    absent: Mapping[str, str] = {DEAD_MAN: "the venue has no such timer"}

    def instrument(self, instrument_id: int, symbol: str) -> Instrument:
        base = symbol.partition("-")[0]
        return Instrument(
            instrument_id=instrument_id,
            venue="coinbase",
            symbol=symbol,
            base_asset=base,
            quote_asset="USD",
            tick_units=1,
            price_scale=2,
            lot_units=1,
            quantity_scale=8,
            price_ticks_min=1,
            price_ticks_max=0,
            quantity_lots_min=10_000,
            quantity_lots_max=340_000_000_000,
            notional_tick_lots_min=10**10,  # 1 USD
        )

    def venue(self, markets: Mapping[str, QuietMarket]) -> SimulatedCoinbase:
        public = load_pem_private_key(_KIT_P256.encode(), None).public_key()
        point = public.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
        keys = (
            SimKey(Key.TRADE.name, point),
            SimKey(Key.WITHDRAW.name, point, ("view", "trade", "transfer")),
        )
        money = tuple((asset, MONEY) for asset in ("BTC", "ETH", "USD"))
        account = SimAccount(ACCOUNT, keys, money)
        return SimulatedCoinbase(markets, (account,), (HERE,), VenueOptions(read_lag_ns=150_000_000))

    def session(self, listener: VenueListener, key: Key, options: Mapping[str, Any]) -> VenueSession:
        is_forged = key is Key.FORGED
        credentials = Credentials("TRADE" if is_forged else key.name, _KIT_ED25519 if is_forged else _KIT_P256)
        endpoints = CoinbaseEndpoints(HERE, HERE, HERE)
        return CoinbaseSession("coinbase", self.symbols, credentials, endpoints, listener, CoinbaseOptions(**options))

    def set_trading(self, venue: SimulatedVenue, is_trading: bool, now_ns: int) -> None:
        assert isinstance(venue, SimulatedCoinbase)
        venue.set_trading(self.symbol(1), is_trading, now_ns)

    def vectors(self) -> list[Vector]:
        """The venue publishes keys and no tokens: these were made by another program, ES256 by RFC 6979."""
        at_s, nonce = 1_700_000_000, 0x00112233445566778899AABBCCDDEEFF
        p256, ed25519 = (
            TokenMaker(make_signer(Credentials(_KIT_NAME, secret)), "api.coinbase.com", 120, lambda bound: nonce)
            for secret in (_KIT_P256, _KIT_ED25519)
        )
        return [
            Vector(
                "token of GET accounts, EdDSA (the official kit's key)",
                ed25519.rest("GET", "/api/v3/brokerage/accounts", at_s).rpartition(".")[2],
                "VKxvz0b5LzwhWX-Fz9sB1un4A3tuMxE5h_BbeY_tyyiZjwfoH7TDfKQYpucjbLrQcAjvRpEL1hXPGIS0SB3YAA",
            ),
            Vector(
                "token of a WebSocket, EdDSA (the official kit's key)",
                ed25519.websocket(at_s).rpartition(".")[2],
                "loRlsE9Nxjitd6W4MzwGyPoFMZGVdgR6lfquZdzuth30OuwBjIKI6ZrExlgf860l0Kb42aWZFNB9W_NaE78CAQ",
            ),
            Vector(
                "token of POST orders, ES256 (the official kit's key)",
                p256.rest("POST", "/api/v3/brokerage/orders", at_s).rpartition(".")[2],
                "snqvr1R6HvDlABvj4sxW2cOHGtn70rnWK9Y1oQ7ijVfDIfNsaUKx0LzhcSfbEKxdsuCMbrL_NP1ss_YE-uHGGw",
            ),
        ]
