"""Client order ids that the venue makes up, from a seed."""

__all__ = ["Identifiers"]

_ALPHABET = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
_MASK = 2**64 - 1


class Identifiers:
    """Texts of 22 letters and digits, from two words of a splitmix64 generator each."""

    def __init__(self, seed: int) -> None:
        self._state = seed & _MASK

    def next_client_order_id(self) -> str:
        number = self._word() << 64 | self._word()
        letters = []
        for _ in range(22):
            number, digit = divmod(number, len(_ALPHABET))
            letters.append(_ALPHABET[digit])
        return "".join(letters)

    def _word(self) -> int:
        self._state = (self._state + 0x9E3779B97F4A7C15) & _MASK
        word = self._state
        word = (word ^ word >> 30) * 0xBF58476D1CE4E5B9 & _MASK
        word = (word ^ word >> 27) * 0x94D049BB133111EB & _MASK
        return word ^ word >> 31
