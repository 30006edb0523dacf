"""Whatever a live object holds, an application that meets it can be compared, judged, drawn and told about.

People, controllers and other API servers write what is read here. The maps of metadata are as an API server
lets them be; spec, status and what managers own are anything.
"""

from types import SimpleNamespace
from typing import Any

import msgspec
import orjson
from hypothesis import given, settings
from hypothesis import strategies as st

from app_controller.live.mirror import Mirror
from gitops.compare import compare_object, resource_statuses, summarize
from gitops.diff.ignore import compile_rules, respecting
from gitops.diff.local import surely_equal
from gitops.diff.quantities import canonical, same_quantity
from gitops.diff.render import diff_lines, masked
from gitops.diff.takeover import predict_takeover, taken_over
from gitops.diff.three_way import predict, three_way_patch
from gitops.health.assess import CHECKS, assess
from gitops.manifest import annotations as marks
from gitops.manifest.tracking import Tracking, TrackingMethod
from gitops.model.application import IgnoreDifference
from gitops.model.resource import conditions_of, key_of
from gitops.tree.network_info import network_info
from gitops.tree.ownership import application_tree
from gitops.tree.parents import child_keys, children_lookup, parent_keys
from gitops.tree.pod_info import images_of, pod_info
from gitops.tree.summary import summary_of

Manifest = dict[str, Any]

HOSTILE = (
    "",
    "²",
    "9" * 5_000,
    "-1",
    "1e400",
    "NaN",
    "٣",
    "True",
    "null",
    "{",
    "[]",
    '{"metadata": 7, "spec": [null]}',
    "a:b/c:d/e",
    ":::///",
    "\x00",
    "\ud7ff",
    "https://[::1",
    "title|javascript:alert(1)",
    "1000m",
    "0x10Ki",
    "x" * 300,
)
texts = st.one_of(st.sampled_from(HOSTILE), st.text(max_size=6))
numbers = st.one_of(st.integers(-3, 3), st.sampled_from([2**63, -(2**63), 2**64 - 1, 0.5, float(10**300), True, False]))
scalars = st.one_of(st.none(), numbers, texts)

# Names that the readers look for: under each of them anything may stand.
FIELDS = sorted(
    [
        "spec",
        "status",
        "metadata",
        "conditions",
        "type",
        "reason",
        "message",
        "containers",
        "initContainers",
        "containerStatuses",
        "initContainerStatuses",
        "state",
        "terminated",
        "waiting",
        "running",
        "exitCode",
        "signal",
        "ready",
        "started",
        "restartCount",
        "name",
        "image",
        "restartPolicy",
        "replicas",
        "updatedReplicas",
        "availableReplicas",
        "readyReplicas",
        "observedGeneration",
        "updateStrategy",
        "rollingUpdate",
        "partition",
        "strategy",
        "canary",
        "blueGreen",
        "steps",
        "phase",
        "rules",
        "http",
        "paths",
        "path",
        "backend",
        "service",
        "serviceName",
        "defaultBackend",
        "tls",
        "hosts",
        "secretName",
        "host",
        "loadBalancer",
        "ingress",
        "hostname",
        "ip",
        "parentRefs",
        "backendRefs",
        "addresses",
        "value",
        "listeners",
        "protocol",
        "port",
        "selector",
        "volumeClaimTemplates",
        "resources",
        "requests",
        "limits",
        "cpu",
        "memory",
        "metrics",
        "acceptedNames",
        "names",
        "group",
        "kind",
        "versions",
        "served",
        "lastTerminationState",
        "deletionTimestamp",
        "paused",
        "abort",
        "suspend",
        "nodeName",
        "aggregationRule",
        "data",
        "stringData",
        "env",
        "ports",
        "template",
        "currentPodHash",
        "stableRS",
        "pauseConditions",
        "webhooks",
        "key",
        "mountPath",
        "containerPort",
    ]
)
anything = st.recursive(
    scalars,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(st.one_of(st.sampled_from(FIELDS), texts), inner, max_size=4),
    ),
    max_leaves=12,
)
KEYS = sorted(
    {value for name, value in vars(marks).items() if name.isupper() and isinstance(value, str)}
    | {
        "deployment.kubernetes.io/revision",
        "rollout.argoproj.io/revision",
        "kubernetes.io/service-account.uid",
        "kubernetes.io/service-name",
        "autoscaling.alpha.kubernetes.io/conditions",
        "link.argocd.argoproj.io/x",
    }
)
text_maps = st.dictionaries(st.one_of(st.sampled_from(KEYS), texts), texts, max_size=4)
UIDS = st.sampled_from(["a", "b", "c", "", "service/shop/x"])
owners = st.lists(st.fixed_dictionaries({"apiVersion": texts, "kind": texts, "name": texts, "uid": UIDS}), max_size=3)
steps = st.one_of(
    st.sampled_from(
        [
            ".",
            "f:spec",
            "f:metadata",
            "f:name",
            "f:data",
            "k:{",
            'k:{"name":"x"}',
            "k:[1]",
            "v:",
            "v:{",
            "i:",
            "i:²",
            "i:-1",
        ]
    ),
    st.builds("f:{}".format, st.sampled_from(FIELDS)),
    texts,
)
trees = st.recursive(st.just({}), lambda inner: st.dictionaries(steps, inner, max_size=3), max_leaves=8)
managers = st.lists(
    st.fixed_dictionaries(
        {
            "manager": st.sampled_from(["argocd-controller", "kubectl-client-side-apply", "helm", "x"]),
            "operation": st.sampled_from(["Apply", "Update"]),
            "apiVersion": st.sampled_from(["v1", "apps/v1", "x"]),
        },
        optional={"fieldsV1": trees, "subresource": texts, "time": texts},
    ),
    max_size=3,
)
KINDS = sorted(
    {(f"{kind.group}/{version}".lstrip("/"), kind.kind) for kind, by in CHECKS.items() for version in by}
    | {
        ("v1", "ConfigMap"),
        ("v1", "Secret"),
        ("v1", "Endpoints"),
        ("discovery.k8s.io/v1", "EndpointSlice"),
        ("gateway.networking.k8s.io/v1", "HTTPRoute"),
        ("gateway.networking.k8s.io/v1", "Gateway"),
        ("rbac.authorization.k8s.io/v1", "ClusterRole"),
        ("apps/v1", "ControllerRevision"),
        ("argoproj.io/v1alpha1", "Application"),
    }
)


