"""Prompts: sound files and texts -> audio that is ready to send, kept in a cache. Uses files and processes; knows no calls."""
