"""One instrument at several venues: pure functions and state, no link, no clock.

split      how much of a quantity each venue is to fill, exactly the cheapest after fees
grid       ticks and lots in which those of all venues are whole numbers
market     what is known of one venue: book, fees, whether orders may go there
records    what a router's journal holds
parents    parent orders and their children, as a function of those records
plan       where the next part of a parent goes
desk       decides for all parents of a router: place, cancel, give up
"""
