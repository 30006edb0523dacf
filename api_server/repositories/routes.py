"""Repositories as registered: read only, never with credentials."""

from typing import Annotated

from fastapi import APIRouter, Query
from starlette.responses import Response

from api_server.access import CurrentUser, Segment, Served
from api_server.answers import json_answer
from api_server.auth.sessions import Subject
from api_server.repositories.views import repository_view
from api_server.services import Services
from gitops.model.errors import NotFound, NotPermitted
from gitops.model.repository import Repository, normalized_url

router = APIRouter(prefix="/api/v1/repositories", tags=["repositories"])

Refresh = Annotated[bool, Query(alias="forceRefresh")]
Project = Annotated[str, Query(alias="appProject")]


@router.get("", summary="Every repository the user may see, and whether it answers")
async def list_repositories(services: Served, user: CurrentUser, force_refresh: Refresh = False) -> Response:
    seen = [each for each in _connectable(services) if _may_see(services, user, each)]
    states = await services.connections.states(seen, anew=force_refresh)
    items = [repository_view(each, state) for each, state in zip(seen, states, strict=True)]
    return json_answer({"metadata": {}, "items": items})


@router.get("/{repo}", summary="One repository, by its URL")
async def get_repository(
    services: Served, user: CurrentUser, repo: Segment, force_refresh: Refresh = False, project: Project = ""
) -> Response:
    repository = _allowed(services, user, repo, project)
    [state] = await services.connections.states([repository], anew=force_refresh)
    return json_answer(repository_view(repository, state))


@router.get("/{repo}/refs", summary="Branches and tags")
async def list_refs(services: Served, user: CurrentUser, repo: Segment, project: Project = "") -> Response:
    refs = await services.repo.list_refs(_allowed(services, user, repo, project))
    return json_answer({"branches": sorted(refs.branches), "tags": sorted(refs.tags)})


def _connectable(services: Services) -> list[Repository]:
    """As registered, with the credentials of a template where they have none of their own."""
    repositories = services.store.repositories
    return [repositories.for_url(each.url, each.project) for each in repositories.all()]


def _may_see(services: Services, user: Subject, repository: Repository) -> bool:
    named = f"{repository.project}/{repository.url}" if repository.project else repository.url
    return services.policy.allows(user, "repositories", "get", named)


def _allowed(services: Services, user: Subject, url: str, project: str) -> Repository:
    """One that is not registered answers like one that is forbidden, except to those who may see all."""
    wanted = normalized_url(url)
    found = [each for each in _connectable(services) if normalized_url(each.url) == wanted]
    seen = [each for each in found if _may_see(services, user, each) and (not project or each.project in ("", project))]
    if seen:
        return seen[0]
    if not found and services.policy.allows(user, "repositories", "get", url):
        raise NotFound(f"no repository `{url}` is registered")
    raise NotPermitted(f"permission denied: repositories, get, {url}, sub: {user.name}")
