"""Everything that is wrong with a configuration, told in one go."""

from typing import TypeAlias

import msgspec

from engine.errors import UsageError

__all__ = ["ConfigErrors", "ConfigProblem", "KeyPath", "key_text"]

#: Where a value stands: table keys and, in arrays, positions from 0.
KeyPath: TypeAlias = tuple[str | int, ...]

_BARE = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-")


def key_text(path: KeyPath) -> str:
    """``venues[0].limits.open_orders_max``, with keys that are not bare in quotes."""
    text = ""
    for part in path:
        if isinstance(part, int):
            text += f"[{part}]"
        else:
            shown = part if part and _BARE.issuperset(part) else ascii(part)
            text += f".{shown}" if text else shown
    return text


class ConfigProblem(msgspec.Struct, frozen=True):
    """One thing to correct. ``key`` is empty when it concerns the file as a whole."""

    file: str
    line: int
    key: str
    problem: str
    remedy: str

    def __str__(self) -> str:
        key = f"{self.key}: " if self.key else ""
        return f"{self.file}:{self.line}: {key}{self.problem}; {self.remedy}"


class ConfigErrors(UsageError):
    """A configuration that cannot be used. ``problems`` holds every one, in the order of the file."""

    def __init__(self, problems: list[ConfigProblem]) -> None:
        self.problems = sorted(problems, key=lambda p: (p.line, p.key))
        super().__init__("\n".join(str(problem) for problem in self.problems))
