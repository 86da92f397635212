"""The desk that every test here trades on."""

import sys
from pathlib import Path

import pytest

FOLDER = str(Path(__file__).parent)
if FOLDER not in sys.path:  # tests are imported one by one, without packages
    sys.path.insert(0, FOLDER)

from trading_desk import MakeDesk, desk_maker  # noqa: E402


@pytest.fixture
def make_desk(tmp_path: Path) -> MakeDesk:
    """``make_desk(*strategies)``: a new desk in a directory of its own, live after one virtual second."""
    return desk_maker(tmp_path)
