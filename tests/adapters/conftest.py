"""Lets the venues' tests import ``session_host``, which they share."""

import sys
from pathlib import Path

FOLDER = str(Path(__file__).parent)
if FOLDER not in sys.path:  # tests are imported one by one, without packages
    sys.path.insert(0, FOLDER)
