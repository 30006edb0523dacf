"""Kubernetes Events about our own records, as the management cluster holds them."""

from typing import Any
from urllib.parse import quote

import msgspec

from adapters.kube.client import KubeClient
from gitops.model.resource import Manifest, name_of, namespace_of, uid_of


async def events_about(client: KubeClient, record: Manifest) -> dict[str, Any]:
    """A core/v1 EventList about this very object: an earlier one of the same name is left out by its uid."""
    selector = f"involvedObject.name={name_of(record)},involvedObject.uid={uid_of(record)}"
    path = f"/api/v1/namespaces/{quote(namespace_of(record))}/events?fieldSelector={quote(selector)}&limit=500"
    found = msgspec.json.decode(await client.raw_get(path))
    metadata = found.get("metadata") or {}
    items = [_lean(each) for each in found.get("items") or ()]
    return {"metadata": {"resourceVersion": metadata.get("resourceVersion", "")}, "items": items}


def _lean(event: dict[str, Any]) -> dict[str, Any]:
    metadata = {name: value for name, value in (event.get("metadata") or {}).items() if name != "managedFields"}
    return {**event, "metadata": metadata}
