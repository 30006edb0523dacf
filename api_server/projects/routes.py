"""Projects: what applications may use, and which windows are open. Read only."""

from typing import Annotated, Any

from fastapi import APIRouter, Query
from starlette.responses import Response

from api_server.access import CurrentUser, Segment, Served, check
from api_server.answers import json_answer, listed, raw_answer
from api_server.auth.sessions import Subject
from api_server.clusters.views import cluster_view
from api_server.fields import Fields
from api_server.mgmt_events import events_about
from api_server.repositories.views import repository_view
from api_server.services import Services
from gitops.model.errors import NotPermitted
from gitops.model.resource import Manifest
from gitops.sync import windows

router = APIRouter(prefix="/api/v1/projects", tags=["projects"])


@router.get("", summary="Every project the user may see")
async def list_projects(
    services: Served,
    user: CurrentUser,
    name: Annotated[str, Query()] = "",
    fields_text: Annotated[str, Query(alias="fields")] = "",
) -> Response:
    projects = services.store.projects
    names = [
        each
        for each in projects.names()
        if (not name or each == name) and services.policy.allows(user, "projects", "get", each)
    ]
    if fields := Fields.parse(fields_text):
        items = [projects.raw(each) for each in names]
        whole = {"metadata": {"resourceVersion": projects.resource_version}, "items": items}
        return json_answer({"items": [], **fields.applied(whole)})
    encoded = [found for each in names if (found := projects.encoded(each)) is not None]
    return raw_answer(listed(encoded, projects.resource_version))


@router.get("/{name}", summary="One project")
async def get_project(services: Served, user: CurrentUser, name: Segment) -> Response:
    return json_answer(_allowed(services, user, name))


@router.get("/{name}/detailed", summary="A project with the repositories and clusters that belong to it")
async def get_detailed(services: Served, user: CurrentUser, name: Segment) -> Response:
    project = _allowed(services, user, name)
    repositories = [repository_view(each) for each in services.store.repositories.all() if each.project == name]
    clusters = [cluster_view(each, {}) for each in services.store.clusters.all() if each.project == name]
    told: dict[str, Any] = {"globalProjects": [], "project": project}
    return json_answer({**told, "repositories": repositories, "clusters": clusters})


@router.get("/{name}/events", summary="Kubernetes events about the project")
async def events(services: Served, user: CurrentUser, name: Segment) -> Response:
    return json_answer(await events_about(services.store.client, _allowed(services, user, name)))


@router.get("/{name}/syncwindows", summary="The windows that are open now")
async def sync_windows(services: Served, user: CurrentUser, name: Segment) -> Response:
    _allowed(services, user, name)
    project, now = services.store.projects.get(name), services.clock.now()
    active = [each for each in project.spec.sync_windows if windows.is_active(each, now)] if project else []
    return json_answer({"windows": active})


def _allowed(services: Services, user: Subject, name: str) -> Manifest:
    """One that is not there answers like one that is forbidden."""
    check(services, user, "projects", "get", name)
    project = services.store.projects.raw(name)
    if project is None:
        raise NotPermitted(f"permission denied: projects, get, {name}, sub: {user.name}")
    return project
