"""Comparing asks the cluster about nothing that is out of the application's reach."""

from types import SimpleNamespace
from typing import Any

import pytest
from prometheus_client import CollectorRegistry

from adapters.jq.engine import JqEngine
from app_controller.desired import Desired, DesiredObject
from app_controller.live.mirror import Mirror
from app_controller.metrics import Metrics
from app_controller.reconcile.comparison import Comparer, Problems
from app_controller.reconcile.reach import Reach
from gitops.compare import Comparison
from gitops.diff.ignore import IgnoreRules
from gitops.manifest.annotations import TRACKING_ID
from gitops.manifest.normalize import digest_of
from gitops.manifest.tracking import Tracking
from gitops.model.application import AppName
from gitops.model.project import Project, ProjectDestination, ProjectSpec
from gitops.model.repository import Cluster
from gitops.model.resource import Manifest, ResourceType, key_of
from gitops.sync.options import SyncOptions

TEAM = Project("team", ProjectSpec(destinations=(ProjectDestination(server="*", namespace="team"),)))
NAME = AppName("argocd", "web")
CLUSTER_SCOPED = {"ClusterRole"}


class Asked:
    """An API server that notes what it is asked."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, str, str]] = []

    async def get(self, type: ResourceType, namespace: str, name: str) -> None:
        self.calls.append(("get", namespace, name))

    async def apply(self, type: ResourceType, manifest: dict[str, Any], **_: Any) -> dict[str, Any]:
        metadata = manifest["metadata"]
        self.calls.append(("apply", metadata.get("namespace", ""), metadata["name"]))
        return manifest


class Cloud:
    def __init__(self, *, applications: frozenset[str] = frozenset(), tracking: Tracking = Tracking()) -> None:
        self.tracking = tracking
        self.asked = Asked()
        sink = SimpleNamespace(managed_object_changed=lambda *_: None, object_changed=lambda *_: None)
        self.mirror = Mirror("https://dev", tracking.owner_of, sink)
        self.live: Any = SimpleNamespace(
            client=self.asked,
            mirror=self.mirror,
            serves=lambda _: True,
            lies_in_a_namespace=lambda key: key.kind not in CLUSTER_SCOPED,
            type_of=lambda group, version, kind: ResourceType(group, version, kind, kind.lower(), True),
        )
        self.reach = Reach(
            project=TEAM,
            cluster=Cluster("https://dev", "dev"),
            instance="web",
            tracking=tracking,
            exists=lambda instance: instance in applications,
        )

    def put(self, manifest: Manifest) -> None:
        number = str(len(self.mirror) + 1)
        found = {**manifest["metadata"], "uid": f"uid-{number}", "resourceVersion": number}
        self.mirror.observe({**manifest, "metadata": found})

    async def compare(self, *desired: Manifest) -> tuple[Comparison, Problems]:
        stamped = [self.tracking.stamp(each, "web", "team") for each in desired]
        objects = tuple(DesiredObject(key_of(each), "v1", each, digest_of(each)) for each in stamped)
        state = Desired((), (), (), (), objects, (), frozenset())
        metrics = Metrics(CollectorRegistry(), applications=tuple, clusters=tuple, queue_length=lambda: 0)
        comparer = Comparer(metrics, JqEngine())
        return await comparer.compare(
            NAME, state, self.live, IgnoreRules(), self.reach, purpose="target", options=SyncOptions()
        )


def an_object(name: str, namespace: str = "team", kind: str = "ConfigMap", **rest: Any) -> dict[str, Any]:
    api = "rbac.authorization.k8s.io/v1" if kind in CLUSTER_SCOPED else "v1"
    metadata = {"name": name, "namespace": namespace} if namespace else {"name": name}
    return {"apiVersion": api, "kind": kind, "metadata": metadata, **rest}


async def test_no_dry_run_and_no_read_leaves_the_project() -> None:
    cloud = Cloud()
    outside = (an_object("x", "kube-system", data={"a": "1"}), an_object("evil", "", "ClusterRole", rules=[]))
    for each in outside:
        cloud.put({**each, "data": {"secret": "yes"}})
    comparison, problems = await cloud.compare(*outside, an_object("own", data={"a": "1"}))
    assert not cloud.asked.calls
    assert all(each.live is None for each in comparison.objects)
    assert [type for type, _ in problems] == ["ExcludedResourceWarning"] * 2
    assert "kube-system" in problems[0][1]


async def test_inside_the_project_the_api_server_is_asked() -> None:
    cloud = Cloud()
    cloud.put(an_object("own", data={"a": "0"}))
    await cloud.compare(an_object("own", data={"a": "1"}))
    assert cloud.asked.calls == [("apply", "team", "own")]


async def test_a_mark_outside_the_project_brings_nothing_in() -> None:
    cloud = Cloud()
    for namespace in ("kube-system", "team"):
        cloud.put(cloud.tracking.stamp(an_object("x", namespace), "web", namespace))
    comparison, _ = await cloud.compare()
    assert [each.key.namespace for each in comparison.objects] == ["team"]


async def test_what_is_below_an_object_is_seen_where_the_project_may_go() -> None:
    cloud = Cloud()
    owner = {"apiVersion": "v1", "kind": "ConfigMap", "name": "own", "uid": "uid-1"}
    cloud.put(an_object("own"))
    for namespace in ("team", "kube-system"):
        child = an_object("child", namespace)
        cloud.put({**child, "metadata": {**child["metadata"], "ownerReferences": [owner]}})
    parent = cloud.mirror.by_uid("uid-1")
    assert parent is not None
    assert len(cloud.mirror.children(parent)) == 2
    seen = cloud.reach.below(cloud.mirror.children)(parent)
    assert [key_of(each).namespace for each in seen] == ["team"]


async def test_an_object_is_shared_while_the_application_its_mark_names_exists() -> None:
    for applications, told in ((frozenset({"api"}), True), (frozenset(), False)):
        cloud = Cloud(applications=applications)
        cloud.put(cloud.tracking.stamp(an_object("x"), "api", "team"))
        _, problems = await cloud.compare(an_object("x"))
        assert [type for type, _ in problems] == ["SharedResourceWarning"] * told
        if told:
            assert "part of applications web and api" in problems[0][1]


async def test_the_mark_of_another_installation_binds_whoever_it_names() -> None:
    elsewhere = Tracking(installation_id="elsewhere")
    for ours, told in ((Tracking(), True), (Tracking(installation_id="here"), True), (elsewhere, False)):
        cloud = Cloud(tracking=ours)
        cloud.put(elsewhere.stamp(an_object("x"), "web", "team"))
        _, problems = await cloud.compare(an_object("x"))
        assert [type for type, _ in problems] == ["SharedResourceWarning"] * told, ours
        unmarked = Cloud(tracking=ours)
        unmarked.put(Tracking().stamp(an_object("x"), "web", "team"))  # made before there was an installation id
        assert not (await unmarked.compare(an_object("x")))[1]


# --- marks of before ------------------------------------------------------------------------------------------

LABEL = "app.kubernetes.io/instance"


def labelled(name: str, value: str = "web", **rest: Any) -> dict[str, Any]:
    made = an_object(name, **rest)
    return {**made, "metadata": {**made["metadata"], "labels": {LABEL: value}}}


@pytest.mark.parametrize("method", ["annotation", "annotation+label"])
async def test_an_object_written_under_label_tracking_is_not_out_of_sync_for_lacking_the_new_mark(method: str) -> None:
    cloud = Cloud(tracking=Tracking(method))
    cloud.put(labelled("old", data={"a": "1"}))
    comparison, problems = await cloud.compare(an_object("old", data={"a": "1"}))
    assert (comparison.code, problems) == ("Synced", ())
    (old,) = comparison.objects
    assert not old.differences
    assert old.unmarked, "the next sync writes it all the same, so that it gets its mark"


async def test_what_else_differs_in_such_an_object_is_told_alone() -> None:
    cloud = Cloud()
    cloud.put(labelled("old", data={"a": "1"}))
    comparison, _ = await cloud.compare(an_object("old", data={"a": "2"}))
    assert [each.path for each in comparison.objects[0].differences] == [".data.a"]


async def test_an_object_that_bears_no_mark_at_all_is_out_of_sync() -> None:
    cloud = Cloud()
    cloud.put(an_object("theirs", data={"a": "1"}))
    comparison, _ = await cloud.compare(an_object("theirs", data={"a": "1"}))
    assert comparison.code == "OutOfSync"


async def test_a_mark_of_another_object_or_application_is_a_difference_whatever_the_label() -> None:
    for mark in ("api:/ConfigMap:team/old", "web:/ConfigMap:team/another"):
        cloud = Cloud()
        old = labelled("old")
        cloud.put({**old, "metadata": {**old["metadata"], "annotations": {TRACKING_ID: mark}}})
        comparison, _ = await cloud.compare(an_object("old"))
        assert comparison.code == "OutOfSync"


async def test_a_label_is_no_mark_so_nothing_is_pruned_or_owned_for_it() -> None:
    cloud = Cloud()
    cloud.put(labelled("old"))
    comparison, _ = await cloud.compare()
    assert not comparison.objects
    assert not cloud.mirror.owned_by("web")
