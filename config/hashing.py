"""Fingerprints by which actors find out that they run on different configurations, or are different programs."""

import hashlib
from typing import Any

import msgspec

from config.program import program_hash
from config.settings import CREDENTIAL_TABLES, EngineConfig

__all__ = ["config_hash", "run_hash"]

_PROGRAM_DIGITS = 16


def config_hash(config: EngineConfig) -> str:
    """sha256 (hex) of what the actors of one run must agree on.

    Left out is what only says where a host keeps its files (state directory, authorities, credentials, and the folder
    of a strategy's file) and where its metrics are served. Secrets are in none of it, as a configuration only refers to
    them.
    """
    plain: dict[str, Any] = msgspec.to_builtins(config)
    del plain["engine"]["state_dir"], plain["metrics"]
    for venue in plain["venues"]:
        del venue["ca_file"]
        for table in CREDENTIAL_TABLES:
            if venue[table] is not None:
                del venue[table]["api_key_file"], venue[table]["secret_file"]
    for strategy in plain["strategies"]:
        strategy["source"] = strategy["source"].rpartition("/")[2]
    return hashlib.sha256(msgspec.json.encode(plain, order="sorted")).hexdigest()


def run_hash(config: EngineConfig) -> str:
    """What actors tell each other of what they run on: the configuration's hash and, behind a ``-``, the program's."""
    return f"{config_hash(config)}-{program_hash()[:_PROGRAM_DIGITS]}"
