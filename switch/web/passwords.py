"""Checks passwords against their argon2id hashes, in threads: a check takes a tenth of a second and 64 MiB by design."""

from functools import cache

from anyio import CapacityLimiter, to_thread
from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from switch.deployment import User

AT_ONCE = 2
"""Checks at a time; others wait for their turn."""
MAX_CHARS = 256


class Passwords:
    def __init__(self) -> None:
        self._limiter = CapacityLimiter(AT_ONCE)

    async def are(self, user: User | None, given: str) -> bool:
        """Whether the password is the user's. None: there is no such user; that takes as long to say."""
        return await to_thread.run_sync(_verify, user, given, limiter=self._limiter)


def _verify(user: User | None, given: str) -> bool:
    if len(given) > MAX_CHARS:
        return False
    try:
        PasswordHasher().verify(_nobodys() if user is None else user.password.reveal(), given)
    except (VerificationError, InvalidHashError):
        return False
    return user is not None


@cache
def _nobodys() -> str:
    return PasswordHasher().hash("nobody has this one")
