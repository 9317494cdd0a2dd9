"""The viewer's time zone: a script of the page tells it by a cookie, since no browser says it by itself."""

from urllib.parse import unquote

from fastapi import Request

from routing.zone import DEFAULT_ZONE, time_zone

ZONE_COOKIE = "zone"


def zone_of_request(request: Request) -> str:
    """Returns an IANA zone that this machine knows; UTC where none is told."""
    told = unquote(request.cookies.get(ZONE_COOKIE, ""))
    try:
        return time_zone(told).key if told else DEFAULT_ZONE
    except (KeyError, ValueError):
        return DEFAULT_ZONE
