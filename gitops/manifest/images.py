"""The images an object asks for, as Argo CD lists them in a sync's results."""

from collections.abc import Mapping
from typing import Any

from gitops.model.resource import Manifest

# Pods, what has a pod template, and CronJobs.
_PLACES = (("spec",), ("spec", "template", "spec"), ("spec", "jobTemplate", "spec", "template", "spec"))


def images_of(manifest: Manifest) -> tuple[str, ...]:
    """Of its containers, in their order; whatever shape the object may have."""
    for place in _PLACES:
        found: Any = manifest
        for name in place:
            found = found.get(name) if isinstance(found, Mapping) else None
        containers = found.get("containers") if isinstance(found, Mapping) else None
        if isinstance(containers, list):
            images = (each.get("image") for each in containers if isinstance(each, Mapping))
            return tuple(each for each in images if isinstance(each, str))
    return ()
