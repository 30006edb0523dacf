"""Who owns an object, by Argo CD's marks."""

from typing import Any

import pytest

from gitops.manifest.annotations import INSTALLATION_ID, INSTANCE_LABEL, TRACKING_ID
from gitops.manifest.tracking import (
    Tracking,
    TrackingMethod,
    app_instance_name,
    app_name_of_instance,
    owner_of,
    stamp,
    truncated_label,
)
from gitops.model.application import AppName


def an_object(api_version: str = "apps/v1", kind: str = "Deployment", **metadata: Any) -> dict[str, Any]:
    return {"apiVersion": api_version, "kind": kind, "metadata": {"name": "web", **metadata}}


def test_the_annotation_names_application_and_object() -> None:
    marked = stamp(an_object(namespace="shop"), "web-dev", "elsewhere")
    assert marked["metadata"]["annotations"] == {TRACKING_ID: "web-dev:apps/Deployment:shop/web"}
    core = stamp(an_object("v1", "Service", namespace="shop"), "web-dev", "elsewhere")
    assert core["metadata"]["annotations"][TRACKING_ID] == "web-dev:/Service:shop/web"


def test_a_cluster_scoped_object_carries_the_destination_namespace() -> None:
    marked = stamp(an_object("rbac.authorization.k8s.io/v1", "ClusterRole"), "web-dev", "shop")
    assert marked["metadata"]["annotations"][TRACKING_ID].endswith(":shop/web")
    assert owner_of(marked) == "web-dev"


@pytest.mark.parametrize("changed", [{"name": "other"}, {"namespace": "other"}])
def test_a_copied_mark_owns_nothing(changed: dict[str, Any]) -> None:
    marked = stamp(an_object(namespace="shop"), "web-dev", "shop")
    copied = {**marked, "metadata": {**marked["metadata"], **changed}}
    assert owner_of(copied) is None
    assert owner_of({**marked, "kind": "ReplicaSet"}) is None


@pytest.mark.parametrize("text", ["", "web", "web:apps/Deployment", "web:Deployment:shop/web", "web:a/b/c:d/e", "::/"])
def test_what_is_no_mark_owns_nothing(text: str) -> None:
    assert owner_of(an_object(annotations={TRACKING_ID: text})) is None


def test_custom_resource_definitions_belong_to_nobody() -> None:
    definition = an_object("apiextensions.k8s.io/v1", "CustomResourceDefinition")
    for method in TrackingMethod.ALL:
        assert stamp(definition, "web-dev", "shop", method) is definition


def test_labels_alone_or_beside_the_annotation() -> None:
    labelled = stamp(an_object(), "web-dev", "shop", TrackingMethod.LABEL)
    assert labelled["metadata"]["labels"] == {INSTANCE_LABEL: "web-dev"}
    assert "annotations" not in labelled["metadata"]
    assert owner_of(labelled, TrackingMethod.LABEL) == "web-dev"
    both = stamp(an_object(), "x" * 70, "shop", TrackingMethod.ANNOTATION_AND_LABEL)
    assert both["metadata"]["labels"][INSTANCE_LABEL] == "x" * 63
    assert owner_of(both, TrackingMethod.ANNOTATION_AND_LABEL) == "x" * 70


def test_a_truncated_label_ends_as_a_label_must() -> None:
    assert truncated_label("a" * 62 + "-" * 5) == "a" * 62
    assert truncated_label("short-") == "short-"


def test_installations_do_not_own_each_others_objects() -> None:
    ours, theirs = Tracking(installation_id="a"), Tracking(installation_id="b")
    marked = ours.stamp(an_object(), "web", "shop")
    assert ours.owner_of(marked) == "web"
    assert theirs.owner_of(marked) is None
    assert Tracking().owner_of(marked) is None
    assert INSTALLATION_ID not in Tracking().stamp(marked, "web", "shop")["metadata"]["annotations"]


def test_the_given_manifest_stays_as_it_is() -> None:
    given = an_object(annotations={"a": "b"})
    stamp(given, "web", "shop", TrackingMethod.ANNOTATION_AND_LABEL)
    assert given == an_object(annotations={"a": "b"})


def test_instance_names() -> None:
    assert app_instance_name(AppName("argocd", "web"), "argocd") == "web"
    assert app_instance_name(AppName("team", "web"), "argocd") == "team_web"
    assert app_name_of_instance("team_web", "argocd") == AppName("team", "web")
    assert app_name_of_instance("web", "argocd") == AppName("argocd", "web")
