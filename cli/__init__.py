"""The ``haltline`` command: one file per command group.

main                 finds the command; one line per expected error
demo, replay         a trial and its table; trial runs it, trial_config configures it,
                     venue_ledger reads the venue's own books
kill_trial           many kills in one run: kill_load loads it, kill_venue is its venue, order_log that venue's record,
                     kill_table shows it
run                  the engine until it is stopped; engine_process starts it under its runtime
exporter             the metrics of a host for Prometheus; metrics makes them from pages, metrics_table names them
simulator            a venue of one's own; simulator_process is it as a child
kill, status         the red button, and what every actor says; kill_drill rehearses it, kill_release ends it,
                     kill_cancel cancels when no engine is alive; cancel_run is what that runs
config_command       every error of a configuration
controls_command     what regulation and the trade ask, tried on the engine; controls/ has the checks
simulate            seeded faults, every promise checked; simulation/ is its world
bench                the benchmarks
virtual_trial        engine and venue in virtual time
screen               tables and numbers
"""
