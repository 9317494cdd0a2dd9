"""The monitor: a process beside the switch that serves its metrics and health, and tells people when something is wrong.

Read: view.py         what is known at one moment
      conditions.py   PURE: what is wrong, by what is known
      alerts.py       PURE: when people are told of it, and when it is over
      tallies.py      what has been counted since the ledger began
      metrics.py      all that as Prometheus reads it
      health.py       whether the switch lives, and whether it takes calls
      monitor.py      the process: looks, counts, tells
"""
