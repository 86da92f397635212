"""Every client order id that was ever used, remembered in bounded space, and exactly as long as ids are numbered.

An id ``PREFIX-N`` (N a decimal number without leading zeros, as strategies make them: ``maker-1f3a-17``) is kept as a
number in its prefix's ranges; ids that count upwards make one range, each refused order a hole. Any other id is kept as
text, the newest ``texts_max``. What no longer fits is forgotten on the safe side: holes between the oldest ranges count
as used. Prefixes are one per strategy and session; beyond ``prefixes_max`` the oldest is forgotten.
"""

from bisect import bisect_right
from collections import OrderedDict
from collections.abc import Sequence

__all__ = ["NumberRanges", "UsedOrderIds"]

_DIGITS_MAX = 18


class NumberRanges:
    """A set of whole numbers as sorted, disjoint, non-adjacent ranges; at most ``ranges_max`` of them."""

    __slots__ = ("_firsts", "_lasts", "_ranges_max")

    def __init__(self, ranges_max: int, firsts: Sequence[int] = (), lasts: Sequence[int] = ()) -> None:
        self._ranges_max = ranges_max
        self._firsts = list(firsts)
        self._lasts = list(lasts)

    def memory(self) -> tuple[list[int], list[int]]:
        """The first and the last number of each range."""
        return list(self._firsts), list(self._lasts)

    def __contains__(self, number: int) -> bool:
        at = bisect_right(self._firsts, number) - 1
        return at >= 0 and number <= self._lasts[at]

    def __len__(self) -> int:
        """How many ranges there are."""
        return len(self._firsts)

    def add(self, number: int) -> bool:
        """False: it is there already."""
        firsts, lasts = self._firsts, self._lasts
        if lasts and number == lasts[-1] + 1:  # the usual case
            lasts[-1] = number
            return True
        at = bisect_right(firsts, number)
        if at and number <= lasts[at - 1]:
            return False
        joins_below = at > 0 and lasts[at - 1] == number - 1
        joins_above = at < len(firsts) and firsts[at] == number + 1
        if joins_below and joins_above:
            lasts[at - 1] = lasts.pop(at)
            del firsts[at]
        elif joins_below:
            lasts[at - 1] = number
        elif joins_above:
            firsts[at] = number
        else:
            firsts.insert(at, number)
            lasts.insert(at, number)
            if len(firsts) > self._ranges_max:
                del firsts[1], lasts[0]
        return True


class UsedOrderIds:
    """See the module."""

    def __init__(self, *, texts_max: int = 100_000, prefixes_max: int = 1_000, ranges_max: int = 10_000) -> None:
        self._texts_max, self._prefixes_max, self._ranges_max = texts_max, prefixes_max, ranges_max
        self._numbers: dict[str, NumberRanges] = {}
        self._texts: OrderedDict[str, None] = OrderedDict()
        #: The id that was asked about last, taken apart: it is most often added next.
        self._asked, self._parts = "", ("", -1)

    def __contains__(self, client_order_id: str) -> bool:
        prefix, number = self._parts = _parts(client_order_id)
        self._asked = client_order_id
        if number < 0:
            return client_order_id in self._texts
        ranges = self._numbers.get(prefix)
        return ranges is not None and number in ranges

    def add(self, client_order_id: str) -> bool:
        """False: it was used before."""
        prefix, number = self._parts if client_order_id == self._asked else _parts(client_order_id)
        if number < 0:
            if client_order_id in self._texts:
                return False
            self._texts[client_order_id] = None
            if len(self._texts) > self._texts_max:
                self._texts.popitem(last=False)
            return True
        ranges = self._numbers.get(prefix)
        if ranges is None:
            ranges = self._numbers[prefix] = NumberRanges(self._ranges_max)
            if len(self._numbers) > self._prefixes_max:
                del self._numbers[next(iter(self._numbers))]
        return ranges.add(number)

    # -- as one value -----------------------------------------------------------------------------------------

    def memory(self) -> tuple[list[tuple[str, list[int], list[int]]], list[str]]:
        """Everything in it, oldest first: (prefix, firsts, lasts) of the numbers, and the texts."""
        numbers = [(prefix, *ranges.memory()) for prefix, ranges in self._numbers.items()]
        return numbers, list(self._texts)

    def remember(self, numbers: list[tuple[str, list[int], list[int]]], texts: list[str]) -> None:
        """Give an empty set the ``memory`` of another with the same bounds."""
        for prefix, firsts, lasts in numbers:
            self._numbers[prefix] = NumberRanges(self._ranges_max, firsts, lasts)
        self._texts.update(dict.fromkeys(texts))


def _parts(client_order_id: str) -> tuple[str, int]:
    """Prefix and number; ("", -1) for any other id. The number is one only as the text in which it is always written,
    so that text and number are the same id."""
    prefix, _, digits = client_order_id.rpartition("-")
    is_number = (
        digits.isascii() and digits.isdigit() and len(digits) <= _DIGITS_MAX and (digits[0] != "0" or len(digits) == 1)
    )
    return (prefix, int(digits)) if is_number and prefix else ("", -1)
