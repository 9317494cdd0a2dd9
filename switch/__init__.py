"""Payphone's signalling side: SIP, the brain, the engine, and the shell around it."""
