"""Fault files, each played at each simulated venue with the real adapter, venue actor and a strategy, in virtual time.

==============  ==================================================================================================
``run``         one file at one venue: trade through the faults, kill, come to rest, compare everything
``venues``      what a trial needs to know of a venue: its keys, its configuration, its simulated self
``books``       what the simulated venue itself says was done: the truth that the engine is held against
``checks``      what must hold at the end
==============  ==================================================================================================
"""

from cli.fault_files import fault_files
from cli.venue_trials.run import FaultResult, run_fault_file

__all__ = ["FaultResult", "fault_files", "run_fault_file"]
