"""The sync protocol, step by step, in Argo CD's terms."""

from datetime import timedelta
from typing import Any

import msgspec
import pytest

from gitops.model.operation import (
    OperationPhase,
    ResultCode,
    SyncOperation,
    SyncOperationResource,
    SyncStrategy,
    SyncStrategyApply,
)
from gitops.model.resource import ResourceKey
from gitops.model.status import Health, HealthCode
from gitops.sync.machine import begin, step
from gitops.sync.options import SyncOptions
from gitops.sync.outcomes import progress_message, to_results
from gitops.sync.protocol import (
    Apply,
    Approved,
    AwaitApproval,
    ClearHook,
    DeadlinePassed,
    DeleteHook,
    Finish,
    Gone,
    HealthSeen,
    HookCleared,
    Pause,
    PauseOver,
    Record,
    ReleaseHook,
    Sync,
    TaskEnded,
    Terminate,
    Watch,
)
from tests.sync_world import World, a_hook, an_object, told

HEALTHY, DEGRADED = Health(HealthCode.HEALTHY), Health(HealthCode.DEGRADED, "crash loop")


def tried(world: World) -> tuple[Any, ...]:
    """Tasks whose dry run the comparison has made already."""
    return tuple(msgspec.structs.replace(task, dry_run_first=False) for task in world.tasks())


def synced(sync: Sync, name: str) -> tuple[Sync, list[Any]]:
    task = next(each for each in sync.in_flight if each.key.name == name)
    return step(sync, TaskEnded(task, ResultCode.SYNCED, "created"))


def names(actions: list[Any]) -> list[str]:
    return [
        f"{type(each).__name__} {each.task.key.name}" if hasattr(each, "task") else type(each).__name__
        for each in actions
    ]


def key(name: str, kind: str = "Deployment", group: str = "apps") -> ResourceKey:
    return ResourceKey(group, kind, "ns", name)


def a_deployment(name: str, wave: int = 0) -> dict[str, Any]:
    return an_object(name, kind="Deployment", api="apps/v1", wave=wave)


def test_a_single_step_succeeds_right_after_its_writes() -> None:
    sync, actions = begin(tried(World([a_deployment("web")])))
    assert names(actions) == ["Apply web"]
    sync, actions = synced(sync, "web")
    assert actions == [Finish(OperationPhase.SUCCEEDED, "successfully synced (all tasks run)")]
    assert told(to_results(sync)) == {("Sync", "Deployment", "web"): ("Synced", "Running")}


def test_nothing_to_do_succeeds_at_once() -> None:
    _, actions = begin(())
    assert actions == [Finish(OperationPhase.SUCCEEDED, "successfully synced (no more tasks)")]


def test_the_second_wave_waits_for_the_pause_and_the_health_of_the_first() -> None:
    sync, actions = begin(tried(World([a_deployment("db"), a_deployment("web", wave=1)])))
    assert names(actions) == ["Apply db"]
    sync, actions = synced(sync, "db")
    assert actions == [Pause(timedelta(seconds=2)), Watch(frozenset({key("db")}))]
    assert progress_message(sync) == "waiting for healthy state of apps/Deployment/db"
    sync, actions = step(sync, HealthSeen(key("db"), HEALTHY))
    assert actions == []  # seen too early to mean anything
    sync, actions = step(sync, HealthSeen(key("db"), Health(HealthCode.PROGRESSING)))
    sync, actions = step(sync, PauseOver())
    assert actions == []
    sync, actions = step(sync, HealthSeen(key("db"), HEALTHY))
    assert names(actions) == ["Apply web"]


def test_the_last_wave_is_not_waited_for() -> None:
    tasks = tried(World([a_deployment("db"), a_deployment("web", wave=1)]))
    sync, _ = synced(begin(tasks, wave_pause=timedelta(0))[0], "db")
    sync, _ = step(sync, HealthSeen(key("db"), HEALTHY))
    _, actions = synced(sync, "web")
    assert actions == [Finish(OperationPhase.SUCCEEDED, "successfully synced (all tasks run)")]


def test_an_unchanged_wave_is_awaited_but_neither_written_nor_paused_for() -> None:
    db = a_deployment("db")
    sync, actions = begin(tried(World([db, a_deployment("web", wave=1)], live=[db])))
    assert actions == [Watch(frozenset({key("db")}))]
    sync, actions = step(sync, HealthSeen(key("db"), HEALTHY))
    assert names(actions) == ["Apply web"]


