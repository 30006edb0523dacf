"""Which tasks a sync has, where they stand in its order, and under which options."""

from datetime import UTC, datetime
from typing import Any

import pytest

from gitops.manifest.annotations import HOOK_FINALIZER, TRACKING_ID
from gitops.manifest.tracking import Tracking, parse_tracking_id
from gitops.model.application import AppSpec, ManagedNamespaceMetadata, SyncPolicy
from gitops.model.operation import SyncOperation, SyncOperationResource, SyncStrategy, SyncStrategyApply
from gitops.model.resource import ResourceKey, key_of
from gitops.sync.hooks import OPERATION_MARK, Attempt, hook_name, phases_of, runs_of
from gitops.sync.options import Consent, SyncOptions, app_options, object_options
from gitops.sync.plan import plan_waves
from gitops.sync.tasks import Subject, SyncIntent, SyncTask, selected, tasks_for
from tests.sync_world import ATTEMPT, World, a_hook, an_object

OPTIONS = "argocd.argoproj.io/sync-options"


def tasks_of(*desired: dict[str, Any], **rest: Any) -> dict[str, SyncTask]:
    return {task.key.name: task for task in World(desired, **rest).tasks()}


def steps(tasks: dict[str, SyncTask]) -> list[list[list[str]]]:
    return [[[task.key.name for task in batch.tasks] for batch in wave.batches] for wave in plan_waves(tasks.values())]


def a_namespace(name: str, wave: int = 0) -> dict[str, Any]:
    return an_object(name, kind="Namespace", namespace="", wave=wave)


def a_crd(wave: int = 0) -> dict[str, Any]:
    crd = an_object(
        "widgets.x.io", kind="CustomResourceDefinition", api="apiextensions.k8s.io/v1", namespace="", wave=wave
    )
    return {**crd, "spec": {"group": "x.io", "names": {"kind": "Widget"}}}


def test_kinds_come_in_tiers_and_run_together_inside_one() -> None:
    tasks = tasks_of(
        an_object("widget", kind="Widget", api="x.io/v1"),
        an_object("web", kind="Deployment", api="apps/v1"),
        an_object("job", kind="Job", api="batch/v1"),
        an_object("hook", kind="MutatingWebhookConfiguration", api="admissionregistration.k8s.io/v1", namespace=""),
        an_object("svc", kind="Service"),
        an_object("config"),
        a_namespace("ns"),
    )
    assert steps(tasks) == [[["ns"], ["config"], ["svc"], ["web", "job"], ["widget"], ["hook"]]]


def test_a_custom_kind_called_like_a_built_in_one_comes_after_those() -> None:
    tasks = tasks_of(an_object("knative", kind="Service", api="serving.knative.dev/v1"), an_object("web", kind="Pod"))
    assert steps(tasks) == [[["web"], ["knative"]]]


def test_a_namespace_and_a_crd_come_with_their_first_user_without_annotations() -> None:
    tasks = tasks_of(
        a_namespace("ns", wave=5),
        a_crd(),
        an_object("early", wave=-3),
        an_object("w", kind="Widget", api="x.io/v1", wave=-1),
    )
    assert {name: task.wave for name, task in tasks.items()} == {"ns": -3, "early": -3, "widgets.x.io": -1, "w": -1}
    assert steps(tasks) == [[["ns"], ["early"]], [["widgets.x.io"], ["w"]]]


def test_a_namespace_comes_with_the_presync_hook_that_runs_in_it() -> None:
    tasks = tasks_of(a_namespace("ns"), an_object("web"), hooks=[a_hook("job")])
    assert (tasks["ns"].phase, tasks["job"].phase, tasks["web"].phase) == ("PreSync", "PreSync", "Sync")


def test_what_depends_on_this_sync_is_not_tried_before_it() -> None:
    tasks = tasks_of(
        a_namespace("ns"), an_object("web"), a_crd(), an_object("w", kind="Widget", api="x.io/v1", namespace="b")
    )
    assert {name: task.dry_run_first for name, task in tasks.items()} == {
        "ns": True,
        "web": False,
        "widgets.x.io": True,
        "w": False,
    }


