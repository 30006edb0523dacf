"""Kubernetes Events on our records, in Argo CD's reasons."""

import uuid
from datetime import datetime
from typing import Any

from adapters.kube.client import KubeClient
from adapters.store.kinds import EVENTS
from gitops.model.application import Application
from gitops.model.moments import rfc3339

STATUS_REFRESHED = "StatusRefreshed"
RESOURCE_CREATED = "ResourceCreated"
RESOURCE_UPDATED = "ResourceUpdated"
RESOURCE_DELETED = "ResourceDeleted"
RESOURCE_ACTION_RAN = "ResourceActionRan"
OPERATION_STARTED = "OperationStarted"
OPERATION_COMPLETED = "OperationCompleted"

_LONGEST_NOTE = 1024  # the API server refuses more


def event_on(app: Application, reason: str, message: str, type: str, now: str, suffix: str) -> dict[str, Any]:
    metadata = app.metadata
    return {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {"name": f"{metadata.name[:200]}.{suffix}", "namespace": metadata.namespace},
        "involvedObject": {
            "apiVersion": "argoproj.io/v1alpha1",
            "kind": "Application",
            "name": metadata.name,
            "namespace": metadata.namespace,
            "uid": metadata.uid,
            "resourceVersion": metadata.resource_version,
        },
        "reason": reason,
        "message": message if len(message) <= _LONGEST_NOTE else f"{message[: _LONGEST_NOTE - 1]}…",
        "type": type,
        "source": {"component": "argocd-application-controller"},
        "firstTimestamp": now,
        "lastTimestamp": now,
        "count": 1,
    }


async def emit(client: KubeClient, app: Application, reason: str, message: str, type: str, *, at: datetime) -> None:
    manifest = event_on(app, reason, message, type, rfc3339(at), uuid.uuid4().hex[:16])
    await client.create(EVENTS, manifest)
