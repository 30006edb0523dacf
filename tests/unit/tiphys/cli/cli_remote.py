"""A small HTTP server that speaks Argo CD's JSON: the other end of the line in the tests of the CLI."""

import copy
import json
import re
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

PASSWORD = "correct horse"
TOKEN = "token-of-operator"
Json = Any


@dataclass(frozen=True)
class Ran:
    """How a command ended, and what it said."""

    code: int
    out: str
    err: str


Run = Callable[..., Ran]


def application(name: str, **changes: Json) -> Json:
    """An Application as the API answers it; `changes` replace `spec` and `status` entries, by their path."""
    app: Json = {
        "metadata": {"name": name, "namespace": "argocd", "uid": f"uid-{name}", "resourceVersion": "100"},
        "spec": {
            "project": "dev",
            "source": {"repoURL": "http://git.local/gitops.git", "path": f"services/{name}", "targetRevision": "main"},
            "destination": {"name": "dev", "namespace": name},
        },
        "status": {
            "sync": {"status": "Synced", "revision": "a" * 40},
            "health": {"status": "Healthy"},
            "reconciledAt": "2026-11-23T10:00:10Z",
        },
    }
    for path, value in changes.items():
        target = app
        *steps, last = path.split("__")
        for step in steps:
            target = target.setdefault(step, {})
        target[last] = value
    return app


def operation_state(phase: str, message: str, *, results: list[Json] | None = None, **more: Json) -> Json:
    state = {
        "operation": {"sync": {"revision": "b" * 40}, "initiatedBy": {"username": "operator"}},
        "phase": phase,
        "message": message,
        "startedAt": "2026-11-23T10:00:00Z",
        "syncResult": {"revision": "b" * 40, "resources": results or []},
        **more,
    }
    return state if phase in ("Running", "Terminating") else {**state, "finishedAt": "2026-11-23T10:00:04Z"}


class Remote:
    """What the server knows, what it was asked, and how it is to behave."""

    def __init__(self) -> None:
        self.apps: dict[str, Json] = {}
        self.requests: list[tuple[str, str, Json]] = []
        self.answers: dict[tuple[str, str], tuple[int, Json]] = {}  # (method, path) -> what to answer instead
        # Per opened stream: what happens on it. A callable changes the server's state and tells nothing.
        self.streams: list[list[Json | Callable[[], None]]] = []
        self.allowed = True
        self.remakes: dict[str, Json] = {}  # what an ApplicationSet makes at once of what is deleted
        self.manifests: dict[str, list[Json]] = {}
        self.skipped_files: list[Json] = []
        self.managed: list[Json] = []
        self.tree: Json = {}
        self.lists: dict[str, list[Json]] = {}
        self.url = ""
        self._version = 100

    def add(self, app: Json) -> Json:
        self.apps[app["metadata"]["name"]] = app
        return app

    def changed(self, name: str, **changes: Json) -> Json:
        """The application with some changes, and a newer resource version."""
        app = copy.deepcopy(self.apps[name])
        self._version += 1
        app["metadata"]["resourceVersion"] = str(self._version)
        for path, value in changes.items():
            target = app
            *steps, last = path.split("__")
            for step in steps:
                target = target.setdefault(step, {})
            target[last] = value
        return self.add(app)

    def asked(self, method: str) -> list[tuple[str, Json]]:
        return [(path, body) for verb, path, body in self.requests if verb == method]


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    remote: Remote

    def log_message(self, *_: object) -> None:
        """Quiet."""

    def do_GET(self) -> None:
        self._serve("GET")

    def do_POST(self) -> None:
        self._serve("POST")

    def do_PUT(self) -> None:
        self._serve("PUT")

    def do_DELETE(self) -> None:
        self._serve("DELETE")

    def _serve(self, method: str) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        body = json.loads(self.rfile.read(length)) if length else None
        parts = urlsplit(self.path)
        self.remote.requests.append((method, self.path, body))
        if scripted := self.remote.answers.get((method, unquote(parts.path))):
            return self._answer(*scripted)
        public = parts.path in ("/api/v1/session", "/api/version")
        if not public and self.headers.get("Authorization") != f"Bearer {TOKEN}":
            return self._refuse(401, 16, "no session information")
        if method != "GET" and self.headers.get("Content-Type") != "application/json":
            return self._refuse(415, 3, "Invalid content type")
        query = {key: values[-1] for key, values in parse_qs(parts.query).items()}
        for verb, pattern, route in ROUTES:
            if verb == method and (match := re.fullmatch(pattern, parts.path)):
                return route(self, query, body, *map(unquote, match.groups()))
        return self._answer(404, "Not Found")

    def _answer(self, status: int, body: Json) -> None:
        content = body.encode() if isinstance(body, str) else json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def _refuse(self, status: int, code: int, message: str) -> None:
        self._answer(status, {"error": message, "code": code, "message": message})

    # --- routes -----------------------------------------------------------------------------------

    def _login(self, _: Json, body: Json) -> None:
        if body["password"] != PASSWORD:
            return self._refuse(401, 16, "Invalid username or password")
        return self._answer(200, {"token": TOKEN})

    def _logout(self, *_: Json) -> None:
        self._answer(200, {})

    def _userinfo(self, *_: Json) -> None:
        self._answer(200, {"loggedIn": True, "username": "operator", "iss": "argocd", "groups": ["ops"]})

    def _can_i(self, _: Json, __: Json, resource: str, action: str, subject: str) -> None:
        self._answer(200, {"value": "yes" if self.remote.allowed else "no"})

    def _version(self, *_: Json) -> None:
        self._answer(200, {"Version": "v0.1.0"})

    def _list(self, query: Json, _: Json) -> None:
        wanted = dict(pair.split("=") for pair in query.get("selector", "").split(",") if pair)
        kept = [
            app
            for app in self.remote.apps.values()
            if query.get("projects", app["spec"]["project"]) == app["spec"]["project"]
            and wanted.items() <= (app["metadata"].get("labels") or {}).items()
        ]
        self._answer(200, {"metadata": {"resourceVersion": "100"}, "items": kept or None})

    def _app(self, _: Json, __: Json, name: str) -> None:
        if app := self.remote.apps.get(name):
            return self._answer(200, app)
        return self._refuse(403, 7, "permission denied")

    def _create(self, query: Json, body: Json) -> None:
        if body["metadata"]["name"] in self.remote.apps and query.get("upsert") != "true":
            return self._refuse(400, 3, "existing application spec is different; use upsert flag to force update")
        return self._answer(200, self.remote.add({**body, "status": {}}))

    def _put_spec(self, _: Json, body: Json, name: str) -> None:
        self.remote.changed(name, spec=body)
        self._answer(200, body)

    def _operate(self, _: Json, body: Json, name: str) -> None:
        if name not in self.remote.apps:
            return self._refuse(403, 7, "permission denied")
        return self._answer(200, self.remote.changed(name, operation={"sync": {"revision": "b" * 40}}))

    def _terminate(self, _: Json, __: Json, name: str) -> None:
        self._answer(200, {})

    def _delete(self, _: Json, __: Json, name: str) -> None:
        self.remote.apps.pop(name, None)
        if name in self.remote.remakes:
            self.remote.add(self.remote.remakes[name])
        self._answer(200, {})

    def _manifests(self, query: Json, _: Json, name: str) -> None:
        revision = query.get("revision", "")
        objects = self.remote.manifests[revision]
        manifests = [json.dumps(each) for each in objects]
        skipped = self.remote.skipped_files
        self._answer(200, {"manifests": manifests, "revision": revision, "skippedFiles": skipped})

    def _managed(self, *_: Json) -> None:
        self._answer(200, {"items": self.remote.managed})

    def _tree(self, *_: Json) -> None:
        self._answer(200, self.remote.tree)

    def _others(self, _: Json, __: Json, resource: str) -> None:
        self._answer(200, {"metadata": {}, "items": self.remote.lists.get(resource)})

    def _other(self, _: Json, __: Json, resource: str, name: str) -> None:
        found = [each for each in self.remote.lists.get(resource, []) if each["metadata"]["name"] == name]
        return self._answer(200, found[0]) if found else self._refuse(404, 5, f"{resource} `{name}` not found")

    def _make_cluster(self, _: Json, body: Json) -> None:
        self._answer(200, {"name": body["name"], "server": body["server"]})

    def _stream(self, query: Json, _: Json) -> None:
        """The present state first, then the script; then it ends, as a restarted server's streams do."""
        script = self.remote.streams.pop(0) if self.remote.streams else [lambda: time.sleep(0.05)]
        self.send_response(200)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for name, app in list(self.remote.apps.items()):
            if query.get("name", name) == name:
                self._line({"result": {"type": "ADDED", "application": app}})
        for step in script:
            if callable(step):
                step()
            else:
                self._line(step)
        self.wfile.write(b"0\r\n\r\n")

    def _line(self, value: Json) -> None:
        line = json.dumps(value).encode() + b"\n"
        self.wfile.write(f"{len(line):x}\r\n".encode() + line + b"\r\n")
        self.wfile.flush()


