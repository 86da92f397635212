"""What went wrong in a user's code, told so that its author finds the place."""

import traceback

__all__ = ["place_of", "traceback_of"]

_LINES_MAX = 40


def place_of(error: BaseException) -> str:
    """``file:line`` of the innermost frame of the error."""
    frames = traceback.extract_tb(error.__traceback__)
    if isinstance(error, SyntaxError):
        return f"{error.filename}:{error.lineno}"
    return f"{frames[-1].filename}:{frames[-1].lineno}" if frames else "no place"


def traceback_of(error: BaseException) -> str:
    """The whole traceback, bounded: its end, which is where the error is."""
    lines = "".join(traceback.format_exception(error)).splitlines()
    return "\n".join(lines[-_LINES_MAX:])
