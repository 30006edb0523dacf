"""The tree of an application, as Argo CD's API shows it."""

from typing import Any

import pytest

from gitops.compare import compare_object
from gitops.diff.ignore import compile_rules
from gitops.health.assess import assess
from gitops.model.status import AppSummary
from gitops.tree.network_info import is_web_link, network_info
from gitops.tree.ownership import application_tree
from gitops.tree.parents import child_keys, children_lookup, parent_keys
from gitops.tree.pod_info import pod_info
from gitops.tree.summary import summary_of

Manifest = dict[str, Any]


def an_object(api_version: str, kind: str, name: str, owner: Manifest | None = None, **content: Any) -> Manifest:
    metadata: Manifest = {
        "name": name,
        "namespace": "shop",
        "uid": f"uid-{kind}-{name}",
        "resourceVersion": "9",
        "creationTimestamp": "2026-11-23T10:00:00Z",
        **content.pop("metadata", {}),
    }
    if owner:
        reference = {key: owner["metadata"][key] for key in ("name", "uid")}
        metadata["ownerReferences"] = [{"apiVersion": owner["apiVersion"], "kind": owner["kind"], **reference}]
    return {"apiVersion": api_version, "kind": kind, "metadata": metadata, **content}


DEPLOYMENT = an_object(
    "apps/v1", "Deployment", "web", metadata={"annotations": {"deployment.kubernetes.io/revision": "3"}}
)
REPLICA_SET = an_object("apps/v1", "ReplicaSet", "web-1", DEPLOYMENT)
POD = an_object(
    "v1",
    "Pod",
    "web-1-x",
    REPLICA_SET,
    metadata={"labels": {"app": "web"}},
    spec={
        "nodeName": "node-1",
        "containers": [{"name": "main", "image": "web:1"}, {"name": "side", "image": "side:1"}],
    },
    status={
        "phase": "Running",
        "containerStatuses": [
            {"name": "main", "ready": True, "restartCount": 2, "state": {"running": {}}},
            {"name": "side", "ready": False, "restartCount": 1, "state": {"running": {}}},
        ],
    },
)
SERVICE = an_object("v1", "Service", "web", spec={"selector": {"app": "web"}})


def tree_of(*live: Manifest, cluster: tuple[Manifest, ...] = (), missing: tuple[Manifest, ...] = ()) -> Manifest:
    rules = compile_rules(())
    managed = [compare_object(each, each, None, rules) for each in live]
    managed += [compare_object(each, None, None, rules) for each in missing]
    return application_tree(managed, children_lookup([*live, *cluster]), assess)


def node(tree: Manifest, kind: str, name: str) -> Manifest:
    found = [each for each in tree["nodes"] if (each["kind"], each["name"]) == (kind, name)]
    assert len(found) == 1
    return dict(found[0])


@pytest.mark.parametrize("revision", ["²", "9" * 5_000, "-1", "1_0", ""])
def test_a_revision_that_is_no_number_is_no_revision(revision: str) -> None:
    odd = an_object(
        "apps/v1", "ReplicaSet", "odd", metadata={"annotations": {"deployment.kubernetes.io/revision": revision}}
    )
    assert "info" not in node(tree_of(odd), "ReplicaSet", "odd")


def test_a_deployment_with_all_it_owns() -> None:
    tree = tree_of(DEPLOYMENT, cluster=(REPLICA_SET, POD))
    assert [each["kind"] for each in tree["nodes"]] == ["Pod", "Deployment", "ReplicaSet"]
    assert node(tree, "Pod", "web-1-x") == {
        "version": "v1",
        "kind": "Pod",
        "namespace": "shop",
        "name": "web-1-x",
        "uid": "uid-Pod-web-1-x",
        "parentRefs": [
            {
                "group": "apps",
                "version": "v1",
                "kind": "ReplicaSet",
                "namespace": "shop",
                "name": "web-1",
                "uid": "uid-ReplicaSet-web-1",
            }
        ],
        "info": [
            {"name": "Status Reason", "value": "Running"},
            {"name": "Node", "value": "node-1"},
            {"name": "Containers", "value": "1/2"},
            {"name": "Restart Count", "value": "3"},
            {"name": "cpu", "value": "0"},
            {"name": "memory", "value": "0"},
        ],
        "networkingInfo": {"labels": {"app": "web"}},
        "resourceVersion": "9",
        "images": ["side:1", "web:1"],
        "health": {"status": "Progressing"},
        "createdAt": "2026-11-23T10:00:00Z",
    }
    assert node(tree, "Deployment", "web")["info"] == [{"name": "Revision", "value": "Rev:3"}]
    assert "parentRefs" not in node(tree, "Deployment", "web")


def test_a_missing_object_is_a_node() -> None:
    desired = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "new", "namespace": "shop"}}
    assert tree_of(missing=(desired,))["nodes"] == [
        {"version": "v1", "kind": "Service", "namespace": "shop", "name": "new", "health": {"status": "Missing"}}
    ]


