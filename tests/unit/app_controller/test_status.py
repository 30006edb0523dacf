"""What a visit writes: only what is new, all that is new, and nothing of what is over."""

from datetime import UTC, datetime
from typing import Any

import msgspec
from hypothesis import example, given, settings
from hypothesis import strategies as some

from adapters.store.decode import application
from app_controller.desired import Desired
from app_controller.reconcile.status import (
    Findings,
    findings_of_error,
    has_moved_on,
    status_patch,
    transitions,
    unreadable_patch,
)
from app_controller.reconcile.status_size import ROOM, TRUNCATED, less
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


def test_a_new_application_that_does_not_render_is_unknown_but_not_ill() -> None:
    raw = an_app()
    broken = patched(raw, findings_of_error(RenderFailed("no such value"), application(raw)))["status"]
    assert (broken["sync"]["status"], broken["health"]["status"]) == ("Unknown", "Healthy")
    assert [each["type"] for each in broken["conditions"]] == ["ComparisonError"]
    assert broken["sync"]["comparedTo"]["source"] == SOURCE
    refused = patched(raw, findings_of_error(InvalidSpec("no such project"), application(raw)))["status"]
    assert refused["health"]["status"] == "Unknown"


def test_the_controllers_namespace_is_told() -> None:
    raw = an_app()
    patch = status_patch(raw, application(raw), found(), now=NOW, refreshed=False, controller_namespace="argocd")
    assert patch["status"]["controllerNamespace"] == "argocd"


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


def many(number: int, code: str = SyncCode.SYNCED) -> tuple[ResourceStatus, ...]:
    return tuple(
        ResourceStatus(kind="ConfigMap", namespace="shop", name=f"{code}-{each:05}", status=code)
        for each in range(number)
    )


ROOMS = some.sampled_from([0, 30_000, 100_000, 250_000, 1_000_000])


@settings(deadline=None, max_examples=30)
@given(some.integers(0, 3_000), some.integers(0, 600), ROOMS)
@example(synced=599, apart=599, room=100_000)
def test_a_status_that_does_not_fit_is_cut_once_and_says_by_how_much(synced: int, apart: int, room: int) -> None:
    whole = found(SyncCode.OUT_OF_SYNC, resources=(*many(synced), *many(apart, SyncCode.OUT_OF_SYNC)))

    def patch(raw: Any) -> dict[str, Any]:
        return status_patch(raw, application(raw), whole, now=NOW, refreshed=False, room=room)

    raw = apply_merge_patch(an_app(), patch(an_app()))
    assert not patch(raw), "the second visit writes nothing"
    kept = raw["status"].get("resources", [])
    told = [each["message"] for each in raw["status"].get("conditions", ()) if each["type"] == TRUNCATED]
    assert bool(told) == (len(kept) < synced + apart)
    assert len(msgspec.json.encode(raw)) < room + 22_000
    codes = [each["status"] for each in kept]
    if told:
        assert f"holds {len(kept)} of {synced + apart} objects" in told[0]
        assert f"{apart - codes.count('OutOfSync')} of the {apart} that are not Synced" in told[0]
        # One Synced object may be there for its kind's sake, before all that are not Synced.
        assert codes.count("Synced") <= 1 or codes.count("OutOfSync") == apart
    assert [each["name"] for each in kept] == sorted((each["name"] for each in kept), key=lambda name: name[0] == "O")


def test_what_fits_does_not_depend_on_the_request_to_look_again() -> None:
    whole = found(resources=many(1_198))
    for room in range(96_200, 96_700, 10):  # somewhere in here all of them just fit
        raw = an_app(annotations={REFRESH: "hard"})
        asked = status_patch(raw, application(raw), whole, now=NOW, refreshed=True, room=room)
        raw = apply_merge_patch(raw, asked)
        assert not raw["metadata"]["annotations"]
        again = status_patch(raw, application(raw), whole, now=LATER, refreshed=False, room=room)
        assert not again, f"with room for {room} bytes"


def test_one_object_of_each_kind_is_kept_before_all_others() -> None:
    resources = (*many(3_000, SyncCode.OUT_OF_SYNC), ResourceStatus(kind="Secret", name="z", status=SyncCode.SYNCED))
    raw = an_app()
    patch = status_patch(raw, application(raw), found(resources=resources), now=NOW, refreshed=False, room=100_000)
    assert {each["kind"] for each in patch["status"]["resources"]} == {"ConfigMap", "Secret"}


def test_an_error_leaves_both_what_was_kept_and_that_it_was_cut() -> None:
    raw = an_app()
    cut = status_patch(raw, application(raw), found(resources=many(3_000)), now=NOW, refreshed=False, room=100_000)
    raw = apply_merge_patch(raw, cut)
    broken = patched(raw, findings_of_error(RenderFailed("no such value"), application(raw)))
    assert {each["type"] for each in broken["status"]["conditions"]} == {TRUNCATED, "ComparisonError"}
    assert broken["status"]["resources"] == raw["status"]["resources"]


def test_very_many_conditions_of_one_type_are_counted() -> None:
    shared = tuple(("SharedResourceWarning", f"object {number:04} is shared") for number in range(3_000))
    raw = patched(an_app(), found(conditions=(*shared, ("ComparisonError", "x" * 100_000))))
    told = raw["status"]["conditions"]
    assert len(told) == 22
    assert told[-1]["message"] == "and 2980 more like the 20 named"
    assert max(len(each["message"]) for each in told) < 20_000
    assert not status_patch(
        raw,
        application(raw),
        found(conditions=(("ComparisonError", "x" * 100_000), *shared)),
        now=LATER,
        refreshed=False,
    )


def test_less_and_less_is_tried_until_nothing_is_left_to_leave_out() -> None:
    room, tries = ROOM, 0
    while room:
        room, tries = less(room), tries + 1
    assert tries < 10
