"""PURE. Signals as numpy arrays: G.711, tones, levels, WAV files already read into memory. Uses no packets, files or clocks."""
