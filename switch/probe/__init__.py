"""Probes: real calls that a phone of another make places, to our own numbers as an outside phone would, or to a line as the switch would.

`phone` is a process of its own, and the only one to import pjsua2, which is GPL. `placed` says how a call is placed, `conversation` (PURE)
what its phone does and when, `measured` what was heard, `verdict` what is good and what is not, `run` ties them together, and `scheduled`
does so on the config's schedule.
"""
