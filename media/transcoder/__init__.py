"""Transcodes the audio of legs whose codecs differ: a process beside the media workers, whose loop never waits for it (ADR 0033)."""
