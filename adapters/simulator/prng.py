"""A small seeded generator of our own: the same numbers on every machine and Python version.

The sequence is SplitMix64 (G. Steele, D. Lea, C. Flood, "Fast splittable pseudorandom number generators", 2014).
"""

from math import log1p

__all__ = ["SplitMix64"]

_MASK = (1 << 64) - 1


class SplitMix64:
    """64-bit state, 64-bit output, period 2**64. Not for secrets."""

    __slots__ = ("_state",)

    def __init__(self, seed: int) -> None:
        self._state = seed & _MASK

    def next(self) -> int:
        """A whole number in [0, 2**64)."""
        self._state = (self._state + 0x9E3779B97F4A7C15) & _MASK
        mixed = self._state
        mixed = ((mixed ^ (mixed >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
        mixed = ((mixed ^ (mixed >> 27)) * 0x94D049BB133111EB) & _MASK
        return mixed ^ (mixed >> 31)

    def below(self, bound: int) -> int:
        """A whole number in [0, bound)."""
        return (self.next() * bound) >> 64

    def unit(self) -> float:
        """A number in [0, 1) with 53 random bits."""
        return float(self.next() >> 11) * 2.0**-53

    def geometric(self, mean: int) -> int:
        """A whole number from 0 up, geometrically distributed around ``mean`` (at least 1)."""
        return int(log1p(-self.unit()) / log1p(-1.0 / (mean + 1)))