def test_prunes_mirror_the_waves_and_prune_last_comes_after_all() -> None:
    last = an_object("last", annotations={OPTIONS: "PruneLast=true"})
    live = [an_object("first", wave=1), an_object("middle", wave=2), an_object("third", wave=4), last]
    tasks = tasks_of(an_object("kept", wave=3), live=live)
    waves = {name: task.wave for name, task in tasks.items()}
    assert waves == {"third": 0, "middle": 1, "first": 2, "kept": 3, "last": 5}


@pytest.mark.parametrize(
    ("operation", "option", "message"),
    [
        (SyncOperation(prune=False), "", "ignored (requires pruning)"),
        (SyncOperation(prune=True), "Prune=false", "ignored (no prune)"),
        (SyncOperation(prune=True), "", None),
    ],
)
def test_refusals_to_prune(operation: SyncOperation, option: str, message: str | None) -> None:
    task = tasks_of(live=[an_object("old", annotations={OPTIONS: option} if option else {})], operation=operation)[
        "old"
    ]
    assert (task.settled.message if task.settled else None) == message


def test_an_unchanged_object_is_a_task_without_a_write() -> None:
    same = an_object("same")
    assert not tasks_of(same, live=[same])["same"].writes
    assert tasks_of(same, live=[same], options=SyncOptions(apply_out_of_sync_only=True)) == {}
    assert tasks_of(same, live=[same], options=SyncOptions(replace=True, force=True))["same"].writes


# --- the destination's namespace -----------------------------------------------------------------------


def namespace_tasks(live: dict[str, Any] | None, metadata: ManagedNamespaceMetadata | None = None) -> list[SyncTask]:
    manifest = an_object("web", wave=-2)
    intent = SyncIntent(
        SyncOperation(), SyncOptions(create_namespace=True), ATTEMPT, namespace="ns", namespace_metadata=metadata
    )
    subject = Subject(key_of(manifest), manifest, None, differs=True)
    return [task for task in tasks_for([subject], [], intent, lambda _: live) if task.key.kind == "Namespace"]


def test_the_namespace_is_created_before_the_sync_only_if_it_is_missing() -> None:
    (task,) = namespace_tasks(None)
    assert (task.phase, task.wave, task.desired) == (
        "PreSync",
        0,
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "ns"}},
    )
    assert namespace_tasks(a_namespace("ns")) == []


def test_managed_metadata_is_kept_on_an_existing_namespace() -> None:
    wanted = ManagedNamespaceMetadata(labels={"team": "around"})
    assert namespace_tasks({"metadata": {"labels": {"team": "around", "own": "1"}}}, wanted) == []
    (task,) = namespace_tasks({"metadata": {"labels": {"team": "other"}}}, wanted)
    assert task.desired is not None
    assert task.desired["metadata"]["labels"] == {"team": "around"}


# --- hooks -------------------------------------------------------------------------------------------------


def test_generated_hook_names_are_the_same_however_often_asked() -> None:
    hook = {"metadata": {"generateName": "migrate-", "annotations": {"argocd.argoproj.io/hook": "PreSync"}}}
    assert hook_name(hook, "PreSync", ATTEMPT) == f"migrate-0123456-presync-{int(ATTEMPT.started_at.timestamp())}"
    chart = Attempt(datetime(2026, 1, 1, tzinfo=UTC), revision="1.2+b")
    assert hook_name(hook, "PreSync", chart) == "migrate-1.2-b-presync-1767225600"


def test_a_generated_name_is_never_too_long_for_a_job_and_differs_by_retry() -> None:
    hook = {"metadata": {"generateName": "m" * 60 + "-", "annotations": {"argocd.argoproj.io/hook": "PreSync"}}}
    again = Attempt(ATTEMPT.started_at, retry_count=2, revision=ATTEMPT.revision)
    names = {hook_name(hook, "PreSync", each) for each in (ATTEMPT, again)}
    assert len(names) == 2
    assert all(len(name) <= 63 for name in names)


