"""Draws pages: the templates, and the filters by which they show times, amounts and durations.

All that comes from a config or the wire is escaped, and characters that can't be seen are shown as escapes (`switch.output.clean`).
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any

from fastapi import Request
from fastapi.responses import HTMLResponse
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from switch.billing.money import show_cents, show_micros
from switch.console import value_text, words
from switch.deployment import Role, User
from switch.output import clean
from switch.web.sight import Sight, sight_of

STATIC = Path(__file__).parent / "static"
NOTHING = "-"

PAGES = (
    ("/", "Live", frozenset(Role)),
    ("/calls", "Calls", frozenset(Role)),
    ("/figures", "Figures", frozenset(Role)),
    ("/money", "Money", frozenset(Role)),
    ("/config", "Config", frozenset({Role.OPS, Role.VIEWER})),
    ("/actions", "Actions", frozenset({Role.OPS, Role.VIEWER})),
)
"""Address, title, and who has it in the menu."""


def page(request: Request, template: str, *, status: int = 200, **values: Any) -> HTMLResponse:
    """Returns the page, drawn for whoever is logged in."""
    user: User | None = getattr(request.state, "user", None)
    session = getattr(request.state, "session", None)
    text = (
        _environment()
        .get_template(template)
        .render(
            user=user,
            sight=None if user is None else sight_of(user),
            csrf="" if session is None else session.csrf,
            path=request.url.path,
            pages=[each for each in PAGES if user is not None and user.role in each[2]],
            **values,
        )
    )
    return HTMLResponse(text, status_code=status)


def user_of(request: Request) -> User:
    """Returns who is logged in: the guard lets nobody else come so far."""
    found = request.state.user
    if not isinstance(found, User):
        raise TypeError("a page without a user")
    return found


def sight(request: Request) -> Sight:
    return sight_of(user_of(request))


def moment(us: int | None, style: str = "full") -> Markup:
    """A time that a script of the page writes in the viewer's zone; `style`: full, time, day. Without the script it is UTC."""
    if us is None:
        return escape(NOTHING)
    at = datetime.fromtimestamp(us / 1_000_000, UTC)
    shown = f"{at:%H:%M:%S}" if style == "time" else f"{at:%Y-%m-%d}" if style == "day" else f"{at:%Y-%m-%d %H:%M:%S}"
    return Markup('<time datetime="{}" data-style="{}">{} UTC</time>').format(at.isoformat(timespec="milliseconds"), style, shown)


def span(ms: int | None) -> str:
    """`1:05`, `2:00:07`."""
    if ms is None:
        return NOTHING
    minutes, seconds = divmod(max(0, ms) // 1_000, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{seconds:02d}" if hours else f"{minutes}:{seconds:02d}"


def amount(micros: int | None) -> str:
    return NOTHING if micros is None else show_cents(micros)


def static_file(name: str) -> str:
    """Returns the address of a file of ours. It changes with the file, so that browsers may keep it."""
    return f"/static/{name}?{_digest(name)}"


@cache
def _digest(name: str) -> str:
    return sha256((STATIC / name).read_bytes()).hexdigest()[:12]


def _shown(value: object) -> object:
    """What a template writes of a value."""
    if value is None or value == "":
        return NOTHING if value is None else ""
    return value if isinstance(value, Markup) or not isinstance(value, str) else clean(value)


def _fact(value: object) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {_fact(each)}" for name, each in value.items())
    return value_text(value)


def _event(name: str) -> str:
    """`Leg ended` of `LegEnded`."""
    return "".join(f" {char.lower()}" if char.isupper() else char for char in name).strip().capitalize()


@cache
def _environment() -> Environment:
    found = Environment(
        loader=PackageLoader("switch.web"),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_shown,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    filters: Mapping[str, Any] = {
        "moment": moment,
        "span": span,
        "amount": amount,
        "micros": show_micros,
        "words": words,
        "value": _fact,
        "event": _event,
    }
    found.filters.update(filters)
    found.globals.update(static=static_file, NOTHING=NOTHING)
    return found
