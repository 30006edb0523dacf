"""Requests as values: what exactly goes over the wire."""

import orjson
import pytest

from adapters.kube import requests
from gitops.model.errors import ClusterRefused
from gitops.model.resource import ResourceType

DEPLOYMENTS = ResourceType("apps", "v1", "Deployment", "deployments", namespaced=True)
NAMESPACES = ResourceType("", "v1", "Namespace", "namespaces", namespaced=False)
CLUSTER_ROLES = ResourceType("rbac.authorization.k8s.io", "v1", "ClusterRole", "clusterroles", namespaced=False)
WEB = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web", "namespace": "dev"}}


def test_apply_says_manager_force_and_validation() -> None:
    request = requests.apply(DEPLOYMENTS, WEB, manager="argocd-controller")
    assert request.method == "PATCH"
    assert request.target == (
        "/apis/apps/v1/namespaces/dev/deployments/web?fieldManager=argocd-controller&force=true&fieldValidation=Ignore"
    )
    assert request.content_type == "application/apply-patch+yaml"
    assert orjson.loads(request.body or b"") == WEB
    assert request.subject == "apply Deployment dev/web"


def test_a_dry_run_changes_nothing_on_any_verb() -> None:
    built = [
        requests.apply(DEPLOYMENTS, WEB, manager="m", dry_run=True),
        requests.create(DEPLOYMENTS, WEB, dry_run=True),
        requests.replace(DEPLOYMENTS, WEB, dry_run=True),
        requests.patch(DEPLOYMENTS, "dev", "web", {}, dry_run=True),
    ]
    assert all("dryRun=All" in request.query for request in built)
    deletion = requests.delete(DEPLOYMENTS, "dev", "web", dry_run=True)
    assert orjson.loads(deletion.body or b"")["dryRun"] == ["All"]


def test_cluster_scoped_objects_have_no_namespace_in_their_path() -> None:
    assert requests.get(NAMESPACES, "", "dev").target == "/api/v1/namespaces/dev"
    assert requests.collection_path(NAMESPACES, "ignored") == "/api/v1/namespaces"
    role = requests.get(CLUSTER_ROLES, "", "system:discovery")
    assert role.target == "/apis/rbac.authorization.k8s.io/v1/clusterroles/system:discovery"


def test_a_delete_carries_its_preconditions() -> None:
    request = requests.delete(DEPLOYMENTS, "dev", "web", uid="u-1", resource_version="7", grace_seconds=0)
    assert orjson.loads(request.body or b"") == {
        "kind": "DeleteOptions",
        "apiVersion": "v1",
        "propagationPolicy": "Foreground",
        "preconditions": {"uid": "u-1", "resourceVersion": "7"},
        "gracePeriodSeconds": 0,
    }


def test_only_what_ends_the_same_twice_may_be_repeated() -> None:
    assert requests.apply(DEPLOYMENTS, WEB, manager="m").repeatable
    assert requests.get(DEPLOYMENTS, "dev", "web").repeatable
    assert requests.delete(DEPLOYMENTS, "dev", "web", uid="u-1").repeatable
    assert not requests.delete(DEPLOYMENTS, "dev", "web").repeatable
    assert not requests.create(DEPLOYMENTS, WEB).repeatable
    assert not requests.patch(DEPLOYMENTS, "dev", "web", {}).repeatable


@pytest.mark.parametrize("name", ["../x", "a/b", "..", ".", "a%2fb", "a?b", "a#b", "a b", "a\nb", "a\\b"])
def test_a_name_that_would_change_the_path_is_refused(name: str) -> None:
    with pytest.raises(ClusterRefused, match="cannot be a name"):
        requests.get(DEPLOYMENTS, "dev", name)
    with pytest.raises(ClusterRefused, match="cannot be a name"):
        requests.get(DEPLOYMENTS, name, "web")


def test_an_object_must_be_addressed_in_full() -> None:
    with pytest.raises(ClusterRefused, match="without a name"):
        requests.get(DEPLOYMENTS, "dev", "")
    with pytest.raises(ClusterRefused, match="needs a namespace"):
        requests.get(DEPLOYMENTS, "", "web")


def test_lists_and_watches_ask_for_just_what_is_needed() -> None:
    page = requests.list_page(DEPLOYMENTS, namespace="dev", label_selector="a=b,c", limit=500, token="t/1")
    assert page.target == "/apis/apps/v1/namespaces/dev/deployments?labelSelector=a%3Db%2Cc&limit=500&continue=t%2F1"
    assert "PartialObjectMetadataList" in requests.list_page(DEPLOYMENTS, metadata_only=True).accept
    watched = requests.watch_from(DEPLOYMENTS, "42", lasting=300)
    assert watched.query == "watch=1&allowWatchBookmarks=true&resourceVersion=42&timeoutSeconds=300"


def test_a_manager_cannot_smuggle_in_options() -> None:
    assert (
        "fieldManager=a%26force%3Dtrue&force=false"
        in requests.apply(DEPLOYMENTS, WEB, manager="a&force=true", force=False).query
    )
