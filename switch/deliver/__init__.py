"""The deliver process: tells webhooks of what the ledger has, by HTTP. Calls do not wait for it, and do not notice when it dies."""
