"""The query of a GET request: parameters, some of them several times, and the part of the path that names one thing."""

from collections.abc import Iterable, Sequence

from adapters.simulator.coinbase.encoding import parse_time
from adapters.simulator.coinbase.errors import argument

__all__ = ["Query"]


class Query:
    """``part`` is what the path names, "" if nothing. Raises HttpError for parameters that cannot be meant."""

    def __init__(self, pairs: Sequence[tuple[str, str]], part: str) -> None:
        self._pairs, self.part = pairs, part

    def allow(self, names: Iterable[str]) -> None:
        """Raises HttpError for a parameter that the path does not have, or has and this venue does not serve."""
        allowed = frozenset(names)
        unknown = next((name for name, _ in self._pairs if name not in allowed), None)
        if unknown is not None:
            raise argument(f"unknown query parameter {unknown}")

    def texts(self, name: str) -> list[str]:
        return [value for key, value in self._pairs if key == name and value]

    def text(self, name: str) -> str:
        return next(iter(self.texts(name)), "")

    def count(self, name: str, usual: int, most: int) -> int:
        """A whole number from 1 to ``most``."""
        value = self.text(name)
        if not value:
            return usual
        if not (value.isascii() and value.isdigit()) or len(value) > 9 or not 1 <= int(value) <= most:
            raise argument(f"{name} must be 1 to {most}")
        return int(value)

    def number(self, name: str) -> int:
        """A whole number, 0 if it is not given."""
        value = self.text(name)
        if value and not (value.isascii() and value.isdigit() and len(value) <= 19):
            raise argument(f"{name} is not a number")
        return int(value or "0")

    def time_ns(self, name: str, usual: int) -> int:
        value = self.text(name)
        parsed = parse_time(value) if value else usual
        if parsed is None:
            raise argument(f"{name} is not an RFC 3339 time")
        return parsed
