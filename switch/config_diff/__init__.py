"""Differences between two configs, in words (`payphone diff`)."""
