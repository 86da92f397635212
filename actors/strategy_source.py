"""Finding a user's strategy: ``package.module:Class`` from an installed module, ``folder/file.py:Class`` from a file.

A file is loaded by itself, under a name of its own: the user's folder never goes on ``sys.path``, so nothing in it can
shadow a module of the engine.
"""

import difflib
import hashlib
import importlib
import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import msgspec

from actors.user_code import place_of
from engine.errors import UsageError
from engine.strategy import Strategy

__all__ = ["build_strategy", "load_strategy_class"]


def load_strategy_class(source: str) -> type[Strategy]:
    """The class that ``source`` names. Raises UsageError naming the source, what is wrong with it and the remedy."""
    place, _, class_name = source.rpartition(":")
    if not place or not class_name.isidentifier():
        raise UsageError(f"strategy source {source!r}: write package.module:Class or path/to/file.py:Class")
    module = _load_file(Path(place)) if place.endswith(".py") else _load_module(place)
    found = getattr(module, class_name, None)
    if found is None:
        known = sorted(
            name
            for name, value in vars(module).items()
            if isinstance(value, type) and issubclass(value, Strategy) and value is not Strategy
        )
        raise UsageError(
            f"strategy source {source!r}: no class {class_name}; it has {', '.join(known) or 'no strategy'}"
        )
    if not (isinstance(found, type) and issubclass(found, Strategy)):
        raise UsageError(f"strategy source {source!r}: {class_name} does not subclass engine.strategy.Strategy")
    return found


def build_strategy(source: str, parameters: dict[str, object]) -> Strategy:
    """An instance made with its config parameters. Raises UsageError when they do not fit its ``__init__``."""
    cls = load_strategy_class(source)
    _check_callbacks(cls, source)
    try:
        return cls(**parameters)
    except (TypeError, ValueError, msgspec.ValidationError) as error:
        raise UsageError(
            f"strategy {source}: parameters {sorted(parameters)} do not fit: {error} ({place_of(error)})"
        ) from error


def _load_file(path: Path) -> ModuleType:
    if not path.is_file():
        raise UsageError(f"strategy file {path} does not exist")
    name = "haltline_strategy_" + hashlib.sha256(str(path.resolve()).encode()).hexdigest()[:16]
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise UsageError(f"strategy file {path} cannot be loaded as Python")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # dataclasses and msgspec look a class's module up by name
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        del sys.modules[name]
        raise UsageError(_import_failure(f"strategy file {path}", error)) from error
    return module


def _load_module(name: str) -> ModuleType:
    try:
        return importlib.import_module(name)
    except Exception as error:
        raise UsageError(_import_failure(f"strategy module {name}", error)) from error


def _import_failure(what: str, error: Exception) -> str:
    text = f"{what} fails on import: {type(error).__name__}: {error} ({place_of(error)})"
    if isinstance(error, ModuleNotFoundError):
        text += "; a strategy file is loaded by itself: put what it needs into an installed package"
    return text


def _check_callbacks(cls: type[Strategy], source: str) -> None:
    """A misspelt callback would never be called, and nobody would say so."""
    known = [name for name in vars(Strategy) if name.startswith("on_")]
    for name in dir(cls):
        if name.startswith("on_") and name not in known:
            close = difflib.get_close_matches(name, known, 1)
            meant = f"did you mean {close[0]}?" if close else f"callbacks are {', '.join(known)}"
            raise UsageError(f"strategy {source}: nothing calls {name}; {meant}")
