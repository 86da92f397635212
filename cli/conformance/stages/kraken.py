"""Kraken on the stage."""

import base64
from collections.abc import Mapping
from typing import Any

import msgspec

from adapters.kraken.client_ids import venue_id
from adapters.kraken.options import KrakenOptions
from adapters.kraken.session import KrakenSession
from adapters.kraken.signing import Credentials, Signer
from adapters.kraken.urls import KrakenEndpoints
from adapters.simulator.kraken import PERMISSIONS, PRO, SimAccount, SimKey, SimulatedKraken, VenueOptions
from adapters.simulator.venue import SimulatedVenue
from cli.conformance.quiet_market import QuietMarket
from cli.conformance.stage import ACCOUNT, HERE, MONEY, Fields, Key, Links, Stage, Vector
from cli.simulated_venues import kraken_instrument
from engine.instrument import Instrument
from engine.venue import VenueListener, VenueSession

__all__ = ["KrakenStage"]

_SECRETS = {key: base64.b64encode(key.name.encode() * 8).decode() for key in Key}


class KrakenStage(Stage):
    name = "kraken"
    symbols = ((1, "BTC/USD"), (2, "ETH/USD"))
    lot = 10**8
    fee_nanos = (2_500_000, 4_000_000)
    links = Links("session:rest", "session:orders", "session:orders", "session:streams")
    fields = Fields(
        maps=frozenset(("result", "open", "closed", "trades", "fees", "fees_maker")),
        strict=(
            ("exec_type", "exec_type"), ("exec_type", "order_status"), ("exec_type", "side"),
            ("exec_type", "liquidity_ind"), ("exec_type", "last_qty"), ("exec_type", "last_price"),
            ("exec_type", "cum_qty"), ("vol_exec", "status"), ("vol_exec", "vol_exec"), ("ordertxid", "type"),
            ("ordertxid", "vol"), ("asset_class", "balance"), ("hold_trade", "balance"),
        ),
        descriptive=(
            ("exec_type", "order_type"), ("exec_type", "time_in_force"), ("exec_type", "fee_ccy_pref"),
            ("exec_type", "reason"), ("exec_type", "cancel_reason"), ("exec_type", "limit_price_type"),
            ("vol_exec", "oflags"), ("vol_exec", "misc"), ("vol_exec", "time_in_force"),
            ("ord_type", "ord_type"), ("ord_type", "side"), ("asset_class", "asset_class"),
            ("aclass_base", "aclass_base"), ("aclass_base", "fee_volume_currency"), ("ordertxid", "ordertype"),
            ("qty", "asset"),
        ),
    )  # fmt: skip
    absent: Mapping[str, str] = {}

    def name_at_venue(self, client_order_id: str) -> str:
        return venue_id(client_order_id)

    def instrument(self, instrument_id: int, symbol: str) -> Instrument:
        base = symbol.partition("/")[0]
        return msgspec.structs.replace(kraken_instrument(), instrument_id=instrument_id, symbol=symbol, base_asset=base)

    def venue(self, markets: Mapping[str, QuietMarket]) -> SimulatedKraken:
        money = tuple((asset, MONEY) for asset in ("BTC", "ETH", "USD"))
        keys = (
            SimKey("TRADE", _SECRETS[Key.TRADE]),
            SimKey("WITHDRAW", _SECRETS[Key.WITHDRAW], (*PERMISSIONS, "withdraw-funds")),
        )
        account = SimAccount(ACCOUNT, keys, money, tier=PRO)
        return SimulatedKraken(markets, (account,), (HERE,), VenueOptions(read_lag_ns=150_000_000))

    def session(self, listener: VenueListener, key: Key, options: Mapping[str, Any]) -> VenueSession:
        name = "TRADE" if key is Key.FORGED else key.name
        credentials = Credentials(name, _SECRETS[key])
        endpoints = KrakenEndpoints(HERE, HERE, HERE)
        return KrakenSession("kraken", self.symbols, credentials, endpoints, listener, KrakenOptions(**options))

    def set_trading(self, venue: SimulatedVenue, is_trading: bool, now_ns: int) -> None:
        assert isinstance(venue, SimulatedKraken)
        venue.set_trading(self.symbol(1), is_trading)

    def vectors(self) -> list[Vector]:
        docs = "kQH5HW/8p1uGOVjbgWA7FunAmGO8lsSUXNsu3eow76sz84Q18fWxnyRzBHCd3pd5nE9qa99HAZtuZuj6F1huXg=="
        kit = base64.b64encode(b"\x01" * 32).decode()
        order = b"nonce=1616492376594&ordertype=limit&pair=XBTUSD&price=37500&type=buy&volume=1.25"
        return [
            Vector(
                "API-Sign of AddOrder (the venue's documentation)",
                Signer(Credentials("key", docs)).sign("/0/private/AddOrder", "1616492376594", order),
                "4/dpxb3iT4tp/ZCVEwSnEsLxx0bqyhLpdfOpc6fn7OR8+UClSV5n9E6aSS8MPtnRfp32bAb0nmbRn6H8ndwLUQ==",
            ),
            Vector(
                "API-Sign of Balance (the venue's own kit)",
                Signer(Credentials("key", kit)).sign(
                    "/0/private/Balance", "1700000000000000000", b"nonce=1700000000000000000"
                ),
                "6i7+cpXVLDDnDOekgsRcgFQhkYFyPDSSxhSVA8OrA6vjziXcy2K1DP3n7f9B/Kgni71WjBSQusZKxduRsdF20Q==",
            ),
        ]
