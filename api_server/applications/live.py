"""What runs: tree, differences, single objects and their events, asked of the controller."""

from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Depends, Query
from starlette.responses import Response

from api_server.access import AppAsked, CurrentUser, ReadableApp, Segment, Served, allowed_app, app_object, check
from api_server.answers import json_answer, raw_answer
from api_server.audit import EventReason
from api_server.fields import Fields
from api_server.mgmt_events import events_about
from gitops.model.resource import Manifest, ResourceKey, key_of

router = APIRouter(prefix="/api/v1/applications", tags=["applications"])


class Wanted(msgspec.Struct, frozen=True):
    """Where the query looks for a live object; what is there is for the controller to say."""

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
async def resource_tree(services: Served, asked: ReadableApp) -> Response:
    return raw_answer(await services.live.resource_tree(asked.name))


@router.get("/{name}/managed-resources", summary="Live, desired and predicted state of every managed object")
async def managed_resources(
    services: Served,
    asked: ReadableApp,
    namespace: Annotated[str, Query()] = "",
    resource: Annotated[str, Query(alias="name", description="of the object")] = "",
    version: Annotated[str, Query()] = "",
    group: Annotated[str, Query()] = "",
    kind: Annotated[str, Query()] = "",
    fields_text: Annotated[str, Query(alias="fields")] = "",
) -> Response:
    """As in Argo CD a version is taken and tells nothing apart: an object is the same in each."""
    items = await services.live.managed_resources(asked.name, ResourceKey(group, kind, namespace, resource))
    fields = Fields.parse(fields_text)
    if fields is None:
        return raw_answer(b'{"items":' + (items or b"[]") + b"}")
    chosen = {"items": msgspec.json.decode(items or b"[]")}
    return raw_answer(msgspec.json.encode(fields.applied(chosen)))


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
    """Allowed or not is decided on the object as it is found, which the request only helps to find."""
    asked = allowed_app(services, user, _deletion_of(wanted.key), name, namespace=app_namespace, project=project)
    encoded = await services.live.live_object(asked.name, wanted.key, version=wanted.version)
    found: Manifest = msgspec.json.decode(encoded)
    key = key_of(found)
    check(services, user, "applications", _deletion_of(key), app_object(asked.manifest))
    await services.live.delete_live_object(asked.name, found, force=force, orphan=orphan)
    services.audit.record(user, "applications/delete-resource", app_object(asked.manifest), resource=str(key))
    services.audit.tell(user, asked.manifest, EventReason.RESOURCE_DELETED, f"deleted resource {key}")
    return json_answer({})


def _deletion_of(key: ResourceKey) -> str:
    """The action that a policy allows or not, for this very object."""
    return f"delete/{key.group}/{key.kind}/{key.namespace}/{key.name}"


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
    return raw_answer(found)


async def _own_events(services: Served, asked: AppAsked) -> dict[str, Any]:
    return await events_about(services.store.client, asked.manifest)