def test_a_degraded_wave_fails_the_sync() -> None:
    sync, _ = begin(tried(World([a_deployment("db"), a_deployment("web", wave=1)])), wave_pause=timedelta(0))
    sync, _ = synced(sync, "db")
    _, actions = step(sync, HealthSeen(key("db"), DEGRADED))
    message = "one or more synchronization tasks completed unsuccessfully, reason: crash loop"
    assert actions == [Finish(OperationPhase.FAILED, message)]


def test_what_can_never_be_written_is_found_out_before_anything_is() -> None:
    sync, actions = begin(World([an_object("good"), an_object("bad")]).tasks())
    assert names(actions) == ["Check bad", "Check good"]
    for task in sorted(sync.in_flight):
        code = ResultCode.SYNC_FAILED if task.key.name == "bad" else ResultCode.SYNCED
        sync, actions = step(sync, TaskEnded(task, code, "the project does not allow it"))
    message = "one or more synchronization tasks are not valid, reason: the project does not allow it"
    assert actions == [Finish(OperationPhase.FAILED, message)]


def test_no_api_server_is_asked_beforehand_so_its_refusal_keeps_nothing_else_back() -> None:
    world = World([an_object("good"), an_object("bad")], refused=["bad"], dry_run_tells=False)
    sync = world.run()
    assert (sync.phase, world.log) == (OperationPhase.FAILED, [("apply", "good")])
    # Nor when it is tried again.
    assert (world.run().phase, world.run(dry_run=False).phase) == (OperationPhase.FAILED, OperationPhase.FAILED)


def test_a_missing_kind_fails_the_dry_run_unless_the_option_says_otherwise() -> None:
    def ended(option: bool) -> list[Any]:
        options = SyncOptions(skip_dry_run_on_missing=option)
        sync, _ = begin(World([an_object("w", kind="Widget", api="x.io/v1")], options=options).tasks())
        (task,) = sync.in_flight
        return step(sync, TaskEnded(task, ResultCode.SYNC_FAILED, "no such kind", kind_missing=True))[1]

    assert names(ended(option=True)) == ["Apply w"]
    assert names(ended(option=False)) == ["Finish"]


def test_a_refused_object_does_not_keep_the_rest_of_its_wave_from_being_written() -> None:
    service = an_object("svc", kind="Service")
    sync, actions = begin(tried(World([service, a_deployment("web"), a_deployment("late", wave=1)])))
    assert names(actions) == ["Apply svc"]
    (task,) = sync.in_flight
    sync, actions = step(sync, TaskEnded(task, ResultCode.SYNC_FAILED, "denied by a webhook"))
    assert names(actions) == ["Apply web"]
    sync, actions = synced(sync, "web")
    assert actions == [
        Finish(OperationPhase.FAILED, "one or more objects failed to apply, reason: denied by a webhook")
    ]


def test_a_hook_is_recorded_before_it_is_created_and_awaited_after() -> None:
    sync, actions = begin(tried(World([a_deployment("web")], [a_hook("migrate")])), wave_pause=timedelta(0))
    assert names(actions) == ["Record", "ClearHook migrate"]
    (task,) = sync.in_flight
    assert told(to_results(sync)) == {("PreSync", "Job", "migrate"): ("", "Running")}
    sync, actions = step(sync, HookCleared(task))
    assert names(actions) == ["Apply migrate"]
    sync, actions = synced(sync, "migrate")
    assert actions == [Watch(frozenset({task.key}))]
    assert progress_message(sync) == "waiting for completion of hook batch/Job/migrate"
    sync, actions = step(sync, HealthSeen(task.key, Health(HealthCode.SUSPENDED)))
    assert actions == []
    sync, actions = step(sync, HealthSeen(task.key, HEALTHY))
    assert names(actions) == ["Apply web"]
    sync, actions = synced(sync, "web")
    assert names(actions) == ["Record", "ReleaseHook migrate", "Finish"]


