"""The engine and simulated venues in virtual time under seeded faults, and what must hold whatever happens.

scenario            what a seed means: accounts, venues, strategies, and which faults it will meet
trader              strategies that do anything at random
world               a scenario's actors on virtual hosts; journals that lose what was not synced
weather             delay, loss, partitions
venue               a simulated Binance that misbehaves
chaos               what goes wrong, when
kills               people who press the red button
observer            sees bytes and messages leave; the independent view
promises            Lease, Limit, Halt, Account, Isolation and conservation, by name
truth               what really happened to each order
trace               the last events before a failure
run                 one seed, from start to quiescence
bugs                deliberate bugs, each to be caught
"""
