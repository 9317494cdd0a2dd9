"""`python -m companion_of_tests`: a companion that ends as its data directory's name says."""

import asyncio
import signal
from collections.abc import Callable

from switch.companion import CompanionPlace, run_companion


async def serve(place: CompanionPlace, is_up: Callable[[], None]) -> None:
    is_up()
    match place.data.name:
        case "fails":
            raise RuntimeError("it fails")
        case "complains":
            place.complain("working", str(place.config))
        case "hangs":
            signal.sigwait({signal.SIGUSR1})  # stops the loop
    await asyncio.Event().wait()


if __name__ == "__main__":
    run_companion("companion_of_tests", "For tests", serve)
