"""What a visit writes: only what is new, all that is new, and nothing of what is over."""

from datetime import UTC, datetime
from typing import Any

from hypothesis import given
from hypothesis import strategies as some

from adapters.store.decode import application
from app_controller.desired import Desired
from app_controller.reconcile.status import (
    Findings,
    abridged_patch,
    findings_of_error,
    has_moved_on,
    status_patch,
    transitions,
    unreadable_patch,
)
from gitops.model.errors import ClusterUnreachable, InvalidSpec, RenderFailed
from gitops.model.merge import apply_merge_patch
from gitops.model.status import AppHealth, AppSummary, HealthCode, ResourceStatus, SyncCode

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
LATER = datetime(2026, 11, 23, 13, tzinfo=UTC)
SOURCE = {"repoURL": "https://git/x", "path": "web", "targetRevision": "main"}
REFRESH = "argocd.argoproj.io/refresh"


def an_app(status: dict[str, Any] | None = None, *, annotations: dict[str, str] | None = None, **spec: Any) -> Any:
    return {
        "metadata": {"name": "web", "namespace": "argocd", "annotations": annotations or {}},
        "spec": {"project": "default", "source": SOURCE, "destination": {"name": "dev"}, **spec},
        "status": status or {},
    }


def desired(*revisions: str) -> Desired:
    types = ("Helm", "Kustomize")[: len(revisions)]
    return Desired((SOURCE,) * len(revisions), revisions, types, (), (), (), frozenset())


def found(code: str = SyncCode.SYNCED, health: str = HealthCode.HEALTHY, **rest: Any) -> Findings:
    facts: dict[str, Any] = {
        "resources": (ResourceStatus(kind="ConfigMap", name="a", status=code),),
        "desired": desired("c1"),
        "summary": AppSummary(images=("web:1",)),
        **rest,
    }
    return Findings(code, AppHealth(health), **facts)


def patched(raw: Any, findings: Findings, *, now: datetime = NOW, refreshed: bool = False) -> Any:
    return apply_merge_patch(raw, status_patch(raw, application(raw), findings, now=now, refreshed=refreshed))


def test_the_same_findings_are_written_once() -> None:
    raw = patched(an_app(), found())
    assert raw["status"]["sync"]["revision"] == "c1"
    assert status_patch(raw, application(raw), found(), now=LATER, refreshed=False) == {}


CODES = some.sampled_from([SyncCode.SYNCED, SyncCode.OUT_OF_SYNC, SyncCode.UNKNOWN])
HEALTHS = some.sampled_from(HealthCode.BY_BADNESS)
CONDITIONS = some.lists(
    some.tuples(some.sampled_from(["ComparisonError", "SharedResourceWarning"]), some.sampled_from(["x", "y"])),
    max_size=3,
).map(tuple)
FINDINGS = some.builds(
    found,
    CODES,
    HEALTHS,
    conditions=CONDITIONS,
    resources=some.one_of(some.none(), some.just(())),
    summary=some.sampled_from([None, AppSummary(), AppSummary(images=("a", "b"))]),
    desired=some.sampled_from([None, desired("c1"), desired("c2")]),
)


@given(some.lists(FINDINGS, min_size=1, max_size=4))
def test_whatever_came_before_the_last_findings_stand_and_need_no_second_write(run: list[Findings]) -> None:
    raw = an_app()
    for each in run:
        raw = patched(raw, each)
        assert status_patch(raw, application(raw), each, now=LATER, refreshed=False) == {}
    assert raw["status"]["sync"]["status"] == run[-1].sync_code
    assert raw["status"]["health"]["status"] == run[-1].health.status
    told = {(each["type"], each["message"]) for each in raw["status"].get("conditions", ())}
    assert told == set(run[-1].conditions)


def test_several_sources_leave_nothing_of_one_behind_and_the_other_way_round() -> None:
    raw = patched(an_app(), found())
    assert raw["status"]["sourceType"] == "Helm"
    several = {**raw, "spec": {**raw["spec"], "sources": [SOURCE, SOURCE]}}
    raw = patched(several, found(desired=desired("c1", "c2")))
    assert raw["status"]["sourceTypes"] == ["Helm", "Kustomize"]
    assert "sourceType" not in raw["status"]
    assert "revision" not in raw["status"]["sync"]
    raw = patched({**raw, "spec": an_app()["spec"]}, found())
    assert "sourceTypes" not in raw["status"]
    assert "revisions" not in raw["status"]["sync"]


