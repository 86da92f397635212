"""The ``haltline`` command: one file per command group."""
