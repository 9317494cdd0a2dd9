"""The relay process: the only RTP sockets, and a loop of its own. `python -m media.worker`; its contract is `media.control`."""
