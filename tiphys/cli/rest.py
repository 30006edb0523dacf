"""One server's REST API over HTTP/1.1: JSON in, JSON out, refusals as `CliError`s.

The standard library's client is enough here (one connection, a few requests, one stream) and loads in
a few milliseconds, where httpx, urllib3 and aiohttp each take longer than a whole `tiphys --help`.
"""

import http.client
import json
import os
import ssl
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NoReturn
from urllib.parse import quote, urlencode, urlsplit

from tiphys.cli.config import Login
from tiphys.cli.errors import CliError, NotLoggedIn, ServerError, Unreachable, error_of

CONNECT_TIMEOUT = 10.0
# A refresh blocks until the controller has compared, manifests until they are rendered.
ANSWER_TIMEOUT = 150.0

Query = Mapping[str, str | bool | Sequence[str] | None]


class StreamBroken(Exception):
    """A stream ended or fell silent; the caller decides whether to open it again."""


def path_of(*segments: str) -> str:
    """`("api", "v1", "clusters", "https://x")` as a path; each segment is one, whatever it holds."""
    return "/" + "/".join(quote(segment, safe="") for segment in segments)


def query_text(query: Query) -> str:
    """Absent, empty and false parameters are left out: they are the API's defaults."""
    given = {key: "true" if value is True else value for key, value in query.items() if value}
    return f"?{urlencode(given, doseq=True)}" if given else ""


class Rest:
    """Not for several threads at once."""

    def __init__(self, login: Login, *, user_agent: str = "tiphys", token_source: str = "") -> None:
        """`token_source`: the environment variable the token came from, empty for a stored login's."""
        self.login = login
        self._token_source = token_source
        self.user_agent = user_agent
        self._root = urlsplit(login.server)
        self._connection: http.client.HTTPConnection | None = None

    def __enter__(self) -> "Rest":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def get(self, path: str, query: Query | None = None) -> Any:
        return self._ask("GET", path, query)

    def post(self, path: str, body: Any, query: Query | None = None) -> Any:
        return self._ask("POST", path, query, body)

    def put(self, path: str, body: Any, query: Query | None = None) -> Any:
        return self._ask("PUT", path, query, body)

    def delete(self, path: str, query: Query | None = None) -> Any:
        return self._ask("DELETE", path, query)

    def stream(self, path: str, query: Query, *, quiet_for: float) -> Iterator[Any]:
        """Each line's JSON as it comes; `StreamBroken` when it ends or is silent for `quiet_for` seconds."""
        connection = self._connected(CONNECT_TIMEOUT)
        try:
            answer = self._exchange(connection, "GET", path + query_text(query), None)
            if answer.status != http.client.OK:
                self._refuse(answer.status, answer.read())
            if connection.sock is not None:
                connection.sock.settimeout(quiet_for)
            while line := answer.readline():
                if line.strip():
                    yield json.loads(line)
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise StreamBroken(str(error)) from error
        finally:
            connection.close()
        raise StreamBroken("the server closed the stream")

    def _ask(self, method: str, path: str, query: Query | None, body: Any = None) -> Any:
        target = path + query_text(query or {})
        payload = None if body is None else json.dumps(body).encode()
        fresh = self._connection is None or method != "GET"
        if fresh:
            self.close()
        try:
            status, content = self._answered(method, target, payload)
        except Unreachable:
            # A kept connection may have been closed meanwhile; a read may be asked again, a write may not.
            if fresh:
                raise
            status, content = self._answered(method, target, payload)
        if status >= http.client.MULTIPLE_CHOICES:
            self._refuse(status, content)
        return self._decoded(content)

    def _answered(self, method: str, target: str, payload: bytes | None) -> tuple[int, bytes]:
        if self._connection is None:
            self._connection = self._connected(ANSWER_TIMEOUT)
        try:
            answer = self._exchange(self._connection, method, target, payload)
            return answer.status, answer.read()
        except TimeoutError as error:
            self.close()
            raise Unreachable(
                f"{self.login.server} did not answer within {ANSWER_TIMEOUT:.0f} s",
                "it may be overloaded; see its logs, then try again",
            ) from error
        except (OSError, http.client.HTTPException) as error:
            self.close()
            raise self._unreachable(error) from error

    def _exchange(
        self, connection: http.client.HTTPConnection, method: str, target: str, payload: bytes | None
    ) -> http.client.HTTPResponse:
        headers = {"Accept": "application/json", "User-Agent": self.user_agent}
        if payload is not None or method != "GET":
            headers["Content-Type"] = "application/json"
        if self.login.token:
            headers["Authorization"] = f"Bearer {self.login.token}"
        connection.request(method, self._root.path + target, body=payload, headers=headers)
        return connection.getresponse()

    def _connected(self, answer_timeout: float) -> http.client.HTTPConnection:
        host, port = self._root.hostname or "", self._root.port
        proxy = proxy_for(self._root.scheme, host, os.environ)
        first_host, first_port = proxy or (host, port)
        if self._root.scheme == "https":
            connection: http.client.HTTPConnection = http.client.HTTPSConnection(
                first_host, first_port, timeout=CONNECT_TIMEOUT, context=self._tls()
            )
        else:
            connection = http.client.HTTPConnection(first_host, first_port, timeout=CONNECT_TIMEOUT)
        if proxy:
            connection.set_tunnel(host, port or (443 if self._root.scheme == "https" else 80))
        try:
            connection.connect()
        except (OSError, http.client.HTTPException) as error:
            connection.close()
            raise self._unreachable(error) from error
        connection.sock.settimeout(answer_timeout)
        return connection

    def _tls(self) -> ssl.SSLContext:
        try:
            context = ssl.create_default_context(cafile=self.login.ca_file or None)
        except OSError as error:
            raise CliError(f"the CA file {self.login.ca_file} cannot be used ({error})") from error
        if self.login.insecure:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        return context

    def _unreachable(self, error: BaseException) -> Unreachable:
        if isinstance(error, ssl.SSLCertVerificationError):
            advice = "log in with --ca-file FILE to trust its authority, or --insecure not to verify at all"
            return Unreachable(
                f"the certificate of {self.login.server} is not trusted ({error.verify_message})", advice
            )
        if isinstance(error, ssl.SSLError):
            return Unreachable(
                f"{self.login.server} does not speak TLS ({error.reason})", "write http:// if it is a plain server"
            )
        detail = getattr(error, "strerror", None) or str(error) or type(error).__name__
        return Unreachable(f"{self.login.server} does not answer ({detail})", "is it up, and is the address right?")

    def _refuse(self, status: int, content: bytes) -> NoReturn:
        said, grpc_code = refusal_of(content)
        message = said or f"HTTP {status}"
        if status < http.client.BAD_REQUEST:
            raise ServerError(f"{self.login.server} redirects elsewhere ({status})", "log in with the address it means")
        kind = error_of(status, grpc_code)
        if kind is NotLoggedIn and self._token_source:
            # Logging in again would change nothing: the variable wins over every login.
            raise kind(
                f"the token in {self._token_source} is refused: {message} (at {self.login.server})",
                f"set {self._token_source} to a valid token, or unset it to use your login",
            )
        raise kind(f"{message} (at {self.login.server})" if kind is NotLoggedIn else message, ADVICE.get(status, ""))

    def _decoded(self, content: bytes) -> Any:
        if not content.strip():
            return {}
        try:
            return json.loads(content)
        except ValueError as error:
            raise ServerError(
                f"{self.login.server} did not answer in JSON", "is this the address of a Tiphys or Argo CD API server?"
            ) from error


