"""Hashing and checking passwords, off the event loop and always at the same cost."""

import asyncio
import secrets
from concurrent.futures import ThreadPoolExecutor

import bcrypt

from gitops.model.errors import InvalidRequest
from gitops.model.patterns import regex

MOST_BYTES = 72  # bcrypt reads no further
_COST = 10
# A hash nobody has the password of: unknown users cost as much as known ones.
_NOBODY = bcrypt.hashpw(secrets.token_bytes(24), bcrypt.gensalt(_COST))


class Passwords:
    """Two threads of its own, so that a storm of logins leaves the rest of the server alone."""

    def __init__(self, threads: int = 2) -> None:
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="bcrypt")

    async def matches(self, password: str, hashed: str) -> bool:
        """Whether it is that password; an empty hash costs the same and never matches."""
        return await asyncio.get_running_loop().run_in_executor(self._pool, _matches, password, hashed)

    async def hashed(self, password: str) -> bytes:
        return await asyncio.get_running_loop().run_in_executor(self._pool, hash_password, password)

    def close(self) -> None:
        self._pool.shutdown(wait=False, cancel_futures=True)


def hash_password(password: str) -> bytes:
    return bcrypt.hashpw(password.encode(), bcrypt.gensalt(_COST))


def check_acceptable(password: str, pattern: str) -> None:
    """Raises when a new password does not follow the installation's rule."""
    if not regex(pattern).occurs_in(password):
        raise InvalidRequest(f"the new password does not match the expression: {pattern}")
    if len(password.encode()) > MOST_BYTES:
        raise InvalidRequest(f"the new password is longer than {MOST_BYTES} bytes")


def _matches(password: str, hashed: str) -> bool:
    given = password.encode()
    too_long = len(given) > MOST_BYTES
    try:
        same = bcrypt.checkpw(given[:MOST_BYTES], hashed.encode() or _NOBODY)
    except ValueError:  # what is stored is no bcrypt hash
        bcrypt.checkpw(given[:MOST_BYTES], _NOBODY)
        return False
    return same and bool(hashed) and not too_long
