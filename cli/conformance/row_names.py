"""Names of rows that some venue has to be excused from."""

__all__ = ["DEAD_MAN"]

DEAD_MAN = "the dead-man timer cancels everything unless it is armed again"
