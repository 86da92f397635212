"""Fees as the venue writes them: in percent, per pair."""

from adapters.simulator.accounts import Account
from adapters.simulator.kraken.names import PairName
from engine.instrument import decimal_text

__all__ = ["percent_text", "trade_volume"]


def percent_text(ppm: int) -> str:
    """Millionths as percent with four decimals."""
    return decimal_text(ppm, 4)


def trade_volume(account: Account, pairs: list[PairName], volume_text: str) -> dict[str, object]:
    """The answer to TradeVolume. There is one tier, the account's own."""

    def tier(ppm: int) -> dict[str, object]:
        percent = percent_text(ppm)
        return {
            "fee": percent,
            "minfee": percent,
            "maxfee": percent,
            "nextfee": None,
            "nextvolume": None,
            "tiervolume": "0.0000",
        }

    return {
        "currency": "ZUSD",
        "volume": volume_text,
        "fees": {pair.rest_id: tier(account.taker_fee_ppm) for pair in pairs},
        "fees_maker": {pair.rest_id: tier(account.maker_fee_ppm) for pair in pairs},
    }
