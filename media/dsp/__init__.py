"""PURE. Signals as numpy arrays: G.711, tones, levels, keys in band, what is heard, WAV files in memory. No packets, files or clocks."""
