"""`python -m switch.web`: the console's process."""

from switch.companion import run_companion
from switch.web.server import serve

if __name__ == "__main__":
    run_companion("switch.web", "Serves the console", serve)
