"""Sends requests to one API server and gets bytes back: connections, deadlines, retries.

Says `ClusterUnreachable` when no answer came, and what `errors.refusal` makes of a no.
Only a request that may safely be repeated is sent again after a broken connection; one that the
server turned away unread (429, or 503 with Retry-After) always is, a few times.
"""

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import NamedTuple

import aiohttp
from yarl import URL

from adapters.kube.authorization import authorization_for, tls_context
from adapters.kube.errors import refusal
from adapters.kube.requests import Request
from gitops.model.errors import ClusterUnreachable, GitOpsError
from gitops.model.numbers import count_of
from gitops.model.repository import Cluster

DEADLINE = timedelta(seconds=35)  # an admission webhook may take 30 s
OPENING_DEADLINE = timedelta(seconds=10)  # a stream begins to answer at once or not at all
_CONNECT_SECONDS = 5.0
_KEEP_ALIVE_SECONDS = 75.0  # the API server closes idle connections after 90 s
_ATTEMPTS = 4
_LONGEST_PAUSE = 5.0
_PAUSE_AFTER_RESET = 0.05


class Answer(NamedTuple):
    status: int
    body: bytes
    pause: float = 0.0  # how long the server asked us to wait before trying again


class Stream:
    """An answer that is read while it is still being written."""

    def __init__(self, transport: "Transport", request: Request, answer: aiohttp.ClientResponse) -> None:
        self._transport = transport
        self._request = request
        self._answer = answer

    async def read(self, patience: float | None = None) -> bytes | None:
        """What has come; empty at the end, None when nothing came within `patience` seconds."""
        try:
            async with asyncio.timeout(patience):
                data = await self._answer.content.readany()
        except TimeoutError:
            return None
        except (aiohttp.ClientError, OSError) as error:
            raise self._transport.unreachable(self._request, error) from error
        self._transport.mark_alive()
        return data

    def close(self) -> None:
        self._answer.close()


