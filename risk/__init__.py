"""Pre-trade risk: what may leave, who may send, and how everything stops. Imports ``engine`` only.

gate             Gate: the one place that approves an order, and the ledger of what orders may still do
gate_tables      its rows by name: instruments, assets, strategies, and the cells of their limits
gate_state       the layout of its state, one flat int64 array
gate_kernel      its checks, Numba on that array; gate_books what is booked there
gate_reference   ReferenceGate: their readable twin, for tests; gate_reference_book its parts
limits           AccountLimits, InstrumentLimits, StrategyLimits; Ceilings of a lease, Usage
exposure         ExposureTable: gross, net, worst case, profit, per strategy and up; exposure_reference its twin
refusal          refusals in words, with units and remedy
latch            LatchPage: the host's mapped page that says who may trade, and who kills and releases through it
latch_reader     LatchReader: what stands in it, for everybody who only looks
latch_view       LatchView: the page as one venue actor sees it
latch_rows       LatchRows: its states and rows as numbers, and how writers keep apart
latch_cause      why something is killed, for people
latch_file       the file that it is mapped from
latch_layout     where everything stands in that page
latch_names      the page's header and name tables
latch_kernel     what it says about one order, Numba
scope            Scope, parse_scope: what a kill covers
lease            LeaseHolder, LeaseGrantor: the right to send, counted on the holder's own clock
escrow           EscrowGrantor: shared limits split into ceilings whose sum holds; escrow_holder its other side,
                 budgets: which limits, in the gate's units
kill             KillCase: one kill, from the trigger to the last confirmation
kill_register    KillRegister: every kill that holds, and the last that no longer do
release          ReleaseCase: two people, a window, a cooling-off time
triggers         Trigger, make_trigger: what presses the kill switch without a person
trigger_streak   Streak, EventWindow: when a value, or a count, is a breach
trigger_gauges   what each kind of trigger measures
trigger_reading  TriggerSpec, Reading, and what triggers are shown
day_pnl          DayBook: profit and loss of the UTC day
latency          LatencyPage: latency histograms in a mapped page
response         the latency stages of a kill, by what pressed it
counters         CounterPage: counters and gauges in a mapped page
page             what the two have in common
"""
