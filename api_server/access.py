"""Who asks, and what they may do: the dependencies every route declares."""

from collections.abc import Awaitable, Callable
from typing import Annotated, Any
from urllib.parse import unquote

from fastapi import Depends, Query, Request
from pydantic import AfterValidator

from api_server.auth.cookies import token_from
from api_server.auth.sessions import Subject
from api_server.services import Services
from gitops.model.application import AppName
from gitops.model.errors import NotFound, NotPermitted, Unauthenticated
from gitops.model.resource import Manifest, name_of

# A path parameter; paths under /api are matched as sent (guards.RawPaths), so it is decoded here.
Segment = Annotated[str, AfterValidator(unquote)]

NO_SESSION = "no session information"


# Dependencies are coroutines: plain functions would each cost a hop to another thread.
async def _services(request: Request) -> Services:
    services: Services = request.app.state.services
    return services


Served = Annotated[Services, Depends(_services)]


def token_of(request: Request) -> str:
    scheme, _, credentials = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer" and credentials.strip():
        return credentials.strip()
    return token_from(request.cookies)


def recognised(request: Request, services: Services) -> Subject:
    token = token_of(request)
    if token:
        return services.sessions.subject_of(token)
    if services.store.settings().anonymous_enabled:
        return Subject()
    raise Unauthenticated(NO_SESSION)


async def _current_user(request: Request, services: Served) -> Subject:
    return recognised(request, services)


async def _known_user(request: Request, services: Served) -> Subject | None:
    """Whoever holds a valid session; None without one, or when it is no longer valid."""
    try:
        return recognised(request, services)
    except Unauthenticated:
        return None


CurrentUser = Annotated[Subject, Depends(_current_user)]
KnownUser = Annotated[Subject | None, Depends(_known_user)]


def check(services: Services, user: Subject, resource: str, action: str, on: str) -> None:
    """Raises unless the policy allows it. `on` is what the policy's object pattern is matched with."""
    if not services.policy.allows(user, resource, action, on):
        raise NotPermitted(f"permission denied: {resource}, {action}, {on}, sub: {user.name}")


def project_of(app: Manifest) -> str:
    return str((app.get("spec") or {}).get("project") or "default")


def app_object(app: Manifest) -> str:
    """An application as policies name it."""
    return f"{project_of(app)}/{name_of(app)}"


def may(services: Services, user: Subject, action: str, app: Manifest) -> bool:
    return services.policy.allows(user, "applications", action, app_object(app))


class AppAsked:
    """An application that the request names, as stored, after the policy allowed what is asked."""

    def __init__(self, name: AppName, manifest: Manifest) -> None:
        self.name = name
        self.manifest = manifest

    @property
    def project(self) -> str:
        return project_of(self.manifest)


def allowed_app(
    services: Services, user: Subject, action: str, name: str, *, namespace: str = "", project: str = ""
) -> AppAsked:
    """The application, if there is one and the user may do this with it.

    One that is not there and one that is forbidden answer alike, so that nobody learns names by asking. Only who
    names a project he may look into, or may look into all of them, learns that something is missing.
    """
    key = AppName(namespace or services.namespace, name)
    app = services.store.applications.raw(key)
    if app is not None and (not project or project_of(app) == project) and may(services, user, action, app):
        return AppAsked(key, app)
    missing = app is None or project_of(app) != project
    if project and missing and services.policy.allows(user, "applications", action, f"{project}/{name}"):
        raise NotFound(f"application `{name}` is not in project `{project}`")
    if key.namespace != services.namespace or not sees_all(services, user, name):
        raise NotPermitted(f"permission denied: applications, {action}, {name}, sub: {user.name} (or there is none)")
    if app is None:
        raise NotFound(f"application `{name}` does not exist")
    raise NotPermitted(f"permission denied: applications, {action}, {app_object(app)}, sub: {user.name}")


def sees_all(services: Services, user: Subject, name: str) -> bool:
    """Whether no application is hidden from the user, nor would one of this name be, in whatever project."""
    applications = services.store.applications
    projects = {"*", *services.store.projects.names(), *map(project_of, applications.raws())}
    return all(
        services.policy.allows(user, "applications", "get", f"{project}/{name}") for project in sorted(projects)
    ) and all(may(services, user, "get", app) for app in applications.raws())


def _app_for(action: str) -> Callable[..., Awaitable[AppAsked]]:
    async def app_asked(
        services: Served,
        user: CurrentUser,
        name: Segment,
        app_namespace: Annotated[str, Query(alias="appNamespace")] = "",
        project: Annotated[str, Query()] = "",
    ) -> AppAsked:
        return allowed_app(services, user, action, name, namespace=app_namespace, project=project)

    return app_asked


ReadableApp = Annotated[AppAsked, Depends(_app_for("get"))]
SyncableApp = Annotated[AppAsked, Depends(_app_for("sync"))]
UpdatableApp = Annotated[AppAsked, Depends(_app_for("update"))]
DeletableApp = Annotated[AppAsked, Depends(_app_for("delete"))]


def stays_allowed(request: Request, services: Services, look: Callable[[Subject], Any]) -> Callable[[], None]:
    """A check for streams: the session still holds, and `look` still finds what it may see."""

    def still() -> None:
        look(recognised(request, services))

    return still
