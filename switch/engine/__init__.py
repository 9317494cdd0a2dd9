"""Synchronous and deterministic: owns the calls, the SIP agent, the usage and the pinned plans. One event in, effects out."""
