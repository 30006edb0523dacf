"""From two sides of each object to the application's code and health."""

from typing import Any

import pytest

from gitops.compare import (
    ObjectComparison,
    compare_object,
    resource_statuses,
    summarize,
    unknown_object,
)
from gitops.diff.ignore import compile_rules
from gitops.manifest import annotations
from gitops.model.application import IgnoreDifference
from gitops.model.resource import GroupKind, ResourceKey
from gitops.model.status import Health, HealthCode, SyncCode

RULES = compile_rules(())


def an_object(kind: str = "ConfigMap", name: str = "a", marks: Any = None, **content: Any) -> dict[str, Any]:
    metadata: dict[str, Any] = {"name": name, "namespace": "shop"}
    if marks:
        metadata["annotations"] = marks
    return {"apiVersion": "v1", "kind": kind, "metadata": metadata, **content}


def claim(phase: str, name: str = "claim", marks: Any = None) -> dict[str, Any]:
    return an_object("PersistentVolumeClaim", name, marks, status={"phase": phase})


def compared(desired: Any, live: Any, predicted: Any = None, rules: Any = RULES) -> ObjectComparison:
    return compare_object(desired, live, predicted, rules)


def test_surely_equal_is_synced() -> None:
    found = compared(an_object(data={"a": "1"}), an_object(data={"a": "1"}))
    assert (found.code, found.differences, found.requires_pruning) == (SyncCode.SYNCED, (), False)


def test_the_code_is_out_of_sync_exactly_when_a_difference_is_shown() -> None:
    live = an_object(data={"a": "1"})
    same, other = compared(live, live, an_object(data={"a": "1"})), compared(live, live, an_object(data={"a": "2"}))
    assert (same.code, same.differences) == (SyncCode.SYNCED, ())
    assert other.code == SyncCode.OUT_OF_SYNC
    assert [each.path for each in other.differences] == [".data.a"]


def test_an_ignored_difference_is_none() -> None:
    rules = compile_rules((IgnoreDifference("", "ConfigMap", json_pointers=("/data/a",)),))
    live = an_object(data={"a": "1"})
    assert compared(live, live, an_object(data={"a": "2"}), rules).code == SyncCode.SYNCED


def test_missing_and_extra_objects() -> None:
    missing, extra = compared(an_object(), None), compared(None, an_object())
    assert (missing.code, missing.is_missing, missing.requires_pruning) == (SyncCode.OUT_OF_SYNC, True, False)
    assert missing.predicted == an_object()
    assert (extra.code, extra.is_missing, extra.requires_pruning) == (SyncCode.OUT_OF_SYNC, False, True)
    with pytest.raises(ValueError, match="desired or a live"):
        compared(None, None)


@pytest.mark.parametrize("mark", [{annotations.HOOK: "PreSync"}, {annotations.HELM_HOOK: "test"}])
def test_hooks_have_no_code_and_do_not_count(mark: dict[str, str]) -> None:
    found = compared(None, an_object(marks=mark))
    assert (found.code, found.hook) == ("", True)
    assert summarize([found]).code == SyncCode.SYNCED


def test_skipped_objects_have_no_code_and_do_not_count() -> None:
    found = compared(an_object(marks={annotations.HOOK: "Skip"}), None)
    assert (found.code, found.hook) == ("", False)
    assert summarize([found]).code == SyncCode.SYNCED
    assert summarize([found]).health.status == HealthCode.HEALTHY


def test_ignore_extraneous_shows_but_does_not_count() -> None:
    found = compared(None, an_object(marks={annotations.COMPARE_OPTIONS: "IgnoreExtraneous"}))
    assert (found.code, found.ignored) == (SyncCode.OUT_OF_SYNC, True)
    assert summarize([found]).code == SyncCode.SYNCED
    differs = compared(
        an_object(marks={annotations.COMPARE_OPTIONS: "IgnoreExtraneous"}), an_object(), an_object(data={"a": "1"})
    )
    assert summarize([differs]).code == SyncCode.OUT_OF_SYNC


def test_prune_false_stays_out_of_sync() -> None:
    found = compared(None, an_object(marks={annotations.SYNC_OPTIONS: "Prune=false"}))
    assert summarize([found]).code == SyncCode.OUT_OF_SYNC


