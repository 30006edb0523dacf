"""Commands to an application: sync, roll back, stop; and whether now is a time to sync."""

from typing import Any

import msgspec
from fastapi import APIRouter
from starlette.responses import Response

from adapters.store.decode import application
from api_server.access import AppAsked, CurrentUser, ReadableApp, Served, SyncableApp, app_object, check
from api_server.answers import json_answer, shown
from api_server.applications.views import Body, RollbackRequest, SyncRequest
from api_server.audit import EventReason
from api_server.auth.sessions import Subject
from api_server.errors import FailedPrecondition
from api_server.services import Services
from gitops.model.application import Application
from gitops.model.errors import ClusterUnknown, Conflict, InvalidSpec, NotFound, NotPermitted
from gitops.model.operation import (
    Info,
    Operation,
    OperationPhase,
    RetryStrategy,
    SyncOperationResource,
    SyncStrategy,
)
from gitops.model.project import Project, SyncWindow
from gitops.model.resource import resource_version_of
from gitops.sync import rollback, windows

router = APIRouter(prefix="/api/v1/applications", tags=["operations"])
ATTEMPTS = 5


@router.post("/{name}/sync", summary="Start a sync; its progress shows in the application's operation state")
async def sync(services: Served, user: CurrentUser, asked: SyncableApp, wanted: SyncRequest) -> Response:
    _check_addressed(asked, wanted)
    if wanted.manifests:
        check(services, user, "applications", "override", app_object(asked.manifest))
    app = application(asked.manifest)
    _check_windows(services, app)
    spec = asked.manifest["spec"]
    sources = spec.get("sources") or ([spec["source"]] if spec.get("source") else [])
    operation = rollback.requested_sync(app, _request_of(wanted), by=user.name, sources=sources)
    return await _started(services, user, asked, operation, f"initiated sync to {_revision_of(app, wanted)}")


@router.post("/{name}/rollback", summary="Go back to an entry of the history")
async def roll_back(services: Served, user: CurrentUser, asked: SyncableApp, wanted: RollbackRequest) -> Response:
    _check_addressed(asked, wanted)
    app = application(asked.manifest)
    _check_windows(services, app)
    entry = wanted.id if wanted.id >= 0 else None  # a negative id: the deployment before the latest
    operation = rollback.rollback_operation(app, entry, prune=wanted.prune, dry_run=wanted.dry_run, by=user.name)
    return await _started(services, user, asked, operation, f"initiated rollback to {wanted.id}")


@router.delete("/{name}/operation", summary="Stop the operation that is under way")
async def terminate(services: Served, user: CurrentUser, asked: SyncableApp) -> Response:
    applications = services.store.applications
    app = asked.manifest
    for _ in range(ATTEMPTS):
        state = (app.get("status") or {}).get("operationState") or {}
        if not app.get("operation") or not state or state.get("phase") in OperationPhase.COMPLETED:
            raise FailedPrecondition("Unable to terminate operation. No operation is in progress")
        patch = {"operationState": {"phase": OperationPhase.TERMINATING}}
        try:
            made = await applications.write_status(asked.name, patch, resource_version=resource_version_of(app))
        except Conflict:
            fresh = await applications.fresh(asked.name)
            if fresh is None:
                raise NotFound(f"application `{asked.name.name}` was deleted meanwhile") from None
            app = fresh
            continue
        services.audit.record(user, "applications/terminate", app_object(app))
        services.audit.tell(user, made, EventReason.RESOURCE_UPDATED, "terminated running operation")
        return json_answer({})
    raise Conflict(f"application `{asked.name.name}` is changing too fast to stop its operation; try again")


@router.get("/{name}/syncwindows", summary="The project's windows that concern the application, and what they allow")
async def sync_windows(services: Served, asked: ReadableApp) -> Response:
    app = application(asked.manifest)
    project, now = _project(services, app), services.clock.now()
    concerned = [each for each in project.spec.sync_windows if windows.concerns(each, _target(services, app))]
    active = [each for each in concerned if windows.is_active(each, now)]
    verdict = windows.may_sync(project.spec.sync_windows, _target(services, app), now=now, manual=True)
    return json_answer(
        {
            "activeWindows": [_window(each) for each in active],
            "assignedWindows": [_window(each) for each in concerned],
            "canSync": verdict.allowed,
        }
    )


async def _started(services: Services, user: Subject, asked: AppAsked, operation: Operation, told: str) -> Response:
    made = await services.store.applications.start_operation(asked.name, operation)
    services.audit.record(user, "applications/sync", app_object(made), operation=told)
    services.audit.tell(user, made, EventReason.OPERATION_STARTED, told)
    return shown(made)


def _request_of(wanted: SyncRequest) -> rollback.SyncRequest:
    """The body as a value of the core."""
    strategy = wanted.strategy.model_dump(exclude_none=True) if wanted.strategy else None
    retry = wanted.retry_strategy.model_dump(by_alias=True, exclude_none=True) if wanted.retry_strategy else None
    return rollback.SyncRequest(
        revision=wanted.revision,
        revisions=wanted.revisions or (),
        prune=wanted.prune,
        dry_run=wanted.dry_run,
        strategy=msgspec.convert(strategy, SyncStrategy) if strategy else None,
        resources=tuple(
            SyncOperationResource(each.group, each.kind, each.name, each.namespace) for each in wanted.resources or ()
        ),
        manifests=wanted.manifests or (),
        sync_options=wanted.sync_options or None,
        retry=msgspec.convert(retry, RetryStrategy) if retry else None,
        infos=tuple(Info(each.name, each.value) for each in wanted.infos or ()),
    )


def _check_addressed(asked: AppAsked, body: Body) -> None:
    """A body that names another application than the path is a mistake, not a wish."""
    told = (
        (body.name, asked.name.name),
        (body.app_namespace, asked.name.namespace),
        (body.project, asked.project),
    )
    if any(said and said != meant for said, meant in told):
        raise NotPermitted(f"permission denied: the body names another application than `{asked.name.name}`")


def _check_windows(services: Services, app: Application) -> None:
    project = _project(services, app)
    now = services.clock.now()
    verdict = windows.may_sync(project.spec.sync_windows, _target(services, app), now=now, manual=True)
    if not verdict.allowed:
        raise NotPermitted(f"cannot sync: blocked by sync window ({verdict.reason})")


def _target(services: Services, app: Application) -> windows.Target:
    """The application under every name its cluster goes by."""
    destination = app.spec.destination
    try:
        cluster = services.store.clusters.find(destination.server, destination.name)
    except ClusterUnknown:
        return windows.Target.of(app)
    return windows.Target.of(app, cluster.server, cluster.name)


def _project(services: Services, app: Application) -> Project:
    project = services.store.projects.get(app.spec.project)
    if project is None:
        raise InvalidSpec(f"project `{app.spec.project}` of application `{app.metadata.name}` does not exist")
    return project


def _window(window: SyncWindow) -> dict[str, Any]:
    told = {"kind": window.kind, "schedule": window.schedule, "duration": window.duration}
    return {**told, "manualSync": window.manual_sync}


def _revision_of(app: Application, wanted: SyncRequest) -> str:
    sources = app.spec.all_sources
    return wanted.revision or ", ".join(wanted.revisions or ()) or (sources[0].target_revision if sources else "HEAD")
