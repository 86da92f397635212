"""Spot accounts: what is free, what is locked, and that nothing is ever made or lost."""

from collections.abc import Iterator, Sequence
from typing import Protocol

from engine.errors import InvariantError, UsageError
from engine.instrument import parse_nanos

__all__ = ["Account", "AccountSettings", "Accounts", "Balance"]

_PPM = 1_000_000
#: Commissions are cut to eight decimals.
_COMMISSION_STEP = 10


class AccountSettings(Protocol):
    """What an account begins with; each venue's own settings have these and more.

    ``balances`` are decimal texts by asset; fees are millionths. ``can_withdraw`` is only told.
    """

    @property
    def name(self) -> str: ...
    @property
    def balances(self) -> tuple[tuple[str, str], ...]: ...
    @property
    def maker_fee_ppm(self) -> int: ...
    @property
    def taker_fee_ppm(self) -> int: ...
    @property
    def can_withdraw(self) -> bool: ...
    @property
    def can_trade(self) -> bool: ...


class Balance:
    """One asset of one account, in billionths."""

    __slots__ = ("free_nanos", "locked_nanos")

    def __init__(self, free_nanos: int) -> None:
        self.free_nanos = free_nanos
        self.locked_nanos = 0


class Account:
    """One account. Every change keeps both parts of every balance at or above zero."""

    def __init__(self, settings: AccountSettings, uid: int) -> None:
        self.name = settings.name
        self.uid = uid
        self.can_withdraw = settings.can_withdraw
        self.can_trade = settings.can_trade
        self.maker_fee_ppm = settings.maker_fee_ppm
        self.taker_fee_ppm = settings.taker_fee_ppm
        self.updated_wall_ns = 0
        self.balances: dict[str, Balance] = {}
        for asset, text in settings.balances:
            nanos = parse_nanos(text, f"balance of {asset} of account {settings.name}")
            if nanos < 0:
                raise UsageError(f"balance of {asset} of account {settings.name} is below zero: {text}")
            self.balances[asset] = Balance(nanos)

    def balance(self, asset: str) -> Balance:
        balance = self.balances.get(asset)
        if balance is None:
            balance = self.balances[asset] = Balance(0)
        return balance

    def lock(self, asset: str, nanos: int) -> bool:
        """Move from free to locked; False, and nothing is moved, when there is not enough."""
        balance = self.balance(asset)
        if nanos > balance.free_nanos:
            return False
        balance.free_nanos -= nanos
        balance.locked_nanos += nanos
        return True

    def unlock(self, asset: str, nanos: int) -> None:
        balance = self._locked(asset, nanos)
        balance.locked_nanos -= nanos
        balance.free_nanos += nanos

    def spend(self, asset: str, nanos: int) -> None:
        """What was locked is gone to the other side of a trade."""
        self._locked(asset, nanos).locked_nanos -= nanos

    def receive(self, asset: str, nanos: int) -> None:
        self.balance(asset).free_nanos += nanos

    def commission_nanos(self, nanos: int, is_maker: bool) -> int:
        """The fee on an amount received."""
        fee = nanos * (self.maker_fee_ppm if is_maker else self.taker_fee_ppm) // _PPM
        return fee - fee % _COMMISSION_STEP

    def _locked(self, asset: str, nanos: int) -> Balance:
        balance = self.balance(asset)
        if not 0 <= nanos <= balance.locked_nanos:
            raise InvariantError(f"account {self.name}: {nanos} of {asset} to take, {balance.locked_nanos} locked")
        return balance


class Accounts:
    """All accounts, and the two pots that make the sum come out: fees taken, and the anonymous market's net change."""

    def __init__(self, settings: Sequence[AccountSettings]) -> None:
        self._by_name: dict[str, Account] = {}
        for number, account in enumerate(settings):
            if not account.name or account.name in self._by_name:
                raise UsageError(f"account name {account.name!r} is empty or given twice")
            self._by_name[account.name] = Account(account, 1_000_001 + number)
        self.fees: dict[str, int] = {}
        self.anonymous: dict[str, int] = {}

    def __iter__(self) -> Iterator[Account]:
        return iter(self._by_name.values())

    def __getitem__(self, name: str) -> Account:
        return self._by_name[name]

    def pay(self, account: Account, asset: str, nanos: int, fee_nanos: int) -> None:
        """An account receives from a trade, less its fee."""
        account.receive(asset, nanos - fee_nanos)
        self.fees[asset] = self.fees.get(asset, 0) + fee_nanos

    def with_anonymous(self, asset: str, nanos: int) -> None:
        """The anonymous market has received (or, negative, given)."""
        self.anonymous[asset] = self.anonymous.get(asset, 0) + nanos

    def total(self, asset: str) -> int:
        """Everything there is of an asset; the same at all times."""
        held = sum(account.balance(asset).free_nanos + account.balance(asset).locked_nanos for account in self)
        return held + self.fees.get(asset, 0) + self.anonymous.get(asset, 0)