def test_children_that_name_no_owner() -> None:
    endpoints = an_object("v1", "Endpoints", "web")
    other = an_object("v1", "Endpoints", "other")
    slices = an_object(
        "discovery.k8s.io/v1", "EndpointSlice", "web-x", metadata={"labels": {"kubernetes.io/service-name": "web"}}
    )
    stateful = an_object(
        "apps/v1", "StatefulSet", "db", spec={"volumeClaimTemplates": [{"metadata": {"name": "data"}}]}
    )
    claim = an_object("v1", "PersistentVolumeClaim", "data-db-0")
    stranger = an_object("v1", "PersistentVolumeClaim", "data-dbx-0")
    account = an_object("v1", "ServiceAccount", "robot")
    token = an_object(
        "v1",
        "Secret",
        "robot-token",
        type="kubernetes.io/service-account-token",
        metadata={"annotations": {"kubernetes.io/service-account.uid": "uid-ServiceAccount-robot"}},
    )
    tree = tree_of(SERVICE, stateful, account, cluster=(endpoints, other, slices, claim, stranger, token))
    parents = {each["name"]: [ref["kind"] for ref in each.get("parentRefs", ())] for each in tree["nodes"]}
    assert parents == {
        "web": parents["web"],
        "web-x": ["Service"],
        "db": [],
        "data-db-0": ["StatefulSet"],
        "robot": [],
        "robot-token": ["ServiceAccount"],
    }
    assert node(tree, "Endpoints", "web")["parentRefs"][0]["uid"] == "uid-Service-web"


def test_an_owned_object_is_not_inferred_twice() -> None:
    owned = an_object(
        "discovery.k8s.io/v1",
        "EndpointSlice",
        "web-x",
        SERVICE,
        metadata={"labels": {"kubernetes.io/service-name": "web"}},
    )
    assert child_keys(owned) == ("uid-Service-web",)
    assert parent_keys(SERVICE) == ("uid-Service-web", "service/shop/web")
    assert len(node(tree_of(SERVICE, cluster=(owned,)), "EndpointSlice", "web-x")["parentRefs"]) == 1


def test_a_child_that_is_managed_itself_is_drawn_once() -> None:
    assert len(tree_of(DEPLOYMENT, REPLICA_SET)["nodes"]) == 2


def test_owners_in_a_circle_end() -> None:
    first, second = an_object("x.io/v1", "X", "a"), an_object("x.io/v1", "X", "b")
    first["metadata"]["ownerReferences"] = [{"apiVersion": "x.io/v1", "kind": "X", "name": "b", "uid": "uid-X-b"}]
    second["metadata"]["ownerReferences"] = [{"apiVersion": "x.io/v1", "kind": "X", "name": "a", "uid": "uid-X-a"}]
    assert len(tree_of(first, cluster=(second,))["nodes"]) == 2


def test_a_cluster_scoped_parent_has_no_namespace() -> None:
    parent = an_object("x.io/v1", "Wide", "w")
    del parent["metadata"]["namespace"]
    child = an_object("v1", "ConfigMap", "c", parent)
    assert "namespace" not in node(tree_of(parent, cluster=(child,)), "ConfigMap", "c")["parentRefs"][0]


def test_orphans_are_apart() -> None:
    stray = an_object("v1", "ConfigMap", "stray")
    tree = application_tree([], children_lookup([]), assess, orphans=[stray])
    assert [each["name"] for each in tree["orphanedNodes"]] == ["stray"]
    assert tree["nodes"] == []


def status(**found: Any) -> Manifest:
    return {"name": "main", **found}


PODS: dict[str, tuple[Manifest, Manifest, str, str]] = {
    "waiting": (
        {},
        {"containerStatuses": [status(state={"waiting": {"reason": "ImagePullBackOff"}})]},
        "ImagePullBackOff",
        "0/1",
    ),
    "ended with a signal": (
        {},
        {"containerStatuses": [status(state={"terminated": {"signal": 9}})]},
        "Signal:9",
        "0/1",
    ),
    "ended with a code": (
        {},
        {"containerStatuses": [status(state={"terminated": {"exitCode": 2}})]},
        "ExitCode:2",
        "0/1",
    ),
    "evicted": ({}, {"reason": "Evicted", "phase": "Failed"}, "Evicted", "0/1"),
    "gated": ({}, {"conditions": [{"type": "PodScheduled", "reason": "SchedulingGated"}]}, "SchedulingGated", "0/1"),
    "initialising": (
        {"initContainers": [{"name": "i"}, {"name": "j"}]},
        {
            "initContainerStatuses": [
                {"name": "i", "state": {"terminated": {"exitCode": 0}}},
                {"name": "j", "state": {"running": {}}},
            ]
        },
        "Init:1/2",
        "0/1",
    ),
    "initialising fails": (
        {"initContainers": [{"name": "i"}]},
        {"initContainerStatuses": [{"name": "i", "state": {"terminated": {"exitCode": 1, "reason": "Error"}}}]},
        "Init:Error",
        "0/1",
    ),
    "initialising cannot start": (
        {"initContainers": [{"name": "i"}]},
        {"initContainerStatuses": [{"name": "i", "state": {"waiting": {"reason": "ErrImagePull"}}}]},
        "Init:ErrImagePull",
        "0/1",
    ),
    "a sidecar runs": (
        {"initContainers": [{"name": "i", "restartPolicy": "Always"}]},
        {
            "phase": "Running",
            "initContainerStatuses": [{"name": "i", "started": True, "ready": True, "state": {"running": {}}}],
            "containerStatuses": [status(ready=True, state={"running": {}})],
        },
        "Running",
        "2/2",
    ),
    "one ended, one runs": (
        {"containers": [{"name": "main"}, {"name": "b"}]},
        {
            "phase": "Running",
            "containerStatuses": [
                status(state={"terminated": {"reason": "Completed"}}),
                {"name": "b", "ready": True, "state": {"running": {}}},
            ],
        },
        "Running",
        "1/2",
    ),
}


