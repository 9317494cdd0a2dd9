"""The formatter: one canonical form of every config file (`payphone fmt`)."""
