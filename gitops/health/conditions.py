"""Health of the many kinds that sum themselves up in conditions or in a phase; tables say which means what."""

from collections.abc import Callable, Mapping

from gitops.health.verdicts import degraded, healthy, part, progressing, suspended, unknown, whole_number
from gitops.model.resource import Condition, Manifest, conditions_of
from gitops.model.status import Health

Verdict = Callable[[str], Health]


def generation_observed(manifest: Manifest) -> bool:
    """Whether the controller has seen the newest spec; before that its status speaks of an older one."""
    generation = whole_number(part(manifest, "metadata"), "generation")
    return generation <= whole_number(part(manifest, "status"), "observedGeneration")


def is_stale(manifest: Manifest) -> bool:
    """Of kinds that need not say what they have observed: whether they say that it is an older spec."""
    return "observedGeneration" in part(manifest, "status") and not generation_observed(manifest)


def condition_of(manifest: Manifest, kind: str) -> Condition | None:
    """The condition, unless it is about an older spec; what it says of itself counts more than what the status says."""
    found = next((each for each in conditions_of(manifest) if each.type == kind), None)
    if found is None or (found.observed_generation is None and is_stale(manifest)):
        return None
    generation = whole_number(part(manifest, "metadata"), "generation")
    return None if (found.observed_generation or generation) < generation else found


def by_condition(kind: str, *, otherwise: Verdict = progressing) -> Callable[[Manifest], Health]:
    """True is Healthy, False Degraded, anything else `otherwise`; what is about an older spec does not count."""

    def check(manifest: Manifest) -> Health:
        found = condition_of(manifest, kind)
        if found is None:
            return progressing(f"Waiting for a condition {kind} of the newest spec")
        told = found.message or found.reason
        if found.status == "True":
            return healthy(told)
        return degraded(told) if found.status == "False" else otherwise(told)

    return check


ready = by_condition("Ready")


def by_phase(phases: Mapping[str, tuple[Verdict, str]]) -> Callable[[Manifest], Health]:
    """`status.phase`, each with its verdict and what is said where the status says nothing itself."""

    def check(manifest: Manifest) -> Health:
        status = part(manifest, "status")
        phase, told = str(status.get("phase") or ""), str(status.get("message") or "")
        if not phase:
            return progressing(told or f"Waiting for the {manifest.get('kind')} to be looked at")
        verdict, usually = phases.get(phase, (unknown, f"phase {phase} is not known"))
        return verdict(told or usually)

    return check


analysis_run = by_phase(
    {
        "Pending": (progressing, "The analysis has not begun"),
        "Running": (progressing, "The analysis is running"),
        "Successful": (healthy, "The analysis was successful"),
        "Failed": (degraded, "The analysis failed"),
        "Error": (degraded, "The analysis could not be made"),
        "Inconclusive": (unknown, "The analysis was inconclusive"),
    }
)

experiment = by_phase(
    {
        "Pending": (progressing, "The experiment has not begun"),
        "Running": (progressing, "The experiment is running"),
        "Successful": (healthy, "The experiment was successful"),
        "Failed": (degraded, "The experiment failed"),
        "Error": (degraded, "The experiment could not be made"),
    }
)


def certificate(manifest: Manifest) -> Health:
    """cert-manager: while an issuance runs, Ready=False is not yet a failure."""
    if (issuing := condition_of(manifest, "Issuing")) and issuing.status == "True":
        return progressing(issuing.message)
    return ready(manifest)


def sealed_secret(manifest: Manifest) -> Health:
    if part(manifest, "status") and not generation_observed(manifest):
        return progressing("Waiting for the Sealed Secrets controller to see the newest spec")
    return by_condition("Synced")(manifest)


def external_secret(manifest: Manifest) -> Health:
    """External Secrets tells the spec it has synced as `<generation>-<digest>`."""
    found = ready(manifest)
    spec, status = part(manifest, "spec"), part(manifest, "status")
    synced = str(status.get("syncedResourceVersion") or "").partition("-")[0]
    generation = whole_number(part(manifest, "metadata"), "generation")
    once = spec.get("refreshPolicy") == "CreatedOnce"  # a newer spec is left alone then
    if found.status == healthy().status and synced and generation and synced != str(generation) and not once:
        return progressing("Waiting for the newest spec to be synced")
    return found


def disruption_budget(manifest: Manifest) -> Health:
    """InsufficientPods is no fault: a budget may forbid every disruption on purpose."""
    if is_stale(manifest) or not conditions_of(manifest):
        return progressing("Waiting for the disruption controller to see the newest spec")
    for each in conditions_of(manifest):
        if each.status != "True" and each.reason != "InsufficientPods":
            verdict = degraded if each.status == "False" else progressing
            return verdict(each.message or each.reason)
    return healthy()


def prometheus(manifest: Manifest) -> Health:
    available = condition_of(manifest, "Available")
    if available is None:
        return progressing("Waiting for the operator to see the newest spec")
    told = available.message or available.reason
    if available.status == "True":
        return healthy(told)
    return progressing(told) if available.reason == "SomePodsNotReady" else degraded(told)


# What else has to be True for Flux's kinds: the release is installed, the artifact can be had.
_FLUX_OUTCOMES: Mapping[str, frozenset[str]] = {
    "HelmRelease": frozenset({"Released", "TestSuccess"}),
    "HelmRepository": frozenset({"ArtifactInStorage"}),
    "OCIRepository": frozenset({"ArtifactInStorage"}),
    "GitRepository": frozenset({"ArtifactInStorage"}),
    "Bucket": frozenset({"ArtifactInStorage"}),
    "HelmChart": frozenset({"ArtifactInStorage"}),
}


def flux(manifest: Manifest) -> Health:
    spec, kind = part(manifest, "spec"), str(manifest.get("kind"))
    if spec.get("suspend") is True:
        return suspended(f"{kind} is suspended")
    if kind == "HelmRepository" and spec.get("type") == "oci":
        return healthy("A Helm repository of type oci has no status")
    found = condition_of(manifest, "Ready")
    if found is None:
        return progressing("Waiting for Flux to see the newest spec")
    told = found.message or found.reason
    if found.status != "True":
        return degraded(told) if found.status == "False" else progressing(told)
    outcomes = _FLUX_OUTCOMES.get(kind, frozenset())
    missing = outcomes and not any(each.type in outcomes and each.status == "True" for each in conditions_of(manifest))
    return degraded(told) if missing else healthy(told)