@pytest.mark.parametrize(
    ("policy", "health", "goodbye"),
    [
        ("HookSucceeded", HEALTHY, DeleteHook),
        ("HookSucceeded", DEGRADED, ReleaseHook),
        ("HookFailed", DEGRADED, DeleteHook),
        ("HookFailed", Health(HealthCode.UNKNOWN), DeleteHook),
        ("BeforeHookCreation", HEALTHY, ReleaseHook),
    ],
)
def test_delete_policies(policy: str, health: Health, goodbye: type) -> None:
    sync, actions = begin(tried(World(hooks=[a_hook("job", policy=policy)])))
    if policy == "BeforeHookCreation":
        sync, actions = step(sync, HookCleared(next(iter(sync.in_flight))))
    sync, _ = synced(sync, "job")
    sync, actions = step(sync, HealthSeen(key("job", "Job", "batch"), health))
    assert [type(each) for each in actions] == [Record, goodbye, Finish]


def test_a_hook_of_a_kind_without_health_is_done_once_created() -> None:
    hook = an_object("cm", annotations={"argocd.argoproj.io/hook": "PostSync"})
    world = World([an_object("web")], [hook])
    assert world.run().message == "successfully synced (no more tasks)"


def test_a_hook_that_vanishes_has_failed() -> None:
    sync, _ = begin(tried(World(hooks=[a_hook("job")])))
    sync, _ = step(sync, HookCleared(next(iter(sync.in_flight))))
    sync, _ = synced(sync, "job")
    sync, _ = step(sync, Gone(key("job", "Job", "batch")))
    assert sync.phase == OperationPhase.FAILED
    assert "The hook was deleted before it completed" in sync.message


def test_syncfail_hooks_run_only_after_a_failure() -> None:
    hooks = [a_hook("alarm", "SyncFail"), a_hook("after", "PostSync")]
    fine = World([an_object("web")], hooks)
    assert fine.run().phase == OperationPhase.SUCCEEDED
    assert ("apply", "alarm") not in fine.log
    broken = World([an_object("web")], hooks, refused=["web"], dry_run_tells=False)
    assert broken.run().message == "one or more objects failed to apply, reason: web is refused"
    assert broken.log == [("apply", "alarm")]


def test_prunes_go_first_in_their_wave_and_are_on_record_before() -> None:
    world = World([an_object("new")], live=[an_object("old")])
    sync, actions = begin(tried(world))
    assert names(actions) == ["Record", "Prune old"]
    (task,) = sync.in_flight
    sync, actions = step(sync, TaskEnded(task, ResultCode.PRUNED, "pruned"))
    assert names(actions) == ["Apply new"]


def test_a_later_wave_waits_until_pruned_objects_are_gone() -> None:
    world = World([an_object("new", wave=1)], live=[an_object("old")])
    sync, _ = begin(tried(world), wave_pause=timedelta(0))
    (task,) = sync.in_flight
    sync, actions = step(sync, TaskEnded(task, ResultCode.PRUNED, "pruned"))
    assert actions == [Watch(frozenset({task.key}))]
    assert progress_message(sync) == "waiting for deletion of /ConfigMap/old"
    sync, actions = step(sync, HealthSeen(task.key, None))
    assert actions == []
    _, actions = step(sync, Gone(task.key))
    assert names(actions) == ["Apply new"]


def test_skipped_prunes_are_told_and_hold_nothing_up() -> None:
    world = World([an_object("new")], live=[an_object("old")], operation=SyncOperation())
    assert world.run().phase == OperationPhase.SUCCEEDED
    assert {each.name: (each.status, each.message) for each in world.recorded}["old"] == (
        "PruneSkipped",
        "ignored (requires pruning)",
    )
    assert ("prune", "old") not in world.log


def test_a_prune_that_needs_approval_holds_the_sync_before_anything_is_written() -> None:
    old = an_object("old", annotations={"argocd.argoproj.io/sync-options": "Prune=confirm"})
    sync, actions = begin(tried(World([an_object("new")], live=[old])))
    (awaiting,) = actions
    assert isinstance(awaiting, AwaitApproval)
    assert progress_message(sync) == "waiting for pruning confirmation of /ConfigMap/old"
    _, actions = step(sync, Approved())
    assert names(actions) == ["Record", "Prune old"]


def test_a_dry_run_writes_nothing_and_tells_of_everything() -> None:
    world = World([an_object("new"), an_object("same")], [a_hook("job")], live=[an_object("old"), an_object("same")])
    sync = world.run(dry_run=True)
    assert (sync.phase, sync.message) == (OperationPhase.SUCCEEDED, "successfully synced (all tasks run)")
    assert world.log == []
    assert {each.name: each.message for each in world.recorded} == {
        "new": "created (dry run)",
        "same": "configmap/same unchanged (dry run)",
        "old": "pruned (dry run)",
        "job": "created (dry run)",
    }


