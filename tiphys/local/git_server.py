"""A Git server on loopback for cloning, fetching and pushing: `git http-backend` behind a small HTTP front.

Everybody on the machine may read; who pushes decides what runs on the clusters, so a push needs the
token of `push_token_file`.
"""

import argparse
import base64
import hmac
import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import IO, Protocol
from urllib.parse import urlsplit

PUSH_USER = "tiphys"
LOCAL_NAMES = frozenset({"127.0.0.1", "localhost"})
CHUNK = 64 * 1024


class Headers(Protocol):
    def get(self, name: str, /) -> str | None: ...


class Readable(Protocol):
    def read(self, size: int, /) -> bytes: ...

    def readline(self, size: int, /) -> bytes: ...


class GitServer(ThreadingHTTPServer):
    daemon_threads = True
    allow_reuse_address = True

    def __init__(self, port: int, root: Path, push_token: str) -> None:
        super().__init__(("127.0.0.1", port), GitRequest)
        self.root = root
        self.push_token = push_token

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class GitRequest(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: GitServer

    def do_GET(self) -> None:
        self._answer()

    def do_POST(self) -> None:
        self._answer()

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        # Pollers ask every few seconds, for ever; what they are told is not worth a line.
        if is_push(self.path) or code != 200:
            print(self.command, self.path, code, file=sys.stderr, flush=True)

    def log_message(self, format: str, *args: object) -> None:
        print(format % args, file=sys.stderr, flush=True)

    def _answer(self) -> None:
        if (self.headers.get("Host") or "").rpartition(":")[0] not in LOCAL_NAMES:
            # A web page whose name was made to point here must not reach the repositories.
            self._refuse(403, "this server answers to its loopback address only")
        elif ".." in urlsplit(self.path).path.split("/"):
            self._refuse(404, "no such repository")
        elif is_push(self.path) and not may_push(self.headers.get("Authorization"), self.server.push_token):
            self._refuse(401, "a push needs the user and token of this installation")
        else:
            self._run_backend()

    def _refuse(self, status: int, message: str) -> None:
        self.send_response(status)
        if status == 401:
            self.send_header("WWW-Authenticate", 'Basic realm="tiphys"')
        body = f"{message}\n".encode()
        self.send_header("Content-Type", "text/plain; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(body)
        self.close_connection = True

    def _run_backend(self) -> None:
        environment = cgi_environment(self.command, self.path, self.headers, self.server.root)
        with subprocess.Popen(
            ["git", "http-backend"], env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE
        ) as backend:
            assert backend.stdin is not None
            assert backend.stdout is not None
            # Both ways at once: a backend that answers early must not wait for us to end sending.
            sender = threading.Thread(target=self._send_body, args=(backend.stdin,), daemon=True)
            sender.start()
            self._relay(backend.stdout)
            sender.join()

    def _send_body(self, target: IO[bytes]) -> None:
        try:
            for part in body_parts(self.rfile, self.headers):
                target.write(part)
        except (BrokenPipeError, ConnectionError):
            self.close_connection = True
        finally:
            try:
                target.close()
            except BrokenPipeError:
                self.close_connection = True

    def _relay(self, source: IO[bytes]) -> None:
        status, headers = read_cgi_headers(source)
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        while part := source.read1(CHUNK):  # type: ignore[attr-defined]
            self.wfile.write(b"%x\r\n%s\r\n" % (len(part), part))
        self.wfile.write(b"0\r\n\r\n")


def is_push(target: str) -> bool:
    """Both halves of a push: its discovery and the pack itself."""
    parts = urlsplit(target)
    return parts.path.endswith("/git-receive-pack") or "service=git-receive-pack" in parts.query


def may_push(authorization: str | None, token: str) -> bool:
    return hmac.compare_digest((authorization or "").encode(), basic_authorization(token).encode())


def basic_authorization(token: str) -> str:
    return "Basic " + base64.b64encode(f"{PUSH_USER}:{token}".encode()).decode()


def cgi_environment(method: str, target: str, headers: Headers, root: Path) -> dict[str, str]:
    """What `git http-backend` reads of a request; nothing of the user's own Git settings comes in."""
    parts = urlsplit(target)
    return {
        **{name: os.environ[name] for name in ("PATH", "LANG", "TMPDIR") if name in os.environ},
        "HOME": str(root),
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_PROJECT_ROOT": str(root),
        "GIT_HTTP_EXPORT_ALL": "1",
        "REQUEST_METHOD": method,
        "PATH_INFO": parts.path,
        "QUERY_STRING": parts.query,
        "CONTENT_TYPE": headers.get("Content-Type") or "",
        "HTTP_CONTENT_ENCODING": headers.get("Content-Encoding") or "",
        "HTTP_GIT_PROTOCOL": headers.get("Git-Protocol") or "",
        "GIT_PROTOCOL": headers.get("Git-Protocol") or "",
        "REMOTE_USER": PUSH_USER,  # whoever gets this far with a push showed the token
        "REMOTE_ADDR": "127.0.0.1",
        "SERVER_PROTOCOL": "HTTP/1.1",
        **({"CONTENT_LENGTH": length} if (length := headers.get("Content-Length")) else {}),
    }


def body_parts(source: Readable, headers: Headers) -> Iterator[bytes]:
    """The request's body, whether its length was told or it comes in chunks."""
    if "chunked" in (headers.get("Transfer-Encoding") or "").lower():
        while size := int(source.readline(1024).partition(b";")[0].strip() or b"0", 16):
            yield from _exactly(source, size)
            source.readline(2)
        while source.readline(1024).strip():
            continue  # trailers mean nothing to us
    else:
        yield from _exactly(source, int(headers.get("Content-Length") or 0))


def _exactly(source: Readable, size: int) -> Iterator[bytes]:
    while size > 0 and (part := source.read(min(size, CHUNK))):
        size -= len(part)
        yield part


def read_cgi_headers(source: Readable) -> tuple[int, list[tuple[str, str]]]:
    status, headers = 200, []
    while line := source.readline(65536).decode("latin-1").strip():
        name, _, value = line.partition(":")
        if name.lower() == "status":
            status = int(value.split()[0])
        else:
            headers.append((name, value.strip()))
    return (status, headers) if headers else (500, [("Content-Type", "text/plain")])


def main() -> int:
    options = argparse.ArgumentParser(prog="tiphys-git")
    options.add_argument("--port", type=int, required=True)
    options.add_argument("--root", type=Path, required=True)
    options.add_argument("--push-token-file", type=Path, required=True)
    chosen = options.parse_args()
    if shutil.which("git") is None:
        print("no `git` on the PATH", file=sys.stderr)
        return 1
    server = GitServer(chosen.port, chosen.root, chosen.push_token_file.read_text().strip())
    signal.signal(signal.SIGTERM, lambda *_: threading.Thread(target=server.shutdown).start())
    server.serve_forever(poll_interval=0.2)
    return 0


if __name__ == "__main__":
    sys.exit(main())