def test_hooks_that_share_a_generate_name_are_several_objects() -> None:
    hook = a_hook("job")
    del hook["metadata"]["name"]
    hook["metadata"]["generateName"] = "migrate-"
    names = [run["metadata"]["name"] for _, run in runs_of([hook, hook, hook], ATTEMPT)]
    assert len(set(names)) == 3
    assert names == [run["metadata"]["name"] for _, run in runs_of([hook, hook, hook], ATTEMPT)]


def test_the_mark_of_a_generated_hook_names_the_object_it_is_on() -> None:
    hook = a_hook("job")
    del hook["metadata"]["name"]
    hook["metadata"]["generateName"] = "migrate-"
    ((_, run),) = runs_of([Tracking().stamp(hook, "shop", "ns")], ATTEMPT)
    assert Tracking().owner_of(run) == "shop"
    mark = parse_tracking_id(run["metadata"]["annotations"][TRACKING_ID])
    assert mark is not None
    assert mark.name == run["metadata"]["name"]


def test_a_generated_hook_that_argo_cd_left_belongs_to_its_application() -> None:
    left = a_hook("migrate-abc-presync-1")
    left["metadata"]["annotations"][TRACKING_ID] = "shop:batch/Job:ns/"
    assert Tracking().owner_of(left) is None
    left["metadata"]["generateName"] = "migrate-"
    assert Tracking().owner_of(left) == "shop"


def test_a_hook_carries_its_attempt_and_our_finalizer_and_is_otherwise_as_written() -> None:
    written = a_hook("job", "PreSync,PostSync")
    runs = dict(runs_of([written], ATTEMPT))
    assert list(runs) == ["PreSync", "PostSync"]
    marks = {run["metadata"]["annotations"][OPERATION_MARK] for run in runs.values()}
    assert len(marks) == 2
    assert runs["PreSync"]["metadata"]["finalizers"] == [HOOK_FINALIZER]
    assert OPERATION_MARK not in written["metadata"]["annotations"]


@pytest.mark.parametrize(
    ("annotations", "phases"),
    [
        ({"helm.sh/hook": "pre-install,pre-upgrade"}, ("PreSync",)),
        ({"helm.sh/hook": "post-install"}, ("PostSync",)),
        ({"helm.sh/hook": "test"}, ()),
        ({"argocd.argoproj.io/hook": "SyncFail", "helm.sh/hook": "pre-install"}, ("SyncFail",)),
        ({"argocd.argoproj.io/hook": "PreDelete"}, ()),
    ],
)
def test_phases_of_hooks(annotations: dict[str, str], phases: tuple[str, ...]) -> None:
    assert phases_of({"metadata": {"annotations": annotations}}) == phases


# --- options -------------------------------------------------------------------------------------------------


def test_an_operation_with_options_says_all_of_them() -> None:
    spec = AppSpec(sync_policy=SyncPolicy(sync_options=("CreateNamespace=true", "PrunePropagationPolicy=background")))
    own = app_options(spec, SyncOperation())
    assert (own.create_namespace, own.prune_propagation, own.server_side_apply) == (True, "background", None)
    asked = app_options(spec, SyncOperation(sync_options=("Replace=true",)))
    assert (asked.create_namespace, asked.replace) == (False, True)
    forced = SyncOperation(sync_strategy=SyncStrategy(hook=SyncStrategyApply(force=True)))
    assert app_options(spec, forced).force


def test_an_object_beats_its_application_and_nonsense_changes_nothing() -> None:
    of_application = SyncOptions(prune=Consent.REFUSED)
    texts = "Prune=confirm, ServerSideApply=false,CreateNamespace=true,Validate=maybe,Nonsense=1"
    options = object_options(of_application, an_object("x", annotations={OPTIONS: texts}))
    assert options.prune is Consent.ON_APPROVAL
    assert options.server_side_apply is False
    assert not options.create_namespace  # not an object's to say
    assert options.validate


def test_selection_by_name_reaches_every_namespace_unless_one_is_given() -> None:
    def chosen(namespace: str) -> bool:
        operation = SyncOperation(resources=(SyncOperationResource("apps", "Deployment", "web", namespace),))
        return selected(ResourceKey("apps", "Deployment", "ns", "web"), operation)

    assert [chosen(""), chosen("ns"), chosen("other")] == [True, True, False]
