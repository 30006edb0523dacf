"""Laws of a sync: its plan loses nothing, its order holds, and a crash at any point changes nothing."""

from collections import Counter
from contextlib import suppress
from typing import Any

from hypothesis import assume, given
from hypothesis import strategies as st

from gitops.manifest.annotations import DeletePolicy, annotation
from gitops.model.operation import OperationPhase, SyncOperation
from gitops.sync.hooks import OPERATION_MARK
from gitops.sync.machine import begin, step
from gitops.sync.plan import plan_waves, tier
from gitops.sync.protocol import Finish, Stage, TaskEnded, Terminate
from gitops.sync.tasks import batch_of
from tests.sync_world import Crash, World, a_hook, an_object, told

waves = st.integers(-2, 2)
kinds = st.sampled_from([("ConfigMap", "v1"), ("Deployment", "apps/v1"), ("Service", "v1"), ("Widget", "x.io/v1")])
policies = st.sampled_from(["", *sorted(DeletePolicy.ALL), "HookSucceeded,BeforeHookCreation"])
phases = st.sampled_from(["PreSync", "Sync", "PostSync", "SyncFail", "PreSync,PostSync"])


@st.composite
def worlds(draw: st.DrawFn) -> dict[str, Any]:
    """What a `World` is made of, so that several alike can be made."""
    count = draw(st.integers(0, 5))
    objects = []
    for number in range(count):
        kind, api = draw(kinds)
        objects.append(an_object(f"o{number}", kind=kind, api=api, wave=draw(waves)))
    hooks = [
        a_hook(f"h{number}", draw(phases), wave=draw(waves), policy=draw(policies))
        for number in range(draw(st.integers(0, 3)))
    ]
    # All in one wave: the order of prunes mirrors the waves of those still there, so with several waves
    # a crash may move the ones left. The law of reversal below covers those.
    extra_wave = draw(waves)
    extras = [an_object(f"x{number}", wave=extra_wave) for number in range(draw(st.integers(0, 2)))]
    unchanged = [each for each in objects if draw(st.booleans())]
    leftovers = [{**each, "stale": True} for each in hooks if draw(st.booleans())]
    names = [each["metadata"]["name"] for each in (*objects, *hooks)]
    some = st.lists(st.sampled_from(names), max_size=1) if names else st.just([])
    return {
        "desired": objects,
        "hooks": hooks,
        "live": [*extras, *unchanged, *leftovers],
        "operation": SyncOperation(prune=draw(st.booleans())),
        "refused": draw(some),
        "dry_run_tells": draw(st.booleans()),
        "sick": draw(some),
    }


def a_world(parts: dict[str, Any]) -> World:
    world = World(**parts)
    world.managed -= {key for key in world.managed if key.kind == "Job"}  # hooks are not part of a comparison
    return world


@given(worlds())
def test_a_plan_keeps_every_task_and_never_steps_back(parts: dict[str, Any]) -> None:
    tasks = a_world(parts).tasks()
    plan = plan_waves(tasks)
    steps = [batch_of(wave.tasks[0]) for wave in plan]
    assert steps == sorted(set(steps))
    planned = Counter(task.id for wave in plan for task in wave.tasks)
    assert planned == Counter(task.id for task in tasks if task.settled is None)
    for wave in plan:
        tiers = [tier(task.key.group_kind) for task in wave.tasks if not task.prune]
        assert tiers == sorted(tiers)


@given(worlds())
def test_a_sync_ends_once_and_says_what_became_of_every_object(parts: dict[str, Any]) -> None:
    world = a_world(parts)
    sync = world.run()
    assert sync.phase in OperationPhase.COMPLETED
    if sync.phase == OperationPhase.SUCCEEDED:
        expected = {task.id for task in sync.tasks.values() if task.phase != "SyncFail"}
        assert {(each.sync_phase, each.kind, each.name) for each in world.recorded} == {
            (task.phase, task.key.kind, task.key.name) for task in expected
        }
        assert not any(each.status == "SyncFailed" for each in world.recorded)
    else:
        assert world.refused or world.sick


@given(worlds())
def test_writes_follow_the_waves(parts: dict[str, Any]) -> None:
    world = a_world(parts)
    order = {
        task.key.name: batch_of(task) for task in world.tasks() if task.settled is None and "," not in str(task.id)
    }
    twice = {name for name, count in Counter(task.key.name for task in world.tasks()).items() if count > 1}
    world.run()
    steps = [order[name] for verb, name in world.log if verb in ("apply", "prune") and name not in twice]
    assert steps == sorted(steps)


@given(worlds(), st.lists(st.integers(0, 25), max_size=4))
def test_a_crash_at_any_point_changes_nothing(parts: dict[str, Any], crashes: list[int]) -> None:
    undisturbed = a_world(parts)
    whole = undisturbed.run()
    world, resumed = a_world(parts), None
    for crash_after in [*crashes, None]:
        with suppress(Crash):
            resumed = world.run(crash_after=crash_after)
            break
    assert resumed is not None
    assert resumed.phase == whole.phase
    assert world.live == undisturbed.live
    assert sorted(world.hook_runs) == sorted(undisturbed.hook_runs)
    assert len(set(world.hook_runs)) == len(world.hook_runs)
    assert told(world.recorded) == told(undisturbed.recorded)
    # With the last wave's objects pruned before the crash, another wave is the last one after it.
    assert resumed.message == whole.message or any(each.status == "Pruned" for each in world.recorded)


@given(st.lists(waves, max_size=6), st.lists(st.integers(0, 12), max_size=3))
def test_what_came_last_is_pruned_first_whatever_crashes(extra_waves: list[int], crashes: list[int]) -> None:
    extras = [an_object(f"x{number}", wave=wave) for number, wave in enumerate(extra_waves)]
    world = World(desired=[an_object("kept")], live=extras)
    for crash_after in [*crashes, None]:
        with suppress(Crash):
            world.run(crash_after=crash_after)
            break
    pruned = [extra_waves[int(name[1:])] for verb, name in world.log if verb == "prune"]
    assert pruned == sorted(extra_waves, reverse=True)
    assert {each.name: each.status for each in world.recorded} == {
        "kept": "Synced",
        **{f"x{number}": "Pruned" for number in range(len(extras))},
    }


@given(worlds(), st.integers(0, 25))
def test_termination_ends_a_sync_at_once_and_leaves_no_hook_running(parts: dict[str, Any], after: int) -> None:
    world = a_world(parts)
    sync, actions = begin(world.tasks())
    for _ in range(after):
        events = [event for action in actions for event in world.perform(sync, action)]
        actions = []
        for event in events:
            sync, more = step(sync, event)
            actions += more
    assume(sync.stage is not Stage.FINISHED)
    for action in actions:
        if not isinstance(action, Finish):
            world.perform(sync, action)
    sync, actions = step(sync, Terminate())
    for action in actions:
        world.perform(sync, action)
    assert actions[-1] == Finish(OperationPhase.FAILED, "Operation terminated")
    unfinished = [each for each in world.recorded if each.hook_type and each.hook_phase == OperationPhase.RUNNING]
    assert unfinished == []
    ours = {key.name for key, live in world.live.items() if annotation(live, OPERATION_MARK)}
    assert not ours & {each.name for each in world.recorded if each.message == "Terminated"}
    assert all(step(sync, TaskEnded(task, "Synced")) == (sync, []) for task in sync.tasks)
