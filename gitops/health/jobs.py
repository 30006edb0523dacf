"""Health of what runs to an end: Job, CronJob, Argo Workflow."""

from collections.abc import Mapping

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


def cron_job(manifest: Manifest) -> Health:
    """Only what is known to have failed is Degraded; a schedule that is suspended is as it should be."""
    status = manifest.get("status")
    if part(manifest, "spec").get("suspend") is True:
        return healthy("CronJob is suspended")
    if not isinstance(status, Mapping):
        return progressing("Waiting for the CronJob to be looked at")
    began, succeeded = str(status.get("lastScheduleTime") or ""), str(status.get("lastSuccessfulTime") or "")
    if not began:
        return healthy("It has not been scheduled yet")
    if not succeeded:
        return healthy("It has never ended successfully so far")
    if status.get("active"):
        return healthy("It is running")
    # Times are written alike, so that texts compare as they do.
    return degraded("Its last run has not ended successfully") if succeeded < began else healthy()


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
