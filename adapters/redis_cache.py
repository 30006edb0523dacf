"""Values in Redis that only we could have put there, under exactly the key they are found under.

Redis is a convenience: every failure, delay, forgery or swap looks like a miss, and a Redis that does not
answer is left alone for a moment.
"""

import asyncio
import hashlib
import hmac
import time
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Generic, Self, TypeVar

import msgspec
import redis.asyncio as aioredis
import structlog
from redis.exceptions import RedisError

T = TypeVar("T")

PREFIX = "tiphys"
_MAC_BYTES = 32
_TIMEOUT = timedelta(milliseconds=500)
_REST = timedelta(seconds=5)
_CONNECTIONS = 16
_VALUE_LIMIT = 32 * 1024 * 1024  # compressed

# (command, failed, seconds) of each request
Observer = Callable[[str, bool, float], None]


class RedisCache:
    """One connection pool and the secret that vouches for what is stored."""

    def __init__(self, client: "aioredis.Redis", secret: bytes, *, observe: Observer) -> None:
        self._client = client
        self._secret = secret
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
            yield cls(client, hashlib.sha256(b"tiphys/cache\0" + secret).digest(), observe=observe)
        finally:
            await client.aclose()

    async def get(self, key: str) -> bytes | None:
        stored = await self._tried("get", lambda: self._client.get(key))
        if not isinstance(stored, bytes) or len(stored) > _VALUE_LIMIT + _MAC_BYTES:
            return None
        mac, packed = stored[:_MAC_BYTES], stored[_MAC_BYTES:]
        return packed if hmac.compare_digest(mac, self._mac(key, packed)) else None

    async def put(self, key: str, packed: bytes, *, lifetime: timedelta) -> None:
        if len(packed) <= _VALUE_LIMIT:
            value = self._mac(key, packed) + packed
            await self._tried("set", lambda: self._client.set(key, value, ex=lifetime))

    def _mac(self, key: str, packed: bytes) -> bytes:
        # The key is part of what is vouched for, so a value is worth nothing under another key.
        return hmac.digest(self._secret, len(key).to_bytes(8, "big") + key.encode() + packed, "sha256")

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
