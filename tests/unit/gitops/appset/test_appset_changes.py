"""What a set changes: policies, what it never touches, and when it deletes nothing."""

from typing import Any

import pytest

from gitops.appset.changes import plan_changes
from gitops.appset.template import owner_reference
from gitops.model.appset import AppSet, AppSetSpec, AppSetSyncPolicy, PreservedFields
from gitops.model.errors import InvalidSpec
from gitops.model.resource import name_of


def an_appset(policy: str = "", **preserved: tuple[str, ...]) -> AppSet:
    spec = AppSetSpec(
        sync_policy=AppSetSyncPolicy(applications_sync=policy), preserved_fields=PreservedFields(**preserved)
    )
    return AppSet("argocd", "set", "uid-1", spec=spec)


def an_app(name: str, revision: str = "main", *, owned: bool = True, **metadata: Any) -> dict[str, Any]:
    owners = [owner_reference(an_appset())] if owned else []
    return {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "Application",
        "metadata": {
            "name": name,
            "namespace": "argocd",
            **({"ownerReferences": owners} if owners else {}),
            **metadata,
        },
        "spec": {"source": {"targetRevision": revision}},
    }


@pytest.mark.parametrize(
    ("policy", "created", "updated", "deleted"),
    [
        ("", True, True, True),
        ("sync", True, True, True),
        ("create-only", True, False, False),
        ("create-update", True, True, False),
        ("create-delete", True, False, True),
    ],
)
def test_policies(policy: str, created: bool, updated: bool, deleted: bool) -> None:
    changes = plan_changes(an_appset(policy), [an_app("new"), an_app("moved", "v2")], [an_app("moved"), an_app("old")])
    assert bool(changes.create) is created
    assert [name_of(each.after) for each in changes.update] == (["moved"] if updated else [])
    assert [name_of(each) for each in changes.delete] == (["old"] if deleted else [])
    assert changes.warning == ""


def test_an_unknown_policy_is_refused() -> None:
    with pytest.raises(InvalidSpec, match="applicationsSync `whatever` is not one of"):
        plan_changes(an_appset("whatever"), [], [])


def test_nothing_is_deleted_when_a_generator_failed() -> None:
    changes = plan_changes(an_appset(), [an_app("kept")], [an_app("kept"), an_app("old")], complete=False)
    assert (changes.delete, changes.withheld) == ((), ("old",))
    assert "a generator failed" in changes.warning


def test_not_everything_is_deleted_at_once_unless_allowed() -> None:
    existing = [an_app("a"), an_app("b")]
    held = plan_changes(an_appset(), [], existing)
    assert (held.delete, held.withheld) == ((), ("a", "b"))
    assert "find nothing any more" in held.warning
    assert len(plan_changes(an_appset(), [], existing, allow_empty=True).delete) == 2


def test_only_its_own_are_deleted_and_only_once() -> None:
    deleting = an_app("going", deletionTimestamp="2026-11-23T10:00:00Z")
    changes = plan_changes(an_appset(), [an_app("kept")], [an_app("kept"), an_app("foreign", owned=False), deleting])
    assert changes.delete == ()


def test_an_application_of_another_set_is_not_taken_but_a_free_one_is() -> None:
    other = an_app(
        "web", ownerReferences=[{"kind": "ApplicationSet", "name": "other", "uid": "uid-2", "controller": True}]
    )
    with pytest.raises(InvalidSpec, match="generates web, which ApplicationSet other controls"):
        plan_changes(an_appset(), [an_app("web")], [other])
    (adopted,) = plan_changes(an_appset(), [an_app("web")], [an_app("web", owned=False)]).update
    assert adopted.after["metadata"]["ownerReferences"] == [owner_reference(an_appset())]


def test_an_equal_application_is_left_alone() -> None:
    present = {**an_app("web", resourceVersion="7", uid="u"), "status": {"x": 1}, "operation": {"sync": {}}}
    assert plan_changes(an_appset(), [an_app("web")], [present]).update == ()


def test_an_update_replaces_spec_and_keeps_what_is_not_the_sets() -> None:
    annotations = {
        "argocd.argoproj.io/refresh": "hard",
        "notified.notifications.argoproj.io": "{}",
        "team.io/keep": "1",
        "stray": "1",
    }
    finalizers = ["resources-finalizer.argocd.argoproj.io", "post-delete-finalizer.argocd.argoproj.io/cleanup"]
    before = {
        **an_app("web", annotations=annotations, labels={"mine": "1", "stray": "1"}, finalizers=finalizers, uid="u"),
        "status": {"sync": {}},
        "operation": {"sync": {}},
    }
    desired = an_app("web", "v2", labels={"env": "dev"}, finalizers=finalizers[:1])
    (update,) = plan_changes(an_appset(annotations=("team.io/keep",), labels=("mine",)), [desired], [before]).update
    metadata = update.after["metadata"]
    assert metadata["annotations"] == {key: value for key, value in annotations.items() if key != "stray"}
    assert metadata["labels"] == {"mine": "1", "env": "dev"}
    assert metadata["finalizers"] == finalizers
    assert metadata["uid"] == "u"
    assert update.after["spec"] == desired["spec"]
    assert (update.after["status"], update.after["operation"]) == (before["status"], before["operation"])
