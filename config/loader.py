"""Reads a configuration file: everything that is wrong in one go, or a configuration that is right as a whole."""

import re
from pathlib import Path

import msgspec

from config.accounts import check_keys
from config.document import read_document
from config.errors import ConfigErrors, ConfigProblem, KeyPath, key_text
from config.files import check_files as check_named_files
from config.relations import check_relations
from config.settings import CREDENTIAL_TABLES, EngineConfig
from config.shape import checked

__all__ = ["load_config", "state_dir_of"]

_STATE_DIR = re.compile(r"""^\s*state_dir\s*=\s*("|')(.+?)\1""", re.MULTILINE)


def load_config(path: Path | str, *, check_files: bool = True) -> EngineConfig:
    """Load and check a configuration. Paths in it are relative to its own directory and come back absolute.

    ``check_files`` also looks at every file it names. ``haltline kill`` does without: its user need not see the keys,
    and a missing one must not stop it.

    Raises ConfigErrors with every error of the file, UsageError when the file itself cannot be read.
    """
    path = Path(path)
    document, lines = read_document(path, "configuration")
    problems: list[ConfigProblem] = []

    def report(where: KeyPath, problem: str, remedy: str) -> None:
        problems.append(ConfigProblem(str(path), lines.of(where), key_text(where), problem, remedy))

    good = checked(document, EngineConfig, report)
    check_relations(good, report)
    base = path.absolute().parent
    if check_files:
        check_named_files(good, base, report)
        check_keys(good, base, report)
    if problems:
        raise ConfigErrors(problems)
    return _with_absolute_paths(msgspec.convert(good, EngineConfig), base)


def state_dir_of(path: Path) -> Path | None:
    """The state directory that a file names, however broken the rest of it is; None when even that cannot be told.

    For ``haltline kill``: whoever presses the red button has no time to correct a configuration.
    """
    try:
        text = path.read_bytes().decode("utf-8", "replace")
    except OSError:
        return None
    found = _STATE_DIR.search(text)
    return path.absolute().parent / found.group(2) if found else None


def _with_absolute_paths(config: EngineConfig, base: Path) -> EngineConfig:
    replace = msgspec.structs.replace

    def absolute(text: str) -> str:
        return str(base / text) if text else ""

    venues = []
    for venue in config.venues:
        keys = {table: getattr(venue, table) for table in CREDENTIAL_TABLES}
        credentials = {
            table: replace(key, api_key_file=absolute(key.api_key_file), secret_file=absolute(key.secret_file))
            for table, key in keys.items()
            if key is not None
        }
        venues.append(replace(venue, ca_file=absolute(venue.ca_file), **credentials))
    strategies = []
    for strategy in config.strategies:
        where, _, name = strategy.source.rpartition(":")
        source = f"{absolute(where)}:{name}" if where.endswith(".py") else strategy.source
        strategies.append(replace(strategy, source=source))
    engine = replace(config.engine, state_dir=absolute(config.engine.state_dir))
    return replace(config, engine=engine, venues=tuple(venues), strategies=tuple(strategies))
