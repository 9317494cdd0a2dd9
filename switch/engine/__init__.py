"""Synchronous and deterministic: owns the calls, the SIP agent, the cap book and the pinned plans. One event in, effects out."""
