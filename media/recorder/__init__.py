"""The recorder process: it takes frames of tapped legs, and writes files. `python -m media.recorder`; its contract is `media.recording`."""
