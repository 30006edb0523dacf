"""Hooks of a deletion: what is to be done next, told by nothing but what is in the cluster."""

from datetime import UTC, datetime
from typing import Any

import pytest

from gitops.manifest.annotations import HOOK, HOOK_DELETE_POLICY, SYNC_WAVE
from gitops.model.resource import Manifest, key_of
from gitops.model.status import Health, HealthCode
from gitops.sync.deletion_hooks import (
    Standing,
    attempt_of,
    deletion_runs,
    finalizers_for,
    is_deletion_run,
    outlives_success,
    standing,
)
from tests.sync_world import a_hook, an_object

NOW = attempt_of(datetime(2026, 11, 24, 10, tzinfo=UTC))
EARLIER = attempt_of(datetime(2026, 11, 23, 10, tzinfo=UTC))
PRE = "pre-delete-finalizer.argocd.argoproj.io"
POST = "post-delete-finalizer.argocd.argoproj.io"


def run_of(hook: Manifest, attempt: Any = NOW) -> dict[str, Any]:
    ((run),) = deletion_runs([hook], "PreDelete", attempt, lambda _: None)
    assert run.desired is not None
    return dict(run.desired)


def stand(hooks: list[Manifest], live: list[Manifest], health: str = HealthCode.HEALTHY) -> Standing:
    there = {key_of(each): each for each in live}
    return standing(deletion_runs(hooks, "PreDelete", NOW, there.get), lambda _: Health(health, "so it is"))


def names(tasks: Any) -> list[str]:
    return [each.key.name for each in tasks]


def test_a_later_wave_waits_for_the_earlier_one() -> None:
    early, late = a_hook("early", "PreDelete", wave=-1), a_hook("late", "PreDelete")
    assert names(stand([late, early], []).create) == ["early"]
    assert names(stand([late, early], [run_of(early)], HealthCode.PROGRESSING).running) == ["early"]
    assert names(stand([late, early], [run_of(early)]).create) == ["late"]
    assert stand([late, early], [run_of(early), run_of(late)]).done


@pytest.mark.parametrize("code", [HealthCode.DEGRADED, HealthCode.UNKNOWN])
def test_a_failed_hook_is_told_and_left(code: str) -> None:
    hook = a_hook("job", "PreDelete")
    found = stand([hook], [run_of(hook)], code)
    assert [(task.key.name, why) for task, why in found.failed] == [("job", "so it is")]
    assert (found.done, found.create, found.clear) == (False, (), ())


def test_what_an_earlier_deletion_left_is_no_run_of_this_one() -> None:
    hook = a_hook("job", "PreDelete")
    left = run_of(hook, EARLIER)
    assert names(stand([hook], [left]).clear) == ["job"]
    assert not is_deletion_run(left, NOW)
    assert is_deletion_run(run_of(hook), NOW)


@pytest.mark.parametrize(("code", "again"), [("Healthy", False), ("Degraded", True), ("Progressing", True)])
def test_a_hook_that_somebody_deletes_before_it_succeeded_is_run_again(code: str, again: bool) -> None:
    hook = a_hook("job", "PreDelete")
    going = run_of(hook)
    going["metadata"] = {**going["metadata"], "deletionTimestamp": "2026-11-24T10:01:00Z"}
    found = stand([hook], [going], code)
    assert (names(found.clear) == ["job"], found.done) == (again, not again)


def test_the_name_of_a_run_does_not_follow_the_commit() -> None:
    hook = a_hook("", "PreDelete")
    hook["metadata"] = {**hook["metadata"], "generateName": "drop-"}
    assert run_of(hook)["metadata"]["name"] == f"drop-delete-predelete-{int(NOW.started_at.timestamp())}"


def test_hooks_of_a_sync_are_none_of_a_deletion() -> None:
    assert stand([a_hook("job", "PreSync"), an_object("a")], []).done


def test_finalizers_follow_what_the_source_holds_and_leave_others_alone() -> None:
    both = [a_hook("a", "PreDelete,PostSync"), an_object("b", annotations={"helm.sh/hook": "post-delete"})]
    whole = ("mine", PRE, f"{PRE}/cleanup", POST, f"{POST}/cleanup")
    assert finalizers_for(("mine",), both) == whole
    assert finalizers_for(whole, both) == whole
    assert finalizers_for(whole, both[:1]) == ("mine", PRE, f"{PRE}/cleanup")
    assert finalizers_for(whole, []) == ("mine",)


@pytest.mark.parametrize(
    ("policy", "stays"),
    [("", False), ("HookSucceeded", False), ("BeforeHookCreation", False), ("HookFailed", True)],
)
def test_only_a_hook_that_is_to_go_when_it_fails_stays_when_it_succeeds(policy: str, stays: bool) -> None:
    marks = {HOOK: "PostDelete", SYNC_WAVE: "1", **({HOOK_DELETE_POLICY: policy} if policy else {})}
    assert outlives_success(an_object("job", kind="Job", api="batch/v1", annotations=marks)) is stays