class Transport:
    """The connections to one API server. Opened by the first request, closed by `close`."""

    def __init__(self, cluster: Cluster, *, connections: int) -> None:
        self.server = (cluster.credentials.address or cluster.server).rstrip("/")
        self.alive_at = float("-inf")  # the loop's time at the last sign of life
        self.requests_sent = 0
        self._cluster = cluster
        self._authorization = authorization_for(cluster.credentials)
        self._slots = asyncio.Semaphore(connections)
        self._session: aiohttp.ClientSession | None = None
        self._closed = False

    async def close(self) -> None:
        """For good: a call that comes later is refused, instead of opening what nobody would close."""
        self._closed = True
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    def mark_alive(self) -> None:
        self.alive_at = asyncio.get_running_loop().time()

    def _answered(self, status: int) -> None:
        if status < 500 and status != 401:
            self.mark_alive()

    async def send(self, request: Request, *, deadline: timedelta = DEADLINE) -> bytes:
        """The body of a successful answer."""
        for attempt in range(1, _ATTEMPTS + 1):
            async with self._slots:
                answer = await self._attempt(request, deadline, last=attempt == _ATTEMPTS)
            if 200 <= answer.status < 300:
                return answer.body
            if answer.status == 401 and attempt == 1 and self._authorization.forget():
                continue
            if not answer.pause or attempt == _ATTEMPTS:
                raise refusal(request, answer.status, answer.body)
            await asyncio.sleep(answer.pause * random.uniform(1.0, 1.3))  # noqa: S311 (spreads load, hides nothing)
        raise AssertionError("the last attempt returns or raises")

    async def probe(self, request: Request, deadline: timedelta) -> bytes:
        """What is answered, a no included; raises when nothing is, or not by the API server we are let into.

        Waits for no slot: calls that hang must not hide that they do.
        """
        answer = await self._attempt(request, deadline, last=True)
        if answer.status == 401 and self._authorization.forget():
            answer = await self._attempt(request, deadline, last=True)
        if answer.status == 401:
            raise ClusterUnreachable(str(refusal(request, answer.status, answer.body)))
        if answer.status >= 500:  # what stands in front of it says that it is away, or it says so itself
            raise ClusterUnreachable(f"{self._named()} answers {answer.status} to {request.subject}")
        return answer.body

    async def _attempt(self, request: Request, deadline: timedelta, *, last: bool) -> Answer:
        timeout = aiohttp.ClientTimeout(total=deadline.total_seconds(), sock_connect=_CONNECT_SECONDS)
        try:
            response = await self._open(request, timeout)
            async with response:
                body = await response.read()
        except aiohttp.ClientConnectorError as error:  # nothing was sent: the caller decides when to come back
            raise self.unreachable(request, error) from error
        except (aiohttp.ServerDisconnectedError, aiohttp.ClientOSError) as error:
            if last or not request.repeatable:
                raise self.unreachable(request, error) from error
            return Answer(0, b"", _PAUSE_AFTER_RESET)
        except (aiohttp.ClientError, TimeoutError) as error:
            raise self.unreachable(request, error) from error
        self._answered(response.status)
        return Answer(response.status, body, _asked_to_wait(response))

    @asynccontextmanager
    async def stream(self, request: Request) -> AsyncIterator[Stream]:
        """An answer read as it comes. It takes no slot, for it may last for minutes."""
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=_CONNECT_SECONDS)
        try:
            async with asyncio.timeout(OPENING_DEADLINE.total_seconds()):
                response = await self._open(request, timeout)
                body = b"" if response.status == 200 else await response.read()
        except (aiohttp.ClientError, TimeoutError) as error:
            raise self.unreachable(request, error) from error
        self._answered(response.status)
        try:
            if response.status != 200:
                raise refusal(request, response.status, body)
            yield Stream(self, request, response)
        finally:
            response.close()

    async def _open(self, request: Request, timeout: aiohttp.ClientTimeout) -> aiohttp.ClientResponse:
        headers = {"Accept": request.accept}
        if request.content_type:
            headers["Content-Type"] = request.content_type
        if authorization := await self._authorization.header():
            headers["Authorization"] = authorization
        self.requests_sent += 1
        return await self._opened_session().request(
            request.method,
            URL(self.server + request.target, encoded=True),
            data=request.body,
            headers=headers,
            timeout=timeout,
            allow_redirects=False,
            proxy=self._cluster.credentials.proxy_url or None,
            server_hostname=self._cluster.credentials.server_name or None,
        )

    def _opened_session(self) -> aiohttp.ClientSession:
        if self._closed:
            raise ClusterUnreachable(f"the connection to cluster `{self._cluster.name or self.server}` was closed")
        if self._session is None:
            secure = self.server.startswith("https")
            connector = aiohttp.TCPConnector(
                limit=0,  # the slots are the limit; watches come on top
                keepalive_timeout=_KEEP_ALIVE_SECONDS,
                ssl=tls_context(self._cluster.credentials) if secure else False,
            )
            self._session = aiohttp.ClientSession(
                connector=connector,
                cookie_jar=aiohttp.DummyCookieJar(),
                # Compressing costs the API server more than a local network costs us.
                headers={"User-Agent": "tiphys", "Accept-Encoding": "identity"},
            )
        return self._session

    def unreachable(self, request: Request, error: BaseException) -> GitOpsError:
        return ClusterUnreachable(f"{request.subject}: {self._named()} {_trouble(error)}")

    def _named(self) -> str:
        return f"cluster `{self._cluster.name or self._cluster.server}` ({self.server})"


def _trouble(error: BaseException) -> str:
    if isinstance(error, TimeoutError):
        return "did not answer in time"
    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        return f"shows a certificate that is not trusted: {error.certificate_error}"
    if isinstance(error, aiohttp.ClientConnectorError):
        return f"cannot be reached: {error.os_error.strerror or error.os_error}"
    if isinstance(error, aiohttp.ServerDisconnectedError | aiohttp.ClientPayloadError | ConnectionError):
        return "broke the connection"
    return f"cannot be talked to: {type(error).__name__}"


def _asked_to_wait(response: aiohttp.ClientResponse) -> float:
    """Seconds to wait when the server turned the request away unread, else 0."""
    if response.status not in {429, 503}:
        return 0.0
    asked = count_of(response.headers.get("Retry-After", ""))
    if asked is not None:
        return min(max(float(asked), 0.1), _LONGEST_PAUSE)
    return 1.0 if response.status == 429 else 0.0
