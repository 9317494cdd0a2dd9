"""The console: pages in a browser for operators, publishers and advertisers. One process that serves HTTP, a client of the control socket
and the ledger: whatever becomes of it, no call notices."""
