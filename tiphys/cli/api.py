"""What the commands ask of the server, by name; paths and bodies are Argo CD's."""

import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from tiphys.cli.errors import CliError, Forbidden, NotFound, NotLoggedIn, Unreachable
from tiphys.cli.refs import AppRef
from tiphys.cli.rest import Query, Rest, StreamBroken, path_of

# A stream that says nothing for so long is opened again: its first event is the present state.
QUIET_FOR = 30.0
# How long a server may be away while someone waits: a restart takes a few seconds.
PATIENCE = 60.0
PAUSE = 0.2

Json = Any


class Api:
    def __init__(self, rest: Rest) -> None:
        self.rest = rest

    # --- session --------------------------------------------------------------------------------

    def login(self, username: str, password: str) -> str:
        answer = self.rest.post(path_of("api", "v1", "session"), {"username": username, "password": password})
        return str(answer.get("token") or "")

    def logout(self) -> None:
        self.rest.delete(path_of("api", "v1", "session"))

    def userinfo(self) -> Json:
        return self.rest.get(path_of("api", "v1", "session", "userinfo"))

    def can_i(self, action: str, resource: str, subject: str) -> bool:
        answer = self.rest.get(path_of("api", "v1", "account", "can-i", resource, action, *subject.split("/")))
        return bool(answer.get("value") == "yes")

    def version(self) -> Json:
        return self.rest.get("/api/version")

    # --- applications ---------------------------------------------------------------------------

    def list_apps(self, *, projects: Sequence[str] = (), selector: str = "") -> Json:
        return self.rest.get(path_of("api", "v1", "applications"), {"projects": projects, "selector": selector})

    def get_app(self, app: AppRef, *, refresh: str = "") -> Json:
        """Answers after the refresh is done, if one is asked for."""
        try:
            return self.rest.get(self._app(app), self._query(app, refresh=refresh))
        except Forbidden as error:
            # To a stranger Argo CD does not tell "no such application" from "not yours"; who may see all, may know.
            if self._sees_everything():
                raise NotFound(f"there is no application `{app}`", "`tiphys app list` shows them all") from error
            raise Forbidden(
                f"application `{app}` does not exist, or you may not see it", "`tiphys app list` shows what you may"
            ) from error

    def create_app(self, body: Json, *, upsert: bool, validate: bool) -> Json:
        query = {"upsert": upsert, "validate": "" if validate else "false"}
        return self.rest.post(path_of("api", "v1", "applications"), body, query)

    def put_spec(self, app: AppRef, spec: Json) -> Json:
        return self.rest.put(self._app(app, "spec"), spec, self._query(app))

    def delete_app(self, app: AppRef, *, cascade: bool) -> None:
        self.rest.delete(self._app(app), self._query(app, cascade="true" if cascade else "false"))

    def sync(self, app: AppRef, body: Mapping[str, Json]) -> Json:
        return self.rest.post(self._app(app, "sync"), {**self._body(app), **body}, self._query(app))

    def rollback(self, app: AppRef, history_id: int, *, prune: bool) -> Json:
        body = {**self._body(app), "id": history_id, "prune": prune}
        return self.rest.post(self._app(app, "rollback"), body, self._query(app))

    def terminate(self, app: AppRef) -> None:
        self.rest.delete(self._app(app, "operation"), self._query(app))

    def manifests(self, app: AppRef, *, revision: str = "") -> Json:
        return self.rest.get(self._app(app, "manifests"), self._query(app, revision=revision))

    def managed_resources(self, app: AppRef) -> Json:
        return self.rest.get(self._app(app, "managed-resources"), self._query(app))

    def resource_tree(self, app: AppRef) -> Json:
        return self.rest.get(self._app(app, "resource-tree"), self._query(app))

    def app_events(self, apps: Sequence[AppRef], *, until: float) -> Iterator[tuple[str, Json]]:
        """(`ADDED` | `MODIFIED` | `DELETED`, application) as they happen; begins with the present state.

        Survives broken streams and a server that restarts. Ends at `until` (monotonic); then it is late.
        """
        query = {"name": apps[0].name, "appNamespace": apps[0].namespace} if len(apps) == 1 else {}
        silent_since = time.monotonic()
        while (left := until - time.monotonic()) > 0:
            try:
                path = path_of("api", "v1", "stream", "applications")
                for line in self.rest.stream(path, query, quiet_for=min(QUIET_FOR, left)):
                    silent_since = time.monotonic()
                    yield from _events_in(line, apps)
                    if time.monotonic() >= until:
                        return
            except StreamBroken:
                pass
            except (NotLoggedIn, Forbidden, NotFound):
                raise
            except CliError as error:
                if time.monotonic() - silent_since > PATIENCE:
                    raise Unreachable(error.message, "what was started goes on without us") from error
            time.sleep(min(PAUSE, max(0.0, until - time.monotonic())))

    # --- the rest -------------------------------------------------------------------------------

    def list_of(self, resource: str, query: Query | None = None) -> Json:
        """`clusters`, `projects`, `repositories` or `applicationsets`."""
        return self.rest.get(path_of("api", "v1", resource), query)

    def get_of(self, resource: str, name: str) -> Json:
        return self.rest.get(path_of("api", "v1", resource, name))

    def create_cluster(self, body: Json, *, upsert: bool) -> Json:
        return self.rest.post(path_of("api", "v1", "clusters"), body, {"upsert": upsert})

    def _sees_everything(self) -> bool:
        try:
            return self.can_i("get", "applications", "*/*")
        except CliError:
            return False

    def _app(self, app: AppRef, *rest: str) -> str:
        return path_of("api", "v1", "applications", app.name, *rest)

    def _query(self, app: AppRef, **more: str | bool) -> Query:
        return {"appNamespace": app.namespace, **more}

    def _body(self, app: AppRef) -> dict[str, Json]:
        return {"name": app.name, **({"appNamespace": app.namespace} if app.namespace else {})}


def _events_in(line: Json, apps: Sequence[AppRef]) -> Iterator[tuple[str, Json]]:
    if "error" in line:
        raise StreamBroken(str(line["error"]))
    result = line.get("result") or {}
    application = result.get("application") or {}
    if any(app.matches(application.get("metadata") or {}) for app in apps):
        yield result.get("type", ""), application
