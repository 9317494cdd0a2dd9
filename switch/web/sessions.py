"""Keeps who is logged in, in a file of the data directory: a restart logs nobody out. Only hashes of the cookies' tokens are kept.

A session ends when it is not used for as long as the config says, after `LONGEST_US`, by logging out, and when its user is not in the
config any more, or with another role or password.
"""

import os
import secrets
from collections.abc import Callable
from contextlib import suppress
from hashlib import sha256
from pathlib import Path

import msgspec

from switch.deployment import Console, User

FILE_NAME = "console-sessions.json"
LONGEST_US = 7 * 86_400_000_000
MAX_SESSIONS = 1_000
"""Beyond them the one that was used longest ago ends."""
KEPT_EVERY_US = 60_000_000
"""When a session was used last is written so often, at most."""
TOKEN_BYTES = 32


class Session(msgspec.Struct, kw_only=True):
    """`user`: its name. `csrf`: what its forms must send. `stamp`: of the user's entry in the config. Times are UTC microseconds."""

    user: str
    csrf: str
    stamp: str
    made_us: int
    used_us: int


_FILE = msgspec.json.Decoder(dict[str, Session])


class Sessions:
    """`directory`: where the file is. `now_us()`: the present."""

    def __init__(self, directory: Path, *, now_us: Callable[[], int]) -> None:
        self._path = directory / FILE_NAME
        self._now_us = now_us
        self._kept_us = 0
        self._sessions: dict[str, Session] = {}
        with suppress(OSError, msgspec.MsgspecError):
            self._sessions = _FILE.decode(self._path.read_bytes())

    def open(self, user: User) -> str:
        """Returns the token of a new session, for the cookie."""
        token, now_us = secrets.token_urlsafe(TOKEN_BYTES), self._now_us()
        csrf = secrets.token_urlsafe(TOKEN_BYTES)
        self._sessions[_key(token)] = Session(user=user.name, csrf=csrf, stamp=_stamp(user), made_us=now_us, used_us=now_us)
        while len(self._sessions) > MAX_SESSIONS:
            del self._sessions[min(self._sessions, key=lambda key: self._sessions[key].used_us)]
        self._keep()
        return token

    def find(self, token: str, console: Console) -> tuple[Session, User] | None:
        """Returns the session of that token and its user, or None. It counts as used."""
        session = self._sessions.get(_key(token))
        if session is None:
            return None
        user = self._user(session, console)
        if user is None:
            self.close(token)
            return None
        session.used_us = self._now_us()
        if session.used_us - self._kept_us >= KEPT_EVERY_US:
            self._keep()
        return session, user

    def is_open(self, token: str, console: Console) -> bool:
        """Whether that token's session goes on. It does not count as used: an open page asks by itself."""
        session = self._sessions.get(_key(token))
        return session is not None and self._user(session, console) is not None

    def _user(self, session: Session, console: Console) -> User | None:
        """Returns the session's user, or None where it is over."""
        user, now_us = console.users.get(session.user), self._now_us()
        is_idle = now_us - session.used_us >= console.session_ms * 1_000
        if user is None or session.stamp != _stamp(user) or is_idle or now_us - session.made_us >= LONGEST_US:
            return None
        return user

    def close(self, token: str) -> None:
        if self._sessions.pop(_key(token), None) is not None:
            self._keep()

    def _keep(self) -> None:
        """A file that can't be written costs a log-in after the next restart, and nothing now."""
        self._kept_us = self._now_us()
        fresh = self._path.with_suffix(".new")
        with suppress(OSError):
            handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            with os.fdopen(handle, "wb") as file:
                file.write(msgspec.json.encode(self._sessions))
            fresh.rename(self._path)


def _key(token: str) -> str:
    return sha256(token.encode(errors="surrogatepass")).hexdigest()


def _stamp(user: User) -> str:
    return sha256(f"{user.role} {user.party} {user.password.reveal()}".encode()).hexdigest()