def test_an_error_makes_sync_unknown_and_keeps_what_is_still_true() -> None:
    raw = patched(an_app(), found())
    broken = patched(raw, findings_of_error(RenderFailed("no such value"), application(raw)))
    assert broken["status"]["sync"]["status"] == "Unknown"
    assert broken["status"]["health"]["status"] == "Healthy"
    assert broken["status"]["resources"] == raw["status"]["resources"]
    silent = patched(raw, findings_of_error(ClusterUnreachable("gone"), application(raw)))
    assert silent["status"]["health"]["status"] == "Unknown"
    mended = patched(silent, found())
    assert "conditions" not in mended["status"]


def test_a_refresh_is_over_and_reconciled_at_moves_though_nothing_is_new() -> None:
    raw = patched(an_app(annotations={REFRESH: "normal"}), found())
    after = patched(raw, found(), now=LATER, refreshed=True)
    assert after["status"]["reconciledAt"] == "2026-11-23T13:00:00Z"
    assert REFRESH not in after["metadata"]["annotations"]


def test_a_comparison_after_the_end_of_an_operation_is_dated_after_it() -> None:
    raw = patched(an_app(), found())
    raw["status"]["operationState"] = {"phase": "Succeeded", "finishedAt": "2026-11-23T12:30:00Z"}
    assert patched(raw, found(), now=LATER)["status"]["reconciledAt"] == "2026-11-23T13:00:00Z"


def test_conditions_of_others_and_their_times_stay() -> None:
    other = {"type": "DeletionError", "message": "stuck", "lastTransitionTime": "2026-01-01T00:00:00Z"}
    raw = patched(an_app({"conditions": [other]}), found(conditions=(("ComparisonError", "bad"),)))
    assert other in raw["status"]["conditions"]
    again = patched(raw, found(conditions=(("ComparisonError", "bad"), ("SyncError", "too"))), now=LATER)
    times = {each["type"]: each["lastTransitionTime"] for each in again["status"]["conditions"]}
    assert times["ComparisonError"] == "2026-11-23T12:00:00Z"
    assert times["SyncError"] == "2026-11-23T13:00:00Z"


def test_the_order_in_which_problems_were_found_does_not_matter() -> None:
    one, two = ("ComparisonError", "a"), ("SharedResourceWarning", "b")
    raw = patched(an_app(), found(conditions=(one, two)))
    turned = found(conditions=(two, one, two))
    assert status_patch(raw, application(raw), turned, now=LATER, refreshed=False) == {}


def test_an_application_that_cannot_be_read_is_not_shown_as_fine() -> None:
    raw = patched(an_app(annotations={REFRESH: "hard"}), found())
    patch = unreadable_patch(raw, InvalidSpec("spec.source: wrong"), now=LATER)
    after = apply_merge_patch(raw, patch)
    assert after["status"]["sync"]["status"] == "Unknown"
    assert after["status"]["conditions"][0]["message"] == "spec.source: wrong"
    assert REFRESH not in after["metadata"]["annotations"]
    assert unreadable_patch(after, InvalidSpec("spec.source: wrong"), now=LATER) == {}
    odd = {"metadata": {"name": "web"}, "status": {"conditions": "what?", "sync": 3}}
    assert unreadable_patch(odd, InvalidSpec("x"), now=NOW)["status"]["sync"]["status"] == "Unknown"


def test_findings_about_what_has_changed_since_are_known_as_such() -> None:
    running = {"operationState": {"phase": "Running", "startedAt": "1", "message": "a"}}
    begun = an_app(running)
    assert not has_moved_on(begun, an_app({"operationState": {**running["operationState"], "message": "b"}}))
    assert not has_moved_on(begun, an_app({**running, "sync": {"status": "Synced"}}))
    assert has_moved_on(begun, an_app({"operationState": {"phase": "Failed", "startedAt": "1", "finishedAt": "2"}}))
    assert has_moved_on(begun, an_app(running, project="other"))


def test_transitions_are_told_but_not_the_first_state() -> None:
    assert transitions(an_app(), found()) == ()
    raw = patched(an_app(), found())
    assert transitions(raw, found(SyncCode.OUT_OF_SYNC, HealthCode.DEGRADED)) == (
        "Updated sync status: Synced -> OutOfSync",
        "Updated health status: Healthy -> Degraded",
    )


def test_a_status_too_large_keeps_what_matters_most() -> None:
    resources = [{"name": str(number), "status": "Synced" if number % 2 else "OutOfSync"} for number in range(4000)]
    kept = abridged_patch({"status": {"resources": resources, "sync": {"status": "OutOfSync"}}})["status"]
    assert len(kept["resources"]) == 1000
    assert {each["status"] for each in kept["resources"]} == {"OutOfSync"}
    assert kept["sync"] == {"status": "OutOfSync"}
