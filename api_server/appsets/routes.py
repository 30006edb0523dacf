"""ApplicationSets: read only."""

from typing import Annotated

from fastapi import APIRouter, Query
from starlette.responses import Response

from adapters.store.kinds import RecordName
from api_server.access import CurrentUser, Segment, Served
from api_server.answers import json_answer, listed, raw_answer
from api_server.applications.selection import parse_selector
from api_server.auth.sessions import Subject
from api_server.mgmt_events import events_about
from api_server.services import Services
from gitops.model.errors import NotPermitted
from gitops.model.resource import Manifest, labels_of, name_of

router = APIRouter(prefix="/api/v1/applicationsets", tags=["applicationsets"])


@router.get("", summary="Every ApplicationSet the user may see")
async def list_appsets(
    services: Served,
    user: CurrentUser,
    projects: Annotated[list[str] | None, Query()] = None,
    selector: Annotated[str, Query()] = "",
) -> Response:
    wanted, appsets = parse_selector(selector), services.store.appsets
    found = [
        encoded
        for name in appsets.names()
        if (raw := appsets.raw(name)) is not None
        and (encoded := appsets.encoded(name)) is not None
        and (not projects or _project_of(raw) in projects)
        and all(holds(dict(labels_of(raw))) for holds in wanted)
        and _may_see(services, user, raw)
    ]
    return raw_answer(listed(found, appsets.resource_version))


@router.get("/{name}", summary="One ApplicationSet")
async def get_appset(services: Served, user: CurrentUser, name: Segment) -> Response:
    return json_answer(_allowed(services, user, name))


@router.get("/{name}/events", summary="Kubernetes events about the ApplicationSet")
async def events(services: Served, user: CurrentUser, name: Segment) -> Response:
    return json_answer(await events_about(services.store.client, _allowed(services, user, name)))


def _allowed(services: Services, user: Subject, name: str) -> Manifest:
    appset = services.store.appsets.raw(RecordName(services.namespace, name))
    if appset is None or not _may_see(services, user, appset):
        raise NotPermitted(f"permission denied: applicationsets, get, {name}, sub: {user.name}")
    return appset


def _may_see(services: Services, user: Subject, appset: Manifest) -> bool:
    return services.policy.allows(user, "applicationsets", "get", f"{_project_of(appset)}/{name_of(appset)}")


def _project_of(appset: Manifest) -> str:
    template = (appset.get("spec") or {}).get("template") or {}
    return str((template.get("spec") or {}).get("project") or "default")
