"""One stage per venue."""
