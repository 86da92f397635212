"""What everything else is built on; imports nothing of ours, and touches no clock, socket, file or randomness.

messages, codes   what actors say to each other, and the enumerations in it
instrument        money: ticks, lots, exact text at the border
actor             what an actor is, and what a runtime gives it
strategy          the API of users' strategies
order             one order, and the transition table of its life; order_life applies events to it
order_event       what a venue can say of an order
order_ids         which client order ids have been used
blotter           every order, fill, position and report of one venue actor, as a function of its journal
position          net positions and ledger lines
book              order book on flat arrays; book_reference its twin, book_audit holds them together
routing/          one instrument at several venues: the split, parents and children, decisions
venue             the border between a venue actor and an adapter
kernel            how Numba's kernels are compiled, and kept between two runs
frame, journal    formats of links and journals
errors            whose fault, and what to do
"""
