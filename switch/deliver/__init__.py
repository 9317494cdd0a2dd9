"""Webhooks and pixels: one process that tails the ledger and tells others what happened to their calls."""