APP = "/api/v1/applications/([^/]+)"
ROUTES: list[tuple[str, str, Callable[..., None]]] = [
    ("POST", "/api/v1/session", Handler._login),
    ("DELETE", "/api/v1/session", Handler._logout),
    ("GET", "/api/v1/session/userinfo", Handler._userinfo),
    ("GET", "/api/v1/account/can-i/([^/]+)/([^/]+)/(.+)", Handler._can_i),
    ("GET", "/api/version", Handler._version),
    ("GET", "/api/v1/applications", Handler._list),
    ("POST", "/api/v1/applications", Handler._create),
    ("GET", APP, Handler._app),
    ("DELETE", APP, Handler._delete),
    ("PUT", f"{APP}/spec", Handler._put_spec),
    ("POST", f"{APP}/(?:sync|rollback)", Handler._operate),
    ("DELETE", f"{APP}/operation", Handler._terminate),
    ("GET", f"{APP}/manifests", Handler._manifests),
    ("GET", f"{APP}/managed-resources", Handler._managed),
    ("GET", f"{APP}/resource-tree", Handler._tree),
    ("GET", "/api/v1/stream/applications", Handler._stream),
    ("POST", "/api/v1/clusters", Handler._make_cluster),
    ("GET", "/api/v1/(clusters|projects|repositories|applicationsets)", Handler._others),
    ("GET", "/api/v1/(projects|applicationsets)/([^/]+)", Handler._other),
]


def event(app: Json, kind: str = "MODIFIED") -> Json:
    return {"result": {"type": kind, "application": copy.deepcopy(app)}}


class Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that has seen enough of a stream hangs up; anything else is told."""
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)  # type: ignore[arg-type]


@contextmanager
def running_remote() -> Iterator[Remote]:
    remote = Remote()
    handler = type("BoundHandler", (Handler,), {"remote": remote})
    server = Server(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    remote.url = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        yield remote
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
