"""PURE. What a call is: its events, commands, phases and its one transition function (`machine.advance`)."""