def test_what_could_not_be_compared_makes_the_application_unknown() -> None:
    stuck = unknown_object(an_object(), an_object(), "forbidden")
    assert (stuck.code, stuck.message) == (SyncCode.UNKNOWN, "forbidden")
    assert summarize([stuck, compared(an_object(), None)]).code == SyncCode.UNKNOWN


def test_waves_and_confirmation_are_read_from_desired_first() -> None:
    desired = an_object(marks={annotations.SYNC_WAVE: "3", annotations.SYNC_OPTIONS: "Prune=confirm"})
    found = compared(desired, an_object(marks={annotations.SYNC_WAVE: "5"}))
    assert (found.sync_wave, found.requires_deletion_confirmation) == (3, True)
    assert compared(None, an_object(marks={annotations.SYNC_WAVE: "5"})).sync_wave == 5


def health_of(*objects: ObjectComparison, self_app: ResourceKey | None = None) -> tuple[str, str]:
    health = summarize(objects, self_app=self_app).health
    return health.status, health.message


def alive(phase: str, name: str = "claim", marks: Any = None) -> ObjectComparison:
    manifest = claim(phase, name, marks)
    return compared(manifest, manifest)


def test_an_application_is_as_well_as_its_worst_object() -> None:
    assert health_of() == (HealthCode.HEALTHY, "")
    assert health_of(alive("Bound"), compared(an_object(), an_object())) == (HealthCode.HEALTHY, "")
    assert health_of(alive("Bound"), alive("Pending", "b"), alive("Lost", "c")) == (
        HealthCode.DEGRADED,
        "Caused by PersistentVolumeClaim:shop/c",
    )


def test_at_most_three_causes_are_named() -> None:
    found = health_of(*(alive("Lost", f"c{number}") for number in range(5)))
    assert found[1].endswith("PersistentVolumeClaim:shop/c2 and 2 more")


def test_missing_objects_only_count_when_all_are_missing() -> None:
    missing = compared(an_object(), None)
    assert health_of(missing) == (HealthCode.MISSING, "")
    assert health_of(missing, alive("Bound"))[0] == HealthCode.HEALTHY
    assert health_of(missing, compared(an_object(name="b"), an_object(name="b")))[0] == HealthCode.HEALTHY


def test_hooks_marked_objects_and_the_application_itself_do_not_count() -> None:
    hook = compared(None, claim("Lost", marks={annotations.HOOK: "PreSync"}))
    marked = alive("Lost", marks={annotations.IGNORE_HEALTHCHECK: "true"})
    own = alive("Lost", "own")
    assert health_of(hook, marked, own, self_app=own.key) == (HealthCode.HEALTHY, "")


def test_extra_objects_count() -> None:
    assert health_of(compared(None, claim("Lost")))[0] == HealthCode.DEGRADED


@pytest.mark.parametrize(
    ("code", "expected"), [("Unknown", "Healthy"), ("Missing", "Healthy"), ("Degraded", "Degraded")]
)
def test_a_child_application_counts_once_its_health_is_known(code: str, expected: str) -> None:

    child = {"apiVersion": "argoproj.io/v1alpha1", "kind": "Application", "metadata": {"name": "c", "namespace": "n"}}
    overrides = {GroupKind("argoproj.io", "Application"): lambda _: Health(code)}
    assert health_of(compare_object(child, child, None, RULES, overrides))[0] == expected


def test_statuses_are_sorted_and_hold_health_only_when_asked() -> None:
    comparison = summarize(
        [
            alive("Bound", "z"),
            compared(None, an_object(name="extra")),
            compared(an_object(name="b", marks={annotations.HOOK: "Sync"}), None),
            compared(None, an_object(name="ran", marks={annotations.HOOK: "Sync"})),
        ]
    )
    found = resource_statuses(comparison, with_health=False)
    assert [(each.kind, each.name, each.status, each.hook) for each in found] == [
        ("ConfigMap", "extra", "OutOfSync", False),
        ("ConfigMap", "ran", "", True),
        ("PersistentVolumeClaim", "z", "Synced", False),
    ]
    assert all(each.health is None for each in found)
    assert found[0].requires_pruning
    last = resource_statuses(comparison, with_health=True)[-1]
    assert last.health is not None
    assert last.health.status == HealthCode.HEALTHY