@st.composite
def live_objects(draw: st.DrawFn) -> Manifest:
    api_version, kind = draw(st.sampled_from(KINDS))
    metadata: Manifest = {"name": draw(st.sampled_from(["x", "x-1", "y"])), "namespace": "shop", "uid": draw(UIDS)}
    for name, values in (
        ("annotations", text_maps),
        ("labels", text_maps),
        ("ownerReferences", owners),
        ("managedFields", managers),
        ("resourceVersion", texts),
        ("generation", numbers),
        ("deletionTimestamp", texts),
        ("creationTimestamp", texts),
        ("finalizers", st.lists(texts, max_size=2)),
    ):
        if draw(st.booleans()):
            metadata[name] = draw(values)
    found: Manifest = {"apiVersion": api_version, "kind": kind, "metadata": metadata}
    for name in draw(st.lists(st.sampled_from(["spec", "status", "data", "stringData", "rules", "type"]), unique=True)):
        found[name] = draw(anything)
    return found


RULES = [
    compile_rules(
        [
            IgnoreDifference(group="*", kind="*", json_pointers=("/spec/rules/²", "/spec/containers/0", "/data/-")),
            IgnoreDifference(group="*", kind="*", managed_fields_managers=("x", "helm")),
        ],
        ignore_aggregated_roles=True,
        ignore_status=status,
    )
    for status in ("all", "crd", "none")
]


@settings(deadline=None, max_examples=100)
@given(st.lists(live_objects(), min_size=1, max_size=4), st.sampled_from(RULES))
def test_any_live_objects_can_be_compared_and_drawn(objects: list[Manifest], rules: Any) -> None:
    compared = [compare_object(each, each, other, rules) for each in objects for other in (None, objects[0])]
    compared += [compare_object(None, each, None, rules) for each in objects]
    whole = summarize(compared)
    msgspec.json.encode(resource_statuses(whole, with_health=True))
    tree = application_tree(compared, children_lookup(objects), assess, info_labels=("x",))
    orjson.dumps(tree, option=orjson.OPT_NON_STR_KEYS)
    summary_of(tree["nodes"], {"link.argocd.argoproj.io/x": "²"})


@settings(deadline=None, max_examples=100)
@given(live_objects(), live_objects())
def test_any_two_objects_can_be_told_apart(one: Manifest, other: Manifest) -> None:
    for rules in RULES:
        respecting(one, other, rules)
    surely_equal(one, other)
    predict(one, other)
    three_way_patch(one, other)
    predict_takeover(one, other, one)
    taken_over(other)
    diff_lines(*masked(one, other, one, frozenset(KEYS))[:2])


@settings(deadline=None, max_examples=100)
@given(live_objects())
def test_any_object_can_be_read_piece_by_piece(manifest: Manifest) -> None:
    assess(manifest)
    network_info(manifest)
    pod_info(manifest)
    images_of(manifest)
    conditions_of(manifest)
    child_keys(manifest)
    parent_keys(manifest)
    for read in (
        marks.sync_wave,
        marks.hook_types,
        marks.is_hook,
        marks.is_skipped,
        marks.hook_delete_policies,
        marks.has_hook_finalizer,
        marks.sync_options,
        marks.compare_options,
        marks.deletion_approved_at,
        marks.manifest_generate_paths,
        marks.external_links,
        marks.requested_refresh,
    ):
        read(manifest)
    for method in TrackingMethod.ALL:
        tracking = Tracking(method, installation_id="x")
        tracking.owner_of(manifest)
        tracking.other_installation_of(manifest)
        tracking.owner_of(tracking.stamp(manifest, "web", "shop"))


@settings(deadline=None)
@given(scalars, scalars)
def test_any_amounts_can_be_compared(one: Any, other: Any) -> None:
    canonical(one)
    same_quantity(one, other)


@settings(deadline=None)
@given(st.lists(live_objects(), max_size=6))
def test_any_objects_can_be_mirrored(objects: list[Manifest]) -> None:
    sink = SimpleNamespace(managed_object_changed=lambda *_: None, object_changed=lambda *_: None)
    mirror = Mirror("https://x", Tracking().owner_of, sink)
    for each in objects:
        mirror.told(each)
        mirror.root_instance(key_of(each))
        mirror.children(each)
    for each in objects[:2]:
        mirror.told_gone(each)
    mirror.replace_kind(key_of({"kind": "Pod", "apiVersion": "v1"}).group_kind, objects, "²")
    mirror.index_anew()
