"""Reads a TOML file: its values, and which line says what."""

import re
import tomllib
from pathlib import Path
from typing import Any

from config.errors import ConfigErrors, ConfigProblem
from config.lines import KeyLines, key_lines
from engine.errors import UsageError

__all__ = ["read_document"]

_AT_LINE = re.compile(r" \(at line (\d+), column (\d+)\)\Z")


def read_document(path: Path, what: str) -> tuple[dict[str, Any], KeyLines]:
    """``what``: what the file is, for the error text. Raises UsageError for one that cannot be read, ConfigErrors for
    one that is not TOML."""
    return _parse(path, _read(path, what))


def _read(path: Path, what: str) -> str:
    try:
        data = path.read_bytes()
    except OSError as error:
        raise UsageError(f"{what} {path}: {error.strerror}; name a readable TOML file") from error
    try:
        return data.decode("utf-8").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise _one(path, line, "is not UTF-8 text", "save the file as UTF-8") from error


def _parse(path: Path, text: str) -> tuple[dict[str, Any], KeyLines]:
    try:
        return tomllib.loads(text), key_lines(text)
    except RecursionError as error:
        raise _one(path, 1, "is nested too deeply", "a configuration is four levels deep at most") from error
    except ValueError as error:
        message = str(error)
        where = _AT_LINE.search(message)
        line = int(where.group(1)) if where else max(text.rstrip().count("\n") + 1, 1)
        problem = f"is not TOML: {_AT_LINE.sub('', message)}" + (f" at column {where.group(2)}" if where else "")
        raise _one(path, line, problem, "correct the syntax; the rest is checked after that") from error


def _one(path: Path, line: int, problem: str, remedy: str) -> ConfigErrors:
    return ConfigErrors([ConfigProblem(str(path), line, "", problem, remedy)])