def test_termination_deletes_the_running_hooks() -> None:
    sync, _ = begin(tried(World([an_object("web")], [a_hook("job")])))
    sync, _ = step(sync, HookCleared(next(iter(sync.in_flight))))
    sync, _ = synced(sync, "job")
    sync, actions = step(sync, Terminate())
    assert names(actions) == ["Record", "DeleteHook job", "Finish"]
    assert actions[-1] == Finish(OperationPhase.FAILED, "Operation terminated")
    assert told(to_results(sync)) == {("PreSync", "Job", "job"): ("Synced", "Failed")}


def test_a_termination_interrupted_by_a_crash_still_deletes_the_hook() -> None:
    world = World([an_object("web")], [a_hook("job")])
    sync, _ = begin(tried(world))
    sync, _ = step(sync, HookCleared(next(iter(sync.in_flight))))
    sync, _ = synced(sync, "job")
    sync, _ = step(sync, Terminate())
    _, actions = begin(tried(world), to_results(sync), terminating=True)
    assert names(actions) == ["Record", "DeleteHook job", "Finish"]


def test_the_deadline_ends_a_sync_and_says_what_it_waited_for() -> None:
    sync, _ = begin(tried(World([a_deployment("db"), an_object("web", wave=1)])), wave_pause=timedelta(0))
    sync, _ = synced(sync, "db")
    _, actions = step(sync, DeadlinePassed())
    message = "The operation took longer than it may: waiting for healthy state of apps/Deployment/db"
    assert actions == [Finish(OperationPhase.FAILED, message)]


def test_a_hook_started_before_a_crash_is_adopted_not_repeated() -> None:
    world = World([an_object("web")], [a_hook("job")])
    (prepared,) = [task.desired for task in world.tasks() if task.hook]
    assert prepared is not None
    world.live[key("job", "Job", "batch")] = prepared
    sync, actions = begin(tried(world))
    assert actions == [Watch(frozenset({key("job", "Job", "batch")}))]
    assert told(to_results(sync)) == {("PreSync", "Job", "job"): ("Synced", "Running")}


def test_leftovers_of_an_earlier_run_are_cleared_before_the_hook_is_created() -> None:
    stale = a_hook("job")
    world = World([], [stale])
    world.live[key("job", "Job", "batch")] = stale
    _, actions = begin(tried(world))
    assert [type(each) for each in actions] == [Record, ClearHook]


@pytest.mark.parametrize(
    "operation",
    [
        SyncOperation(resources=(SyncOperationResource("", "ConfigMap", "web", ""),)),
        SyncOperation(sync_strategy=SyncStrategy(apply=SyncStrategyApply())),
    ],
)
def test_partial_syncs_and_the_apply_strategy_run_no_hooks(operation: SyncOperation) -> None:
    world = World([an_object("web"), an_object("other")], [a_hook("job")], operation=operation)
    world.run()
    applied = {name for verb, name in world.log if verb == "apply"}
    assert applied == ({"web"} if operation.resources else {"web", "other"})


def test_many_reasons_are_cut_short() -> None:
    objects = [an_object(f"o{number:02}") for number in range(14)]
    world = World(objects, refused=[each["metadata"]["name"] for each in objects], dry_run_tells=False)
    assert world.run().message.endswith("o09 is refused, and 4 more")


def test_no_hook_is_started_in_a_wave_that_has_failed_already() -> None:
    world = World([an_object("config")], [a_hook("job", "Sync")], refused=["config"], dry_run_tells=False)
    assert world.run().phase == OperationPhase.FAILED
    assert world.log == []
    assert told(world.recorded) == {("Sync", "ConfigMap", "config"): ("SyncFailed", "Failed")}


def test_what_depends_on_others_is_pruned_before_them() -> None:
    live = [an_object("ns", kind="Namespace", namespace=""), a_deployment("web"), an_object("config")]
    world = World([an_object("kept")], live=live)
    world.run()
    assert [name for verb, name in world.log if verb == "prune"] == ["web", "config", "ns"]


def test_nothing_is_tried_again_once_writing_has_begun() -> None:
    world = World([an_object("done"), an_object("open")])
    sync, _ = begin(tried(world))
    sync, _ = synced(sync, "done")
    _, actions = begin(world.tasks(), to_results(sync))
    assert [(each.task.key.name, each.dry_run) for each in actions if isinstance(each, Apply)] == [("open", False)]
