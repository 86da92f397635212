"""REST with a key, about the account: what the key may do, fees, wallets."""

import msgspec

from adapters.simulator.coinbase.auth import Credential
from adapters.simulator.coinbase.core import Venue
from adapters.simulator.coinbase.encoding import amount_text
from adapters.simulator.coinbase.errors import argument, not_found
from adapters.simulator.coinbase.rest_request import Query
from engine.instrument import decimal_text, plain

__all__ = ["account", "accounts", "key_permissions", "transaction_summary"]

_PAGE, _PAGE_MAX = 49, 250
_PPM_DECIMALS = 6
_OPENED = "2021-05-31T09:59:59.000Z"
_FIAT = ("USD", "EUR", "GBP", "SGD", "CAD", "AUD")


def key_permissions(venue: Venue, credential: Credential, query: Query) -> object:
    query.allow(())
    may = {f"can_{name}": name in credential.permissions for name in ("view", "trade", "transfer", "receive")}
    return {**may, "portfolio_uuid": venue.portfolios[credential.account], "portfolio_type": "DEFAULT"}


def transaction_summary(venue: Venue, credential: Credential, query: Query) -> object:
    """Volumes and fees are JSON numbers here, rates are text."""
    query.allow(("product_type", "contract_expiry_type", "product_venue"))
    held = venue.account(credential)
    fills = [fill for _, fill in venue.exchange.orders.fills(held.name)]
    volume = msgspec.Raw(amount_text(sum(fill.cost_nanos for fill in fills)).encode())
    fees = msgspec.Raw(amount_text(sum(fill.fee_nanos for fill in fills)).encode())
    return {
        "total_volume": volume,
        "total_fees": fees,
        "fee_tier": {
            "pricing_tier": "Advanced 1",
            "usd_from": "0",
            "usd_to": "1000",
            "taker_fee_rate": plain(decimal_text(held.taker_fee_ppm, _PPM_DECIMALS)),
            "maker_fee_rate": plain(decimal_text(held.maker_fee_ppm, _PPM_DECIMALS)),
            "aop_from": "",
            "aop_to": "",
        },
        "margin_rate": None,
        "goods_and_services_tax": None,
        "advanced_trade_only_volume": volume,
        "advanced_trade_only_fees": fees,
        "coinbase_pro_volume": 0,
        "coinbase_pro_fees": 0,
        "total_balance": "",
        "has_promo_fee": False,
    }


def _wallet(venue: Venue, credential: Credential, asset: str) -> dict[str, object]:
    held = venue.account(credential)
    balance = held.balance(asset)
    return {
        "uuid": _wallet_id(venue, credential, asset),
        "name": f"{asset} Wallet",
        "currency": asset,
        "available_balance": {"value": amount_text(balance.free_nanos), "currency": asset},
        "default": False,
        "active": True,
        "created_at": _OPENED,
        "updated_at": _OPENED,
        "deleted_at": None,
        "type": "ACCOUNT_TYPE_FIAT" if asset in _FIAT else "ACCOUNT_TYPE_CRYPTO",
        "ready": True,
        "hold": {"value": amount_text(balance.locked_nanos), "currency": asset},
        "retail_portfolio_id": venue.portfolios[held.name],
        "platform": "ACCOUNT_PLATFORM_CONSUMER",
    }


def _wallet_id(venue: Venue, credential: Credential, asset: str) -> str:
    """The portfolio's id with the asset's letters as its last part."""
    return f"{venue.portfolios[credential.account][:24]}{asset.encode().hex()[:12]:0>12}"


def accounts(venue: Venue, credential: Credential, query: Query) -> object:
    """By asset's name; the cursor is the last name of the page before."""
    query.allow(("limit", "cursor", "retail_portfolio_id"))
    limit, cursor = query.count("limit", _PAGE, _PAGE_MAX), query.text("cursor")
    assets = sorted(venue.account(credential).balances)
    if cursor and cursor not in assets:
        raise argument("invalid cursor")
    left = [asset for asset in assets if asset > cursor]
    page = left[:limit]
    has_next = len(left) > len(page)
    return {
        "accounts": [_wallet(venue, credential, asset) for asset in page],
        "has_next": has_next,
        "cursor": page[-1] if has_next else "",
        "size": len(page),
    }


def account(venue: Venue, credential: Credential, query: Query) -> object:
    query.allow(())
    for asset in venue.account(credential).balances:
        if _wallet_id(venue, credential, asset) == query.part:
            return {"account": _wallet(venue, credential, asset)}
    raise not_found("account not found")
