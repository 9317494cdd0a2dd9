"""The SIP messages of a call that is over, kept without its secrets: as a ladder, as text, as packets."""
