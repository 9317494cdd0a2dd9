"""Run as `python -m switch.probe`: the companion that places the config's probes on their schedule."""

from switch.companion import run_companion
from switch.probe.scheduled import serve

if __name__ == "__main__":
    run_companion("payphone-probes", "Places probes on their schedule", serve)
