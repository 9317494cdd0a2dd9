"""Metrics, health and alerts: one process, a client of the control socket and the ledger."""
