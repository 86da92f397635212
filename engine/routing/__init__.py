"""One instrument at several venues: pure functions and state, no link, no clock.

split      how much of a quantity each venue is to fill, exactly the cheapest after fees
"""
