"""The controls that regulation and the trade ask for, each with a check that tries it.

control              one control: a check, what came of it
catalogue            all of them, and docs/controls.md
kill_checks          what the kill switch reaches, in which order, what it tells
limit_checks         every limit on one order before it leaves
aggregate_checks     what counts over many orders: rates, exposure, throttle, over venues
authority_checks     whose an order is, who may change or release something, what may start
watch_checks         what is seen while trading goes on, and what happens when nobody looks
record_checks        what is kept, and what is left when something is lost
disconnect_checks    what becomes of orders whose sender is gone
desk                 an engine and its exchanges in virtual time, for the checks
book, hand           the configuration and the strategy that they use
"""
