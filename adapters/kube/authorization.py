"""How a client proves who it is: the TLS context, and the Authorization header as it changes over time."""

import asyncio
import base64
import os
import ssl
import tempfile
import time
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Protocol

import orjson

from gitops.model.errors import ClusterRefused, ClusterUnreachable, GitOpsError, InvalidSpec
from gitops.model.moments import parse_rfc3339
from gitops.model.repository import ClusterCredentials

_TOKEN_FILE_MAX_AGE = timedelta(minutes=1)
_EXEC_DEADLINE = timedelta(seconds=30)
_EXEC_DEFAULT_LIFE = timedelta(minutes=10)
_RENEW_BEFORE_END = timedelta(minutes=1)


class Authorization(Protocol):
    async def header(self) -> str:
        """The value of the Authorization header now; empty when certificates alone do."""
        ...

    def forget(self) -> bool:
        """The server did not accept the last one; true if the next one may differ."""
        ...


def authorization_for(credentials: ClusterCredentials) -> Authorization:
    if credentials.exec_command:
        return ExecToken(credentials)
    if credentials.token_file:
        return TokenFile(Path(credentials.token_file))
    if credentials.bearer_token:
        return Fixed(f"Bearer {credentials.bearer_token}")
    if credentials.username:
        pair = f"{credentials.username}:{credentials.password}".encode()
        return Fixed(f"Basic {base64.b64encode(pair).decode()}")
    return Fixed("")


class Fixed:
    def __init__(self, value: str) -> None:
        self._value = value

    async def header(self) -> str:
        return self._value

    def forget(self) -> bool:
        return False


class TokenFile:
    """A projected service account token: the kubelet rewrites the file, we read it every minute."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._value = ""
        self._read_at = float("-inf")

    async def header(self) -> str:
        if time.monotonic() - self._read_at > _TOKEN_FILE_MAX_AGE.total_seconds():
            try:
                self._value = f"Bearer {self._path.read_text().strip()}"
            except OSError as error:
                raise ClusterUnreachable(f"the cluster's token file cannot be read: {error.strerror}") from error
            self._read_at = time.monotonic()
        return self._value

    def forget(self) -> bool:
        self._read_at = float("-inf")
        return True


class ExecToken:
    """A client-go credential plugin: a program that prints an ExecCredential with a token."""

    def __init__(self, credentials: ClusterCredentials) -> None:
        self._credentials = credentials
        self._value = ""
        self._renew_at = float("-inf")
        self._lock = asyncio.Lock()

    async def header(self) -> str:
        async with self._lock:
            if time.monotonic() >= self._renew_at:
                await self._renew()
            return self._value

    def forget(self) -> bool:
        self._renew_at = float("-inf")
        return True

    async def _renew(self) -> None:
        output = await self._run()
        try:
            status = orjson.loads(output)["status"]
            token = str(status["token"])
        except (orjson.JSONDecodeError, KeyError, TypeError) as error:
            raise self._failure("printed no token (client certificates of plugins are not supported)") from error
        life = _EXEC_DEFAULT_LIFE.total_seconds()
        if expiry := status.get("expirationTimestamp"):
            life = parse_rfc3339(str(expiry)).timestamp() - time.time() - _RENEW_BEFORE_END.total_seconds()
        self._value = f"Bearer {token}"
        self._renew_at = time.monotonic() + max(life, 1.0)

    async def _run(self) -> bytes:
        command = self._credentials.exec_command
        version = self._credentials.exec_api_version or "client.authentication.k8s.io/v1"
        info = {"apiVersion": version, "kind": "ExecCredential", "spec": {"interactive": False}}
        env = {**os.environ, **dict(self._credentials.exec_env), "KUBERNETES_EXEC_INFO": orjson.dumps(info).decode()}
        pipe, null = asyncio.subprocess.PIPE, asyncio.subprocess.DEVNULL
        try:
            process = await asyncio.create_subprocess_exec(*command, stdin=null, stdout=pipe, stderr=null, env=env)
        except OSError as error:
            raise self._failure(f"cannot be started: {error.strerror}") from error
        try:
            async with asyncio.timeout(_EXEC_DEADLINE.total_seconds()):
                output, _ = await process.communicate()
        except TimeoutError as error:
            raise self._failure(f"did not end within {_EXEC_DEADLINE.total_seconds():.0f} s") from error
        finally:
            if process.returncode is None:
                with suppress(ProcessLookupError):
                    process.kill()
                await process.wait()
        if process.returncode:
            raise self._failure(f"ended with code {process.returncode}")
        return output

    def _failure(self, what: str) -> GitOpsError:
        return ClusterRefused(
            f"the credential plugin `{Path(self._credentials.exec_command[0]).name}` {what}", status=401
        )


def tls_context(credentials: ClusterCredentials) -> ssl.SSLContext:
    """What is trusted and what is shown; `insecure` shows no certificate authority the door."""
    try:
        context = ssl.create_default_context(cadata=credentials.ca_data.decode() or None)
        if credentials.insecure:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        if credentials.cert_data:
            _show_certificate(context, credentials)
    except (ssl.SSLError, ValueError) as error:
        raise InvalidSpec(f"the cluster's certificates cannot be used: {error}") from error
    # Many clusters' own authorities lack the key identifiers that newer Pythons insist on by default.
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    return context


def _show_certificate(context: ssl.SSLContext, credentials: ClusterCredentials) -> None:
    # Python reads a key only from a file: one that nobody else can open, gone at once.
    with tempfile.NamedTemporaryFile(prefix="tiphys-") as file:
        file.write(credentials.cert_data + b"\n" + credentials.key_data)
        file.flush()
        context.load_cert_chain(file.name)