ADVICE: Mapping[int, str] = {
    401: "log in with `tiphys login`",
    403: "`tiphys account userinfo` shows who you are, `tiphys account can-i` what you may do",
    404: "",
    429: "wait a little, then try again",
    503: "a part of Tiphys is not ready; try again, or see the API server's logs",
}


def refusal_of(content: bytes) -> tuple[str, int]:
    """What a refusal says (Argo CD's `message`, or FastAPI's `detail`), and its gRPC code, 0 if there is none."""
    try:
        body = json.loads(content)
    except ValueError:
        return "", 0
    if not isinstance(body, dict):
        return "", 0
    said = body.get("message") or body.get("error") or body.get("detail") or ""
    code = body.get("code")
    return said if isinstance(said, str) else json.dumps(said), code if isinstance(code, int) else 0


def proxy_for(scheme: str, host: str, environ: Mapping[str, str]) -> tuple[str, int] | None:
    """The proxy that `https_proxy`, `http_proxy` and `no_proxy` ask for, if any."""
    lowered = {key.lower(): value for key, value in environ.items()}
    address = lowered.get(f"{scheme}_proxy", "")
    exempt = (name.strip().lstrip("*.") for name in lowered.get("no_proxy", "").split(","))
    if not address or any(name and f".{host}".endswith(f".{name}") for name in exempt):
        return None
    parts = urlsplit(address if "://" in address else f"//{address}")
    return parts.hostname or "", parts.port or 8080
