"""What a user's code prints goes to the engine's log, with its strategy's name.

Its own standard output is that of a Ray worker, where nobody looks.
"""

import io
from collections.abc import Callable

__all__ = ["PrintedLines"]

#: A longer line is told in pieces.
_LINE_MAX = 2_000


class PrintedLines(io.TextIOBase):
    """Stands for ``sys.stdout``. ``tell_line(text)`` is called for each line that has something in it."""

    def __init__(self, tell_line: Callable[[str], None]) -> None:
        self._tell_line = tell_line
        self._begun = ""

    def writable(self) -> bool:
        return True

    def write(self, text: str) -> int:
        *lines, self._begun = (self._begun + text).split("\n")
        for line in lines:
            self._tell(line)
        if len(self._begun) > _LINE_MAX:
            self.finish()
        return len(text)

    def finish(self) -> None:
        """Tell a line that has not been ended."""
        begun, self._begun = self._begun, ""
        self._tell(begun)

    def _tell(self, line: str) -> None:
        for at in range(0, len(line.rstrip()), _LINE_MAX):
            self._tell_line(line.rstrip()[at : at + _LINE_MAX])
