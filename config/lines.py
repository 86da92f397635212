"""Which line of a TOML text says what. ``tomllib`` reads values exactly but forgets where they stood.

Only for text that ``tomllib`` has accepted: what it refuses is not looked at, so this scanner only has to know where
keys and values end. Every way to write a key is followed: tables, arrays of tables, dotted and quoted keys, inline
tables, elements of arrays, strings over several lines.
"""

import re
import tomllib

from config.errors import KeyPath

__all__ = ["KeyLines", "key_lines"]

_BLANK = re.compile(r"(?:[ \t\r\n]|#[^\n]*)*")
_SPACE = re.compile(r"[ \t]*")
_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")
# Up to two more quotes belong to a string of several lines that ends in quotes.
_STRING = re.compile(
    r'"""(?:\\.|[^\\])*?"""(?:"{0,2})'
    r"|'''.*?'''(?:'{0,2})"
    r'|"(?:\\.|[^"\\])*"'
    r"|'[^']*'",
    re.DOTALL,
)
_SCALAR = re.compile(r"[^,\]}\n#]*")


class KeyLines:
    """Line numbers from 1, by path."""

    def __init__(self, lines: dict[KeyPath, int]) -> None:
        self._lines = lines

    def of(self, path: KeyPath) -> int:
        """The line where ``path`` first stands, or else its nearest table that does; 1 when none does."""
        for length in range(len(path), 0, -1):
            line = self._lines.get(path[:length])
            if line is not None:
                return line
        return 1

    def paths(self) -> dict[KeyPath, int]:
        """Every path that the text names, with its line."""
        return dict(self._lines)


def key_lines(text: str) -> KeyLines:
    """Index a text that ``tomllib.loads`` has accepted."""
    return KeyLines(_Scanner(text).scan())


class _Scanner:
    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._line, self._counted = 1, 0
        self._lines: dict[KeyPath, int] = {}
        self._last_element: dict[KeyPath, int] = {}

    def scan(self) -> dict[KeyPath, int]:
        table: KeyPath = ()
        self._skip(_BLANK)
        while self._at < len(self._text):
            if self._text.startswith("[[", self._at):
                table = self._array_header()
            elif self._text[self._at] == "[":
                table = self._table_header()
            else:
                self._key_value(table)
            self._skip(_BLANK)
        return self._lines

    # -- statements -----------------------------------------------------------------------------------------

    def _table_header(self) -> KeyPath:
        line = self._line_now()
        self._at += 1
        path = self._resolve(self._key())
        self._at += 1
        self._note(path, line)
        return path

    def _array_header(self) -> KeyPath:
        line = self._line_now()
        self._at += 2
        *outer, name = self._key()
        self._at += 2
        array = (*self._resolve(outer), name)
        element = self._last_element.get(array, -1) + 1
        self._last_element[array] = element
        self._note((*array, element), line)
        return (*array, element)

    def _key_value(self, table: KeyPath) -> None:
        line = self._line_now()
        path = (*table, *self._key())
        self._note(path, line)
        self._at += 1  # the equals sign
        self._skip(_SPACE)
        self._value(path)

    def _resolve(self, keys: list[str]) -> KeyPath:
        """A header that passes through an array of tables means its last element."""
        path: KeyPath = ()
        for key in keys:
            path = (*path, key)
            if path in self._last_element:
                path = (*path, self._last_element[path])
        return path

    def _note(self, path: KeyPath, line: int) -> None:
        for length in range(1, len(path) + 1):
            self._lines.setdefault(path[:length], line)

    # -- keys and values ------------------------------------------------------------------------------------

    def _key(self) -> list[str]:
        """A dotted key; stops at what follows it, spaces skipped."""
        keys: list[str] = []
        while True:
            self._skip(_SPACE)
            if self._text[self._at] in "\"'":
                quoted = self._skip(_STRING)
                keys.append(str(tomllib.loads(f"key = {quoted}")["key"]))
            else:
                keys.append(self._skip(_BARE_KEY))
            self._skip(_SPACE)
            if self._text[self._at] != ".":
                return keys
            self._at += 1

    def _value(self, path: KeyPath) -> None:
        first = self._text[self._at]
        if first in "\"'":
            self._skip(_STRING)
        elif first == "[":
            self._array(path)
        elif first == "{":
            self._inline_table(path)
        else:
            self._skip(_SCALAR)

    def _array(self, path: KeyPath) -> None:
        element = 0
        self._at += 1
        while self._next_inside() != "]":
            self._note((*path, element), self._line_now())
            self._value((*path, element))
            element += 1
        self._at += 1

    def _inline_table(self, path: KeyPath) -> None:
        self._at += 1
        while self._next_inside() != "}":
            self._key_value(path)
        self._at += 1

    def _next_inside(self) -> str:
        self._skip(_BLANK)
        if self._text[self._at] == ",":
            self._at += 1
            self._skip(_BLANK)
        return self._text[self._at]

    def _skip(self, pattern: re.Pattern[str]) -> str:
        match = pattern.match(self._text, self._at)
        assert match is not None, "key_lines is for text that tomllib has accepted"
        self._at = match.end()
        return match.group()

    def _line_now(self) -> int:
        self._line += self._text.count("\n", self._counted, self._at)
        self._counted = self._at
        return self._line
