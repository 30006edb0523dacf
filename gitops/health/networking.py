"""Health of what leads traffic: Service, Ingress."""

from gitops.health.verdicts import HEALTHY, part, progressing
from gitops.model.resource import Manifest
from gitops.model.status import Health


def _has_address(manifest: Manifest) -> bool:
    return bool(part(part(manifest, "status"), "loadBalancer").get("ingress"))


def service(manifest: Manifest) -> Health:
    waits = part(manifest, "spec").get("type") == "LoadBalancer" and not _has_address(manifest)
    return progressing() if waits else HEALTHY


def ingress(manifest: Manifest) -> Health:
    return HEALTHY if _has_address(manifest) else progressing()
