"""Pauses the recording of a call in progress for an advertiser: asks the switch over its control socket, as `payphone recordings` does."""

from collections.abc import Callable
from pathlib import Path
from typing import Literal, TypeAlias

import structlog

from switch.control.client import ControlError, NotRunning, connected
from switch.control.messages import PauseRecording, RecordingPaused

Pause: TypeAlias = Callable[[PauseRecording], Literal["done", "not_recorded", "no_switch"]]
"""Blocks."""

_log = structlog.get_logger("payphone.api")


def pause_by(data: Path) -> Pause:
    """`data`: `switch.data` of the switch."""

    def pause(order: PauseRecording) -> Literal["done", "not_recorded", "no_switch"]:
        told = {"call_id": order.call_id, "by": f"advertiser:{order.advertiser}", "paused": order.paused}
        try:
            with connected(data) as switch:
                switch.ask(order, RecordingPaused)
        except NotRunning:
            return "no_switch"
        except ControlError as error:
            _log.info("pause of a recording refused", **told, why=str(error))
            return "not_recorded"
        _log.info("pause of a recording" if order.paused else "end of a pause", **told)
        return "done"

    return pause
