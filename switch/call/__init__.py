"""PURE. What a call is: its events, commands, phases and the one function that moves it on (`machine.advance`)."""
