"""The command `payphone api`. What is answered: `switch.api`."""

from typing import TYPE_CHECKING

from switch.cli.common import DEFAULT_CONFIG, EXIT, ConfigDir, app, deployed, fail, ledger_of
from switch.output import write_line

if TYPE_CHECKING:
    from switch.deployment import Deployment

__all__ = ["api", "app"]


@app.command(epilog=EXIT)
def api(config: ConfigDir = DEFAULT_CONFIG) -> None:
    """Take postbacks by HTTP, without a switch.

    For a machine of its own beside the ledger; `payphone run` takes them too. Needs `switch.api` in the config, and a token for each
    advertiser who posts. Reads the config once: restart it after a change.

    \b
    Examples:
      payphone api --config /etc/payphone
    """
    import asyncio

    from switch import log

    deployment, _ = deployed(config)
    if deployment.switch.api is None:
        fail(f"{config} has no `switch.api`: add `api: {{listen: 127.0.0.1:8088}}` to its `switch` section")
    ledger_of(deployment, config=config).close()
    log.configure(deployment.switch.log)
    try:
        asyncio.run(_serve(deployment))
    except OSError as error:
        host, port = deployment.switch.api.listen
        fail(f"can't listen on {host}:{port}: {error.strerror or error}; see `switch.api.listen`")


async def _serve(deployment: "Deployment") -> None:
    """Until SIGTERM or SIGINT."""
    import asyncio
    import signal

    from switch.api.server import ApiServer

    server = ApiServer(deployment)
    await server.start()
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    write_line(f"taking postbacks on http://{server.address[0]}:{server.address[1]}; /docs says how", err=True)
    await stop.wait()
    await server.close()
