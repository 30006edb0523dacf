"""Kinds that tell of themselves in conditions or phases, in each state their controllers bring them to."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gitops.health.assess import ANY_VERSION, CHECKS, assess
from gitops.model.resource import GroupKind
from gitops.model.status import HealthCode

HEALTHY, PROGRESSING, DEGRADED = HealthCode.HEALTHY, HealthCode.PROGRESSING, HealthCode.DEGRADED
SUSPENDED, UNKNOWN = HealthCode.SUSPENDED, HealthCode.UNKNOWN

# Objects as the real controllers (Argo Rollouts, Sealed Secrets, External Secrets) left them, cut to what tells.
OBSERVED = [
    json.loads(line) for line in (Path(__file__).parents[3] / "corpora" / "health.jsonl").read_text().splitlines()
]

Manifest = dict[str, Any]


@pytest.mark.parametrize(("state", "code", "manifest"), OBSERVED, ids=[each[0] for each in OBSERVED])
def test_an_observed_object_is_as_its_state_says(state: str, code: str, manifest: Manifest) -> None:
    health = assess(manifest)
    assert health is not None
    assert health.status == code, state


def of(
    api: str, kind: str, status: Any = None, spec: Any = None, generation: int | None = 2, **metadata: Any
) -> Manifest:
    found: Manifest = {"apiVersion": api, "kind": kind, "metadata": {"name": "it", **metadata}, "spec": spec or {}}
    if generation is not None:
        found["metadata"]["generation"] = generation
    return found if status is None else {**found, "status": status}


def told(*conditions: str, observed: int | None = None, **status: Any) -> Manifest:
    """`Ready`, `!Ready` (False), `?Ready` (Unknown), each with a reason behind a colon."""
    listed = []
    for each in conditions:
        name, _, reason = each.lstrip("!?").partition(":")
        code = {"!": "False", "?": "Unknown"}.get(each[0], "True")
        about = {} if observed is None else {"observedGeneration": observed}
        listed.append({"type": name, "status": code, "reason": reason or "Because", "message": "", **about})
    return {"conditions": listed, **status}


def rollout(status: Any = None, **rest: Any) -> Manifest:
    return of("argoproj.io/v1alpha1", "Rollout", status, **rest)


# Versions of Argo Rollouts before 1.0 have no phase, before 0.10 an observedGeneration that is a hash.
OLD = {"observedGeneration": "2", "currentPodHash": "new", "stableRS": "new"}
DONE = {**OLD, "replicas": 3, "updatedReplicas": 3, "availableReplicas": 3}
CANARY: Manifest = {"replicas": 3, "strategy": {"canary": {}}}
BLUE_GREEN: Manifest = {"replicas": 3, "strategy": {"blueGreen": {}}}
WORKLOAD = {"workloadRef": {"kind": "Deployment", "name": "web"}}
OF_WORKLOAD = {"rollout.argoproj.io/workload-generation": "4"}

ROLLOUTS: dict[str, tuple[Manifest, str]] = {
    "not looked at yet": (rollout(), PROGRESSING),
    "a newer spec": (rollout({"observedGeneration": "1", "phase": "Healthy"}), PROGRESSING),
    "a newer spec, told as a number": (rollout({"observedGeneration": 1, "phase": "Healthy"}), PROGRESSING),
    "the newest spec": (rollout({"observedGeneration": "2", "phase": "Healthy"}), HEALTHY),
    "a newer workload": (
        rollout(
            {"observedGeneration": "2", "workloadObservedGeneration": "3", "phase": "Healthy"},
            spec=WORKLOAD,
            annotations=OF_WORKLOAD,
        ),
        PROGRESSING,
    ),
    "the newest workload": (
        rollout(
            {"observedGeneration": "2", "workloadObservedGeneration": "4", "phase": "Healthy"},
            spec=WORKLOAD,
            annotations=OF_WORKLOAD,
        ),
        HEALTHY,
    ),
    "a phase nobody knows": (rollout({"observedGeneration": "2", "phase": "Splendid"}), UNKNOWN),
    "a hash for a generation": (rollout({**DONE, "observedGeneration": "5fc8ff6c8b"}, spec=CANARY), HEALTHY),
    "a hash of digits": (rollout({**DONE, "observedGeneration": "7466884895"}, spec=CANARY), HEALTHY),
    "digits without end": (rollout({**DONE, "observedGeneration": "9" * 5000}, spec=CANARY), HEALTHY),
    "a digit of another script": (rollout({**DONE, "observedGeneration": "\u00b2"}, spec=CANARY), HEALTHY),
    "not reconciled": (rollout({"observedGeneration": "2", "replicas": 3}, spec=CANARY), PROGRESSING),
    "a wrong spec": (rollout({**DONE, **told("InvalidSpec")}, spec=CANARY), DEGRADED),
    "aborted": (rollout({**DONE, **told("!Progressing:RolloutAborted")}, spec=CANARY), DEGRADED),
    "too slow": (rollout({**DONE, **told("!Progressing:ProgressDeadlineExceeded")}, spec=CANARY), DEGRADED),
    "paused by its steps": (rollout({**DONE, "pauseConditions": [{"reason": "x"}]}, spec=CANARY), SUSPENDED),
    "paused by hand": (rollout(DONE, spec={**CANARY, "paused": True}), SUSPENDED),
    "not all updated": (rollout({**DONE, "updatedReplicas": 2}, spec=CANARY), PROGRESSING),
    "not all available": (rollout({**DONE, "availableReplicas": 2}, spec=CANARY), PROGRESSING),
    "old ones left": (rollout({**DONE, "replicas": 4}, spec=CANARY), PROGRESSING),
    "steps left": (rollout({**DONE, "stableRS": "old"}, spec=CANARY), PROGRESSING),
    "canary done": (rollout(DONE, spec=CANARY), HEALTHY),
    "canary done before 0.8": (
        rollout({**DONE, "stableRS": None, "canary": {"stableRS": "new"}}, spec=CANARY),
        HEALTHY,
    ),
    "still serving the old": (rollout({**DONE, "blueGreen": {"activeSelector": "old"}}, spec=BLUE_GREEN), PROGRESSING),
    "blue-green done": (rollout({**DONE, "blueGreen": {"activeSelector": "new"}}, spec=BLUE_GREEN), HEALTHY),
    "blue-green analysed": (
        rollout({**DONE, "stableRS": "old", "blueGreen": {"activeSelector": "new"}}, spec=BLUE_GREEN),
        PROGRESSING,
    ),
}


def crd(status: Any = None, **rest: Any) -> Manifest:
    return of("apiextensions.k8s.io/v1", "CustomResourceDefinition", status, **rest)


def budget(status: Any = None) -> Manifest:
    return of("policy/v1", "PodDisruptionBudget", status)


def cron(status: Any = None, **spec: Any) -> Manifest:
    return of("batch/v1", "CronJob", status, spec)


NOON, LATER = "2026-11-24T12:00:00Z", "2026-11-24T12:05:00Z"


def gateway(*conditions: str, listeners: tuple[Manifest, ...] = (), observed: int | None = 2) -> Manifest:
    named = [{"name": f"l{number}", **each} for number, each in enumerate(listeners)]
    return of("gateway.networking.k8s.io/v1", "Gateway", told(*conditions, observed=observed, listeners=named))


def route(*parents: Manifest, kind: str = "HTTPRoute") -> Manifest:
    listed = [{"parentRef": {"name": f"gw{number}"}, **each} for number, each in enumerate(parents)]
    return of("gateway.networking.k8s.io/v1", kind, {"parents": listed})


def flux(kind: str, status: Any = None, **spec: Any) -> Manifest:
    group = {"HelmRelease": "helm", "Kustomization": "kustomize"}.get(kind, "source")
    return of(f"{group}.toolkit.fluxcd.io/v1", kind, status, spec)


ACCEPTED = told("Accepted", "ResolvedRefs", observed=2)

OTHERS: dict[str, tuple[Manifest, str]] = {
    "crd: no status": (crd(), PROGRESSING),
    "crd: no conditions": (crd({"conditions": []}), PROGRESSING),
    "crd: established": (crd(told("NamesAccepted", "Established")), HEALTHY),
    "crd: being installed": (crd(told("NamesAccepted", "!Established:Installing")), PROGRESSING),
    "crd: not established": (crd(told("NamesAccepted", "!Established:Refused")), DEGRADED),
    "crd: names refused": (crd(told("!NamesAccepted", "!Established:NotAccepted")), DEGRADED),
    "crd: schema refused": (crd(told("NonStructuralSchema", "NamesAccepted", "Established")), DEGRADED),
    "crd: terminating": (crd(told("Terminating", "Established")), PROGRESSING),
    "crd: being deleted": (crd(told("Established"), deletionTimestamp=NOON), PROGRESSING),
    "budget: no status": (budget(), PROGRESSING),
    "budget: allows disruptions": (budget(told("DisruptionAllowed:SufficientPods", observed=2)), HEALTHY),
    "budget: allows none": (budget(told("!DisruptionAllowed:InsufficientPods", observed=2)), HEALTHY),
    "budget: cannot be worked out": (budget(told("!DisruptionAllowed:SyncFailed", observed=2)), DEGRADED),
    "budget: not known": (budget(told("?DisruptionAllowed:Thinking")), PROGRESSING),
    "budget: of an older spec": (budget({**told("DisruptionAllowed"), "observedGeneration": 1}), PROGRESSING),
    "cron: not looked at": (cron(), PROGRESSING),
    "cron: not due yet": (cron({}), HEALTHY),
    "cron: suspended": (cron({"lastScheduleTime": LATER, "lastSuccessfulTime": NOON}, suspend=True), HEALTHY),
    "cron: never succeeded": (cron({"lastScheduleTime": NOON}), HEALTHY),
    "cron: running": (cron({"lastScheduleTime": LATER, "lastSuccessfulTime": NOON, "active": [{}]}), HEALTHY),
    "cron: last one failed": (cron({"lastScheduleTime": LATER, "lastSuccessfulTime": NOON}), DEGRADED),
    "cron: last one succeeded": (cron({"lastScheduleTime": NOON, "lastSuccessfulTime": LATER}), HEALTHY),
    "class: accepted": (of("gateway.networking.k8s.io/v1", "GatewayClass", told("Accepted", observed=2)), HEALTHY),
    "class: refused": (of("gateway.networking.k8s.io/v1", "GatewayClass", told("!Accepted", observed=2)), DEGRADED),
    "class: waiting": (of("gateway.networking.k8s.io/v1", "GatewayClass", told("?Accepted")), PROGRESSING),
    "class: stale": (of("gateway.networking.k8s.io/v1", "GatewayClass", told("Accepted", observed=1)), PROGRESSING),
    "gateway: nothing told": (of("gateway.networking.k8s.io/v1", "Gateway"), PROGRESSING),
    "gateway: programmed": (gateway("Accepted", "Programmed", listeners=(ACCEPTED,)), HEALTHY),
    "gateway: refused": (gateway("!Accepted"), DEGRADED),
    "gateway: not programmed": (gateway("Accepted", "!Programmed"), PROGRESSING),
    "gateway: a listener's certificate": (gateway("Accepted", listeners=(ACCEPTED, told("!ResolvedRefs"))), DEGRADED),
    "gateway: not known": (gateway("?Accepted"), PROGRESSING),
    "gateway: of an older spec": (gateway("Accepted", "Programmed", observed=1), PROGRESSING),
    "route: no gateway": (route(), PROGRESSING),
    "route: accepted": (route(ACCEPTED), HEALTHY),
    "route: refused": (route(ACCEPTED, told("!Accepted", observed=2)), DEGRADED),
    "route: no backend": (route(told("Accepted", "!ResolvedRefs", observed=2)), DEGRADED),
    "route: a gateway of an older spec does not count": (route(told("!Accepted", observed=1), ACCEPTED), HEALTHY),
    "route: all of an older spec": (route(told("Accepted", observed=1)), PROGRESSING),
    "route: gRPC": (route(ACCEPTED, kind="GRPCRoute"), HEALTHY),
    "prometheus: up": (of("monitoring.coreos.com/v1", "Prometheus", told("Available", "Reconciled")), HEALTHY),
    "prometheus: starting": (
        of("monitoring.coreos.com/v1", "Prometheus", told("!Available:SomePodsNotReady")),
        PROGRESSING,
    ),
    "prometheus: down": (of("monitoring.coreos.com/v1", "Prometheus", told("!Available:NoPodReady")), DEGRADED),
    "prometheus: nothing told": (of("monitoring.coreos.com/v1", "Prometheus"), PROGRESSING),
    "release: installed": (flux("HelmRelease", told("Ready", "Released", observed=2)), HEALTHY),
    "release: installing": (flux("HelmRelease", told("?Ready", "Reconciling")), PROGRESSING),
    "release: failed": (flux("HelmRelease", told("!Ready:InstallFailed", "!Released")), DEGRADED),
    "release: ready without a release": (flux("HelmRelease", told("Ready", "!Released")), DEGRADED),
    "release: suspended": (flux("HelmRelease", told("!Ready"), suspend=True), SUSPENDED),
    "release: of an older spec": (flux("HelmRelease", told("Ready", "Released", observed=1)), PROGRESSING),
    "release: nothing told": (flux("HelmRelease"), PROGRESSING),
    "kustomization: applied": (flux("Kustomization", told("Ready", observed=2)), HEALTHY),
    "kustomization: never worked": (
        flux("Kustomization", told("!Ready", observed=2, **{"observedGeneration": -1})),
        DEGRADED,
    ),
    "repository: in storage": (flux("HelmRepository", told("Ready", "ArtifactInStorage")), HEALTHY),
    "repository: oci says nothing": (flux("HelmRepository", type="oci"), HEALTHY),
    "repository: unreachable": (flux("OCIRepository", told("!Ready:Failed")), DEGRADED),
    "run: inconclusive": (of("argoproj.io/v1alpha1", "AnalysisRun", {"phase": "Inconclusive"}), UNKNOWN),
    "run: not begun": (of("argoproj.io/v1alpha1", "AnalysisRun", {"phase": "Pending"}), PROGRESSING),
    "run: error": (of("argoproj.io/v1alpha1", "AnalysisRun", {"phase": "Error"}), DEGRADED),
    "experiment: running": (of("argoproj.io/v1alpha1", "Experiment", {"phase": "Running"}), PROGRESSING),
    "experiment: done": (of("argoproj.io/v1alpha1", "Experiment", {"phase": "Successful"}), HEALTHY),
    "experiment: failed": (of("argoproj.io/v1alpha1", "Experiment", {"phase": "Failed"}), DEGRADED),
    "experiment: a phase nobody knows": (of("argoproj.io/v1alpha1", "Experiment", {"phase": "Odd"}), UNKNOWN),
    "sealed secret: of an older spec": (
        of("bitnami.com/v1alpha1", "SealedSecret", {**told("!Synced"), "observedGeneration": 1}),
        PROGRESSING,
    ),
    "external secret: of an older spec": (
        of("external-secrets.io/v1", "ExternalSecret", {**told("Ready"), "syncedResourceVersion": "1-abc"}),
        PROGRESSING,
    ),
    "external secret: made once": (
        of(
            "external-secrets.io/v1",
            "ExternalSecret",
            {**told("Ready"), "syncedResourceVersion": "1-abc"},
            {"refreshPolicy": "CreatedOnce"},
        ),
        HEALTHY,
    ),
    "store: of an older spec": (of("external-secrets.io/v1", "SecretStore", told("Ready", observed=1)), PROGRESSING),
    "store: not known": (of("external-secrets.io/v1", "PushSecret", told("?Ready")), PROGRESSING),
}


@pytest.mark.parametrize(("manifest", "code"), ROLLOUTS.values(), ids=ROLLOUTS.keys())
def test_a_rollout_of_any_version_is_as_well_as_it_says(manifest: Manifest, code: str) -> None:
    health = assess(manifest)
    assert health is not None
    assert health.status == code


@pytest.mark.parametrize(("manifest", "code"), OTHERS.values(), ids=OTHERS.keys())
def test_a_kind_with_conditions_is_as_well_as_they_say(manifest: Manifest, code: str) -> None:
    health = assess(manifest)
    assert health is not None
    assert health.status == code


CONDITIONED = sorted(kind for kind, versions in CHECKS.items() if ANY_VERSION in versions)


def test_every_kind_of_any_version_has_a_case() -> None:
    covered = {
        (each["apiVersion"].rpartition("/")[0], each["kind"]) for each, _ in (*ROLLOUTS.values(), *OTHERS.values())
    }
    alike = {"ClusterSecretStore", "Issuer", "ClusterIssuer", "Certificate", "GitRepository", "HelmChart", "Bucket"}
    assert {kind.kind for kind in CONDITIONED if tuple(kind) not in covered} == alike


TYPES = ("Ready", "Accepted", "Available", "Synced", "Established", "Released", "ArtifactInStorage", "Issuing")
statuses = st.sampled_from(["Unknown", "", "true", "Yes"])


@given(st.sampled_from(CONDITIONED), st.lists(st.tuples(st.sampled_from(TYPES), statuses), min_size=1))
def test_what_is_not_known_to_be_well_is_never_green(kind: GroupKind, conditions: list[tuple[str, str]]) -> None:
    listed = [{"type": type, "status": status} for type, status in conditions]
    spec = {"strategy": {"canary": {}}}
    health = assess(of(f"{kind.group}/v1", kind.kind, {"conditions": listed, "observedGeneration": 2}, spec))
    assert health is not None
    # A CronJob has no conditions of which it could be said.
    assert health.status != HEALTHY or kind.kind == "CronJob"


FIELDS = (
    *("conditions", "phase", "message", "observedGeneration", "parents", "listeners", "parentRef", "name", "type"),
    *("status", "canary", "stableRS", "blueGreen", "lastScheduleTime", "syncedResourceVersion", "replicas", "reason"),
)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5) | st.just("\u00b2") | st.just("9" * 5000),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from([*FIELDS, *TYPES]), inner, max_size=4),
    max_leaves=12,
)


@given(st.sampled_from(sorted(CHECKS)), VALUES, VALUES, VALUES)
def test_no_status_spec_or_generation_can_break_a_check(
    kind: GroupKind, status: Any, spec: Any, generation: Any
) -> None:
    version = next(iter(CHECKS[kind]))
    manifest = of(f"{kind.group}/{'v1' if version == ANY_VERSION else version}".lstrip("/"), kind.kind, status, spec)
    manifest["metadata"]["generation"] = generation
    health = assess(manifest)
    assert health is not None
    assert health.status in HealthCode.BY_BADNESS
