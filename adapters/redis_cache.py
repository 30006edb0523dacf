"""Values in Redis that only we can read, and only we could have put under exactly the name they are found under.

What is cached may hold Secrets, so it is encrypted with a key that Redis never has. Redis is a convenience:
every failure, delay, forgery or swap looks like a miss, as does a value from before the key was changed, and
a Redis that does not answer is left alone for a moment.
"""

import asyncio
import hashlib
import hmac
import os
import time
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Generic, Self, TypeVar

import msgspec
import redis.asyncio as aioredis
import structlog
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from redis.exceptions import RedisError

T = TypeVar("T")

PREFIX = "tiphys"
_SALT_BYTES = 16
_OVERHEAD = _SALT_BYTES + 12 + 16  # and the nonce, and the tag
SECRET_BYTES = 16  # a shorter secret could be guessed
_TIMEOUT = timedelta(milliseconds=500)
_REST = timedelta(seconds=5)
_CONNECTIONS = 16
_VALUE_LIMIT = 32 * 1024 * 1024  # compressed

# (command, failed, seconds) of each request
Observer = Callable[[str, bool, float], None]


class RedisCache:
    """One connection pool, and the secret that hides what is stored and vouches for it."""

    def __init__(self, client: "aioredis.Redis", secret: bytes, *, observe: Observer) -> None:
        if len(secret) < SECRET_BYTES:
            raise ValueError(f"the cache's secret is shorter than {SECRET_BYTES} bytes; make a new one")
        self._client = client
        self._encryption = _derived(secret, b"tiphys/cache/encryption")
        self._naming = _derived(secret, b"tiphys/cache/naming")
        self._observe = observe
        self._turns = asyncio.Semaphore(_CONNECTIONS)  # a pool that is used up is not a Redis that fails
        self._resting_until = 0.0
        self._log = structlog.get_logger("redis")

    @classmethod
    @asynccontextmanager
    async def connect(cls, url: str, secret: bytes, *, observe: Observer) -> AsyncIterator[Self]:
        """Connects at first use; a Redis that is not there is no error."""
        timeout = _TIMEOUT.total_seconds()
        client = aioredis.Redis.from_url(
            url, socket_timeout=timeout, socket_connect_timeout=timeout, max_connections=_CONNECTIONS
        )
        try:
            yield cls(client, secret, observe=observe)
        finally:
            await client.aclose()

    async def get(self, key: str) -> bytes | None:
        name = self._name(key)
        stored = await self._tried("get", lambda: self._client.get(name))
        if not isinstance(stored, bytes) or len(stored) > _VALUE_LIMIT + _OVERHEAD:
            return None
        return self._opened(name, stored)

    async def put(self, key: str, packed: bytes, *, lifetime: timedelta) -> None:
        if len(packed) <= _VALUE_LIMIT:
            name = self._name(key)
            value = self._sealed(name, packed)
            await self._tried("set", lambda: self._client.set(name, value, ex=lifetime))

    def _name(self, key: str) -> str:
        """Keys are hashes of what was rendered: without ours, a guess at the content could be checked."""
        return f"{PREFIX}:{hmac.new(self._naming, key.encode(), 'sha256').hexdigest()}"

    def _sealed(self, name: str, packed: bytes) -> bytes:
        # The name is part of what is vouched for, so a value is worth nothing under another one. Each value
        # has a key of its own, so no number of values makes random nonces meet.
        salt, nonce = os.urandom(_SALT_BYTES), os.urandom(12)
        return salt + nonce + AESGCM(_derived(self._encryption, salt)).encrypt(nonce, packed, name.encode())

    def _opened(self, name: str, stored: bytes) -> bytes | None:
        salt, nonce, sealed = stored[:_SALT_BYTES], stored[_SALT_BYTES : _SALT_BYTES + 12], stored[_SALT_BYTES + 12 :]
        try:
            return AESGCM(_derived(self._encryption, salt)).decrypt(nonce, sealed, name.encode())
        except (InvalidTag, ValueError):
            return None

    async def _tried(self, command: str, send: Callable[[], Awaitable[object]]) -> object:
        async with self._turns:
            begun = time.monotonic()
            if begun < self._resting_until:
                return None
            failed = True
            try:
                answer = await send()
                failed = False
                return answer
            except (RedisError, OSError, TimeoutError) as error:
                self._resting_until = time.monotonic() + _REST.total_seconds()
                self._log.warning("redis does not answer, going on without", error=type(error).__name__)
                return None
            finally:
                self._observe(command, failed, time.monotonic() - begun)


def _derived(secret: bytes, purpose: bytes) -> bytes:
    return hmac.digest(secret, purpose, hashlib.sha256)


class TypedCache(Generic[T]):
    """Values of one type under one prefix; `schema` changes whenever the type or its meaning does."""

    def __init__(self, cache: RedisCache, kind: str, schema: int, type_: type[T], *, lifetime: timedelta) -> None:
        self._cache = cache
        self._prefix = f"{PREFIX}:{kind}:v{schema}:"
        self._lifetime = lifetime
        self._decoder = msgspec.msgpack.Decoder(type_)

    async def get(self, key: str) -> T | None:
        packed = await self._cache.get(self._prefix + key)
        return None if packed is None else self.unpack(packed)

    async def put(self, key: str, value: T) -> None:
        await self._cache.put(self._prefix + key, self.pack(value), lifetime=self._lifetime)

    def pack(self, value: T) -> bytes:
        return zlib.compress(msgspec.msgpack.encode(value), level=1)

    def unpack(self, packed: bytes) -> T | None:
        # Only reached by values we vouched for ourselves, so a bomb cannot hide here.
        try:
            return self._decoder.decode(zlib.decompress(packed))
        except (zlib.error, msgspec.MsgspecError):
            return None
