"""The command line, `payphone`: one module for each group of commands, each a few lines on top of a part that does the work."""
