"""What the firm is exposed to: the sum over its accounts, one for each currency, in the kill switch actor.

The sum is exact. Accounts share no instrument, because an instrument belongs to a venue and a venue to one account: so
nothing nets between them in one instrument, gross and worst case add up, and so do net and PnL.
"""

from actors.account_exposure import exposure_counters, exposure_text
from actors.places import risk_actor
from engine.messages import AccountExposure
from risk.exposure import Exposure

__all__ = ["FirmExposure"]

#: An account that has not been heard of for so long is named: its numbers are old.
_OLD_NS = 5_000_000_000


class FirmExposure:
    """``currencies`` by account id."""

    def __init__(self, currencies: dict[str, str]) -> None:
        self._currencies = currencies
        self._latest: dict[str, tuple[AccountExposure, int]] = {}

    def hear(self, sender: str, exposure: AccountExposure, now_ns: int) -> None:
        """Only of the account's own risk actor."""
        account_id = exposure.account_id
        if sender == risk_actor(account_id) and self._currencies.get(account_id) == exposure.currency:
            self._latest[account_id] = (exposure, now_ns)

    def counters(self) -> dict[str, int]:
        return {
            name: number
            for currency in dict.fromkeys(self._currencies.values())
            for name, number in exposure_counters(f"firm:{currency}", self._sum(currency)).items()
        }

    def details(self, now_ns: int) -> dict[str, str]:
        return {
            f"exposure:firm:{currency}": self._text(currency, now_ns)
            for currency in dict.fromkeys(self._currencies.values())
        }

    def _sum(self, currency: str) -> Exposure:
        each = self._of(currency)
        return Exposure(
            sum(one.net_nanos for one in each),
            sum(one.gross_nanos for one in each),
            sum(one.worst_nanos for one in each),
            sum(one.pnl_nanos for one in each),
        )

    def _text(self, currency: str, now_ns: int) -> str:
        assets: dict[str, int] = {}
        for one in self._of(currency):
            for asset, nanos in one.assets.items():
                assets[asset] = assets.get(asset, 0) + nanos
        unpriced = [name for one in self._of(currency) for name in one.unpriced]
        text = exposure_text(self._sum(currency), currency, assets, unpriced)
        old = [
            account_id
            for account_id, of in self._currencies.items()
            if of == currency and (account_id not in self._latest or now_ns - self._latest[account_id][1] > _OLD_NS)
        ]
        return f"{text}; not heard of lately: {', '.join(old)}" if old else text

    def _of(self, currency: str) -> list[AccountExposure]:
        return [exposure for exposure, _ in self._latest.values() if exposure.currency == currency]
