"""`python -m switch.monitor`: the monitor's process."""

from switch.companion import run_companion
from switch.monitor.monitor import serve

if __name__ == "__main__":
    run_companion(
        "switch.monitor", "Serves the metrics and the health of a switch, and tells people when something is wrong", serve
    )
