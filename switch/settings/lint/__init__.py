"""Warnings: what a config may say but can hardly mean. Checked only in a config without errors, in its compiled form."""
