"""A venue that dies and comes back, in virtual time: it is the one that it was, to the byte."""

from pathlib import Path

import pytest

from actors.wiring import open_state
from adapters.simulator.remembered import RememberedVenue
from adapters.simulator.venue import SimulatedVenue
from cli.venue_trials.books import truth_of
from cli.venue_trials.venues import ACCOUNT, TRIAL_VENUES, TrialVenue, write_config
from cli.virtual_trial import VirtualTrial
from config.loader import load_config

VENUES = sorted(TRIAL_VENUES)


def trial_at(venue: TrialVenue, directory: Path, seed: int) -> VirtualTrial:
    config = load_config(write_config(venue, directory, seed))
    open_state(config)
    return VirtualTrial(config, lambda: RememberedVenue(venue.simulated(seed), venue.name), seed=seed)


def venue_in(trial: VirtualTrial) -> RememberedVenue:
    actor = trial.actor("simulator")
    assert isinstance(actor, RememberedVenue)
    return actor


@pytest.mark.parametrize("name", VENUES)
def test_a_venue_that_comes_back_knows_everything(name: str, tmp_path: Path) -> None:
    venue = TRIAL_VENUES[name]
    trial = trial_at(venue, tmp_path, seed=1)
    trial.start()
    trial.run_for(8.0)
    before = venue_in(trial)
    assert isinstance(before.venue, SimulatedVenue)
    known = truth_of(before.venue, ACCOUNT, venue.instrument.symbol)
    trial.restart("simulator")
    after = venue_in(trial)
    assert isinstance(after.venue, SimulatedVenue)
    assert after is not before
    assert after.replayed > 100
    assert known.names
    assert known.fills
    assert truth_of(after.venue, ACCOUNT, venue.instrument.symbol) == known