@pytest.mark.parametrize(("spec", "found", "reason", "containers"), PODS.values(), ids=PODS.keys())
def test_a_pod_in_one_line(spec: Manifest, found: Manifest, reason: str, containers: str) -> None:
    pod = an_object(
        "v1", "Pod", "p", spec={"containers": [{"name": "main"}], **spec}, status={"phase": "Pending", **found}
    )
    info = {each["name"]: each["value"] for each in pod_info(pod)}
    assert (info["Status Reason"], info["Containers"]) == (reason, containers)


@pytest.mark.parametrize(
    ("found", "reason"),
    [({"phase": "Running"}, "Terminating"), ({"phase": "Succeeded"}, "Succeeded"), ({"reason": "NodeLost"}, "Unknown")],
)
def test_a_pod_that_goes(found: Manifest, reason: str) -> None:
    pod = an_object("v1", "Pod", "p", status=found, metadata={"deletionTimestamp": "now"})
    assert pod_info(pod)[0]["value"] == reason


def ingress(tls: list[Manifest] | None = None, **metadata: Any) -> Manifest:
    paths = [
        {"path": "/api*", "backend": {"service": {"name": "web"}}},
        {"path": "/", "backend": {"service": {"name": "web"}}},
    ]
    spec: Manifest = {
        "rules": [{"host": "a.example", "http": {"paths": paths}}, {"http": {"paths": paths[:1]}}],
        "tls": tls or [],
    }
    balanced = {"loadBalancer": {"ingress": [{"ip": "10.0.0.1"}]}}
    return an_object("networking.k8s.io/v1", "Ingress", "i", spec=spec, status=balanced, metadata=metadata)


def test_an_ingress_leads_from_urls_to_services() -> None:
    info = network_info(ingress())
    assert info["externalURLs"] == ["http://10.0.0.1/api", "http://a.example/", "http://a.example/api"]
    assert info["targetRefs"] == [{"kind": "Service", "namespace": "shop", "name": "web"}]
    assert info["ingress"] == [{"ip": "10.0.0.1"}]
    assert "https://a.example/" in network_info(ingress(tls=[{"hosts": ["a.example"]}]))["externalURLs"]
    assert "externalURLs" not in network_info(ingress(annotations={"argocd.argoproj.io/ignore-default-links": "true"}))


def test_gateways_and_routes() -> None:
    gateway = an_object(
        "gateway.networking.k8s.io/v1",
        "Gateway",
        "g",
        spec={
            "listeners": [
                {"hostname": "a.example", "protocol": "HTTPS", "port": 8443},
                {"protocol": "HTTP", "port": 80},
            ]
        },
        status={"addresses": [{"type": "IPAddress", "value": "10.0.0.1"}]},
    )
    assert network_info(gateway)["externalURLs"] == ["http://10.0.0.1", "https://a.example:8443"]
    route = an_object(
        "gateway.networking.k8s.io/v1",
        "HTTPRoute",
        "r",
        spec={"parentRefs": [{"name": "g"}], "rules": [{"backendRefs": [{"name": "web", "port": 80}]}]},
    )
    assert [(each["kind"], each["name"]) for each in network_info(route)["targetRefs"]] == [
        ("Gateway", "g"),
        ("Service", "web"),
    ]


def test_only_web_links_are_shown() -> None:
    marks = {
        "link.argocd.argoproj.io/a": "javascript:alert(1)",
        "link.argocd.argoproj.io/b": "Docs|https://docs.example",
    }
    assert network_info(an_object("v1", "ConfigMap", "c", metadata={"annotations": marks})) == {
        "externalURLs": ["Docs|https://docs.example"]
    }
    assert not is_web_link("https://a|data:text/html,x")


def test_the_summary_gathers_images_and_urls() -> None:
    tree = tree_of(DEPLOYMENT, ingress(), cluster=(REPLICA_SET, POD))
    summary = summary_of(
        tree["nodes"], {"link.argocd.argoproj.io/x": "https://x.example", "link.argocd.argoproj.io/y": "ftp://y"}
    )
    assert summary == AppSummary(
        external_urls=("http://10.0.0.1/api", "http://a.example/", "http://a.example/api", "https://x.example"),
        images=("side:1", "web:1"),
    )
