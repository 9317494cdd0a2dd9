"""The console and the API: one process that serves HTTP, a client of the control socket and the ledger."""
