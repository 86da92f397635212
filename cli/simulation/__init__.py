"""The engine and simulated venues in virtual time under seeded faults, and what must hold whatever happens.

scenario            what a seed means: accounts, venues, strategies, and which faults it will meet
trader              strategies that do anything at random
world               a scenario's actors on virtual hosts; journals that lose what was not synced
weather             delay, loss, partitions
venue               a simulated Binance that misbehaves
chaos               what goes wrong, when
fence               venue actors that are ended because they do not answer
faults, *_faults    of links, hosts, venues, people
kills, people       who presses the red button, and who may release it
listening           what strategies ask for and are told
observer            sees bytes and messages leave; the independent view
*_promise           Lease, Limit, Halt and Account (with Isolation), measured from outside
conservation        positions are the sum of fills, reservations what may still fill
orphans             orders of strategies that have gone
intruder            somebody who speaks for others
settings            a scenario as a configuration file
truth               what really happened to each order
rest                what is still under way at the end, and what holds when nothing is
trace               the last events before a failure
run                 one seed, from start to quiescence
bugs                deliberate bugs, by the promise that has to catch them
"""
