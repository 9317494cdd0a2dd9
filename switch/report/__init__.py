"""Reports over the ledger: every metric of `docs/billing.md` §16, by any dimension, as table, CSV, JSON, Parquet and picture.

Start at `query.py` (what can be asked), then `data.py` (rows read from the ledger) and `aggregate.py` (rows of the report).
"""
