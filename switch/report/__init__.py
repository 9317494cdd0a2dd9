"""Reports over the ledger: every figure of `billing.md` §4, by any dimension, as table, CSV, JSON, Parquet and picture."""
