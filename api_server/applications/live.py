"""What runs: tree, differences, single objects and their events, asked of the controller."""

from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Depends, Query, Request
from starlette.responses import Response

from api_server.access import AppAsked, CurrentUser, ReadableApp, Segment, Served, allowed_app, app_object
from api_server.answers import json_answer, raw_answer
from api_server.audit import EventReason
from api_server.fields import Fields
from api_server.mgmt_events import events_about
from gitops.model.resource import ResourceKey

router = APIRouter(prefix="/api/v1/applications", tags=["applications"])


class Wanted(msgspec.Struct, frozen=True):
    """One live object, as the query names it."""

    key: ResourceKey
    version: str = ""


async def _wanted(
    resource_name: Annotated[str, Query(alias="resourceName", min_length=1)],
    kind: Annotated[str, Query(min_length=1)],
    version: Annotated[str, Query()] = "",
    group: Annotated[str, Query()] = "",
    namespace: Annotated[str, Query()] = "",
) -> Wanted:
    return Wanted(ResourceKey(group, kind, namespace, resource_name), version)


WantedObject = Annotated[Wanted, Depends(_wanted)]


@router.get("/{name}/resource-tree", summary="The application's objects, from what it deploys down to Pods")
async def resource_tree(request: Request, services: Served, asked: ReadableApp) -> Response:
    return raw_answer(request, await services.live.resource_tree(asked.name))


@router.get("/{name}/managed-resources", summary="Live, desired and predicted state of every managed object")
async def managed_resources(
    request: Request,
    services: Served,
    asked: ReadableApp,
    namespace: Annotated[str, Query()] = "",
    resource: Annotated[str, Query(alias="name", description="of the object")] = "",
    version: Annotated[str, Query()] = "",
    group: Annotated[str, Query()] = "",
    kind: Annotated[str, Query()] = "",
    fields_text: Annotated[str, Query(alias="fields")] = "",
) -> Response:
    items = await services.live.managed_resources(asked.name)
    wanted = {"namespace": namespace, "name": resource, "version": version, "group": group, "kind": kind}
    fields = Fields.parse(fields_text)
    if not any(wanted.values()) and fields is None:
        return raw_answer(request, b'{"items":' + (items or b"[]") + b"}")
    chosen = {"items": [each for each in msgspec.json.decode(items or b"[]") if _fits(each, wanted)]}
    return raw_answer(request, msgspec.json.encode(fields.applied(chosen) if fields else chosen))


@router.get("/{name}/resource", summary="One live object, Secrets masked")
async def get_resource(services: Served, asked: ReadableApp, wanted: WantedObject) -> Response:
    manifest = await services.live.live_object(asked.name, wanted.key, version=wanted.version)
    return json_answer({"manifest": manifest.decode()})


@router.delete("/{name}/resource", summary="Delete one live object")
async def delete_resource(
    services: Served,
    user: CurrentUser,
    name: Segment,
    wanted: WantedObject,
    force: Annotated[bool, Query()] = False,
    orphan: Annotated[bool, Query()] = False,
    app_namespace: Annotated[str, Query(alias="appNamespace")] = "",
    project: Annotated[str, Query()] = "",
) -> Response:
    key = wanted.key
    action = f"delete/{key.group}/{key.kind}/{key.namespace}/{key.name}"
    asked = allowed_app(services, user, action, name, namespace=app_namespace, project=project)
    await services.live.delete_live_object(asked.name, key, version=wanted.version, force=force, orphan=orphan)
    services.audit.record(user, "applications/delete-resource", app_object(asked.manifest), resource=str(key))
    services.audit.tell(user, asked.manifest, EventReason.RESOURCE_DELETED, f"deleted resource {key}")
    return json_answer({})


@router.get("/{name}/events", summary="Kubernetes events about the application, or about one of its objects")
async def events(
    services: Served,
    asked: ReadableApp,
    resource_name: Annotated[str, Query(alias="resourceName")] = "",
    resource_namespace: Annotated[str, Query(alias="resourceNamespace")] = "",
    resource_uid: Annotated[str, Query(alias="resourceUID")] = "",
    resource_kind: Annotated[str, Query(alias="resourceKind")] = "",
    resource_group: Annotated[str, Query(alias="resourceGroup")] = "",
) -> Response:
    if not (resource_name or resource_uid):
        return json_answer(await _own_events(services, asked))
    key = ResourceKey(resource_group, resource_kind, resource_namespace, resource_name)
    found = await services.live.events(asked.name, key, uid=resource_uid)
    return Response(found, media_type="application/json")


async def _own_events(services: Served, asked: AppAsked) -> dict[str, Any]:
    return await events_about(services.store.client, asked.manifest)


def _fits(item: dict[str, Any], wanted: dict[str, str]) -> bool:
    return all(not value or item.get(part, "") == value for part, value in wanted.items())
