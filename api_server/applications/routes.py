"""Applications themselves: list, get, create, change, delete."""

from typing import Annotated, Any

from fastapi import APIRouter, Body, Query
from starlette.responses import Response

from api_server.access import (
    AppAsked,
    CurrentUser,
    DeletableApp,
    ReadableApp,
    Served,
    UpdatableApp,
    allowed_app,
    app_object,
    check,
    may,
)
from api_server.answers import json_answer, listed, raw_answer, shown
from api_server.applications import changing
from api_server.applications.refresh import refreshed
from api_server.applications.selection import Selected
from api_server.applications.validation import check_buildable
from api_server.applications.views import PatchRequest
from api_server.audit import EventReason
from api_server.auth.sessions import Subject
from api_server.fields import Fields
from api_server.services import Services
from gitops.model.application import AppName
from gitops.model.errors import InvalidRequest
from gitops.model.resource import Manifest, name_of, uid_of

router = APIRouter(prefix="/api/v1/applications", tags=["applications"])

FieldsText = Annotated[str, Query(alias="fields", description="items.metadata.name,… or, with a leading -, all but")]
Json = Annotated[dict[str, Any], Body()]


@router.get("", summary="Every application the user may see, by name")
async def list_applications(
    services: Served, user: CurrentUser, selected: Selected, fields_text: FieldsText = ""
) -> Response:
    """Joined from bytes that are kept encoded; no model is built on this path."""
    applications = services.store.applications
    fields = Fields.parse(fields_text)
    names = [
        name
        for name in applications.names()
        if (app := applications.raw(name)) is not None and selected.wants(app) and may(services, user, "get", app)
    ]
    if fields is not None:
        items = [applications.raw(name) for name in names]
        whole = {"metadata": {"resourceVersion": applications.resource_version}, "items": items}
        return json_answer({"items": [], **fields.applied(whole)})
    encoded = [found for name in names if (found := applications.encoded(name)) is not None]
    return raw_answer(listed(encoded, applications.resource_version))


@router.get("/{name}", summary="One application; with refresh, after the controller has looked again")
async def get_application(services: Served, app: ReadableApp, refresh: Annotated[str, Query()] = "") -> Response:
    if refresh:
        return shown(await refreshed(services, app.name, refresh))
    return raw_answer(services.store.applications.encoded(app.name) or b"{}")


@router.post("", summary="Create an application")
async def create_application(
    services: Served,
    user: CurrentUser,
    app: Json,
    upsert: Annotated[bool, Query()] = False,
    validate: Annotated[bool, Query()] = True,
) -> Response:
    wanted = changing.to_create(app, services.namespace)
    name = AppName(services.namespace, name_of(wanted))
    check(services, user, "applications", "create", app_object(wanted))
    stored = services.store.applications.raw(name)
    if stored is not None:
        return await _create_again(services, user, stored, wanted, upsert=upsert, validate=validate)
    await check_buildable(services, wanted, render=validate)
    made = await services.store.applications.create(wanted)
    _told(services, user, made, "create", EventReason.RESOURCE_CREATED, "created application")
    return shown(made)


@router.put("/{name}", summary="Replace spec, labels, annotations and finalizers")
async def update_application(
    services: Served, user: CurrentUser, asked: UpdatableApp, app: Json, validate: Annotated[bool, Query()] = True
) -> Response:
    return await _changed(services, user, asked, lambda stored: changing.updated(stored, app), validate=validate)


@router.put("/{name}/spec", summary="Replace the spec")
async def update_spec(
    services: Served, user: CurrentUser, asked: UpdatableApp, spec: Json, validate: Annotated[bool, Query()] = True
) -> Response:
    made = await _change(services, user, asked, lambda stored: {**stored, "spec": spec}, validate=validate)
    return json_answer(made.get("spec") or {})


@router.patch("/{name}", summary="Change by a JSON patch or a merge patch")
async def patch_application(services: Served, user: CurrentUser, asked: UpdatableApp, change: PatchRequest) -> Response:
    return await _changed(services, user, asked, lambda stored: changing.patched(stored, change), validate=True)


@router.delete("/{name}", summary="Delete; with cascade also what it deployed")
async def delete_application(
    services: Served,
    user: CurrentUser,
    asked: DeletableApp,
    cascade: Annotated[bool, Query()] = True,
    propagation_policy: Annotated[str, Query(alias="propagationPolicy")] = "",
) -> Response:
    finalizers = changing.deletion_finalizers(asked.manifest, cascade=cascade, policy=propagation_policy)
    if finalizers is not None:
        await services.store.applications.patch(asked.name, {"metadata": {"finalizers": finalizers}})
    await services.store.applications.delete(asked.name, uid=uid_of(asked.manifest) or None)
    _told(services, user, asked.manifest, "delete", EventReason.RESOURCE_DELETED, "deleted application")
    return json_answer({})


async def _create_again(
    services: Services, user: Subject, stored: Manifest, wanted: Manifest, *, upsert: bool, validate: bool
) -> Response:
    """The same once more is fine; something else needs `upsert`, and the right to update."""
    if changing.same_wish(stored, wanted):
        return shown(stored)
    if not upsert:
        raise InvalidRequest("existing application spec is different; use upsert flag to force update")
    asked = allowed_app(services, user, "update", name_of(wanted))
    return await _changed(services, user, asked, lambda each: changing.updated(each, wanted), validate=validate)


async def _changed(
    services: Services, user: Subject, asked: AppAsked, change: changing.Change, *, validate: bool
) -> Response:
    return shown(await _change(services, user, asked, change, validate=validate))


async def _change(
    services: Services, user: Subject, asked: AppAsked, change: changing.Change, *, validate: bool
) -> Manifest:
    """Reads, changes and writes, again if somebody else was faster."""

    async def checked(stored: Manifest) -> Manifest:
        wanted = changing.kept_apart(stored, change(stored))
        # An application that moves needs the right in the project it comes to as well.
        check(services, user, "applications", "update", app_object(stored))
        check(services, user, "applications", "update", app_object(wanted))
        if wanted.get("spec") != stored.get("spec"):
            await check_buildable(services, wanted, render=validate)
        return wanted

    made = await changing.rewritten(services.store.applications, asked.name, checked)
    _told(services, user, made, "update", EventReason.RESOURCE_UPDATED, "updated application")
    return made


def _told(services: Services, user: Subject, app: Manifest, action: str, reason: str, message: str) -> None:
    services.audit.record(user, f"applications/{action}", app_object(app))
    services.audit.tell(user, app, reason, message)
