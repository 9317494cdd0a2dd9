"""The ears process: it listens to tapped legs, and tells what it hears. `python -m media.ears`; its contract is `media.listening`."""
