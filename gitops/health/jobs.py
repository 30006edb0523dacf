"""Health of what runs to an end: Job, Argo Workflow."""

from gitops.health.verdicts import degraded, healthy, part, progressing, suspended, unknown
from gitops.model.resource import Manifest, conditions_of
from gitops.model.status import Health


def job(manifest: Manifest) -> Health:
    found = {each.type: each for each in conditions_of(manifest)}
    if "Failed" in found:
        return degraded(found["Failed"].message)
    if (halted := found.get("Suspended")) and halted.status == "True":
        return suspended(halted.message)
    if "Complete" in found:
        return healthy(found["Complete"].message)
    # A job that was suspended and goes on keeps the condition, as False.
    return healthy(halted.message) if halted else progressing()


_WORKFLOW_PHASES = {
    "": progressing,
    "Pending": progressing,
    "Running": progressing,
    "Succeeded": healthy,
    "Failed": degraded,
    "Error": degraded,
}


def workflow(manifest: Manifest) -> Health:
    status = part(manifest, "status")
    verdict = _WORKFLOW_PHASES.get(str(status.get("phase") or ""), unknown)
    return verdict(str(status.get("message") or ""))
