"""Health of what stores: PersistentVolumeClaim."""

from gitops.health.verdicts import HEALTHY, degraded, part, progressing, unknown
from gitops.model.resource import Manifest
from gitops.model.status import Health

_PHASES: dict[str, Health] = {"Bound": HEALTHY, "Pending": progressing(), "Lost": degraded()}


def persistent_volume_claim(manifest: Manifest) -> Health:
    return _PHASES.get(str(part(manifest, "status").get("phase") or ""), unknown())
