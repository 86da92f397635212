"""A venue's process that tests of the benches' rig command."""

import pytest

from bench.rig.venue_client import venue_process


@pytest.fixture(scope="module")
def venue(tmp_path_factory):
    with venue_process(tmp_path_factory.mktemp("venue"), ("one",), ("ONEUSDT", "TWOUSDT")) as process:
        yield process
