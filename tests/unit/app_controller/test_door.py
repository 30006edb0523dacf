"""Every write checks the project, the owner and the version of the object it was decided on."""

from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest

from app_controller.live.mirror import Mirror
from app_controller.reconcile.actions import Door
from app_controller.reconcile.writes import HOLDS_OTHERS, refuses_apply_only
from gitops.manifest.annotations import HOOK_FINALIZER
from gitops.manifest.tracking import Tracking
from gitops.model.errors import ClusterRefused, Conflict, KindNotServed, NotFound, NotPermitted
from gitops.model.merge import apply_merge_patch
from gitops.model.project import KindPattern, Project, ProjectDestination, ProjectSpec
from gitops.model.repository import Cluster
from gitops.model.resource import Manifest, ResourceKey, ResourceType, key_of, resource_version_of, uid_of
from gitops.sync.hooks import Attempt, runs_of
from gitops.sync.options import SyncOptions
from gitops.sync.tasks import SyncTask, TaskId
from tests.sync_world import a_hook, an_object

OPEN = Project("dev", ProjectSpec(destinations=(ProjectDestination(server="*", namespace="*"),)))
TRACKING = Tracking()


class Clock:
    def __init__(self) -> None:
        self.moment = datetime(2026, 11, 23, tzinfo=UTC)
        self.slept: Callable[[], None] = lambda: None

    def now(self) -> datetime:
        return self.moment

    async def sleep(self, duration: timedelta) -> None:
        self.moment += duration
        self.slept()


class ServerInMemory:
    """An API server in memory that minds versions, uids and finalizers."""

    def __init__(self) -> None:
        self.objects: dict[ResourceKey, dict[str, Any]] = {}
        self.version = 100
        self.calls: list[str] = []
        self.refusal: Exception | None = None  # of the next server-side apply
        self.before_delete: Callable[[], object] = lambda: None

    def put(self, manifest: Manifest, **metadata: Any) -> dict[str, Any]:
        self.version += 1
        key = key_of(manifest)
        uid = uid_of(self.objects.get(key, {})) or f"uid-{self.version}"
        kept = {**manifest["metadata"], "uid": uid, **metadata, "resourceVersion": str(self.version)}
        self.objects[key] = {**manifest, "metadata": kept}
        return self.objects[key]

    def _at(self, type: ResourceType, namespace: str, name: str) -> ResourceKey:
        return ResourceKey(type.group, type.kind, namespace, name)

    async def get(self, type: ResourceType, namespace: str, name: str) -> dict[str, Any] | None:
        return self.objects.get(self._at(type, namespace, name))

    async def apply(self, type: ResourceType, manifest: Manifest, *, dry_run: bool = False, **_: Any) -> Any:
        self.calls.append("try" if dry_run else "apply")
        refusal, self.refusal = self.refusal, None
        if refusal is not None:
            raise refusal
        return manifest if dry_run else self.put(manifest)

    async def create(self, type: ResourceType, manifest: Manifest, *, dry_run: bool = False) -> Any:
        self.calls.append("try to create" if dry_run else "create")
        return manifest if dry_run else self.put(manifest)

    async def replace(self, type: ResourceType, manifest: Manifest, *, dry_run: bool = False) -> Any:
        self.calls.append("try to replace" if dry_run else "replace")
        self._mind(self.objects[key_of(manifest)], resource_version_of(manifest))
        return manifest if dry_run else self.put(manifest)

    async def patch(
        self, type: ResourceType, namespace: str, name: str, patch: Any, *, dry_run: bool = False, **_: Any
    ) -> Any:
        self.calls.append("try to patch" if dry_run else "patch")
        found = self.objects[self._at(type, namespace, name)]
        self._mind(found, patch["metadata"].get("resourceVersion", ""))
        if dry_run:
            return apply_merge_patch(found, patch)
        after = self.put(apply_merge_patch(found, patch))
        if after["metadata"].get("deletionTimestamp") and not after["metadata"].get("finalizers"):
            del self.objects[key_of(after)]
        return after

    async def delete(
        self, type: ResourceType, namespace: str, name: str, *, uid: str = "", resource_version: str = "", **_: Any
    ) -> Any:
        self.before_delete()
        self.calls.append("delete")
        found = self.objects.get(self._at(type, namespace, name))
        if found is None:
            raise NotFound(f"{name} is not there")
        if uid and uid_of(found) != uid:
            raise Conflict("another uid")
        self._mind(found, resource_version)
        if found["metadata"].get("finalizers"):
            return self.put(found, deletionTimestamp="2026-11-23T00:00:00Z")
        del self.objects[key_of(found)]
        return None

    def _mind(self, found: Manifest, version: str) -> None:
        if version and resource_version_of(found) != version:
            raise Conflict("the object has been modified")


class Room:
    """A door with a cluster behind it."""

    def __init__(self, project: Project = OPEN) -> None:
        self.project = project
        self.cluster = ServerInMemory()
        self.clock = Clock()
        sink = SimpleNamespace(managed_object_changed=lambda *_: None, object_changed=lambda *_: None)
        self.mirror = Mirror("https://dev", TRACKING.owner_of, sink)
        self.live = SimpleNamespace(
            client=self.cluster,
            mirror=self.mirror,
            cluster=Cluster("https://dev", "dev"),
            type_of=self._type_of,
            rediscover=self._rediscover,
        )
        self.door = Door(
            self.live,  # type: ignore[arg-type]
            self.clock,
            project=lambda: self.project,
            owner_of=TRACKING.owner_of,
            other_owner=lambda live: "application api" if live and TRACKING.owner_of(live) == "api" else "",
            instance="web",
        )
        self.unserved: set[str] = set()

    def _type_of(self, group: str, version: str, kind: str) -> ResourceType:
        if kind in self.unserved:
            raise KindNotServed(f"{kind} is not served")
        return ResourceType(group, version, kind, kind.lower() + "s", True)

    async def _rediscover(self) -> None:
        self.cluster.calls.append("discover")


def ours(name: str, kind: str = "ConfigMap", api: str = "v1", **data: str) -> dict[str, Any]:
    return {**TRACKING.stamp(an_object(name, kind=kind, api=api), "web", "ns"), "data": data}


def theirs(name: str) -> dict[str, Any]:
    return dict(TRACKING.stamp(an_object(name), "api", "ns"))


def a_task(desired: Manifest | None, live: Manifest | None = None, **options: Any) -> SyncTask:
    key = key_of(desired or live or {})
    return SyncTask(TaskId("Sync", key), "v1", 0, desired, live, SyncOptions(**options))


# --- deleting -------------------------------------------------------------------------------------------------


async def test_an_object_that_changed_since_it_was_compared_is_pruned_if_it_is_still_ours() -> None:
    room = Room()
    compared = room.cluster.put(ours("a"))
    room.cluster.put({**compared, "data": {"changed": "since"}})
    written = await room.door.prune(a_task(None, compared))
    assert (written.code, room.cluster.objects) == ("Pruned", {})


async def test_an_object_that_another_application_has_taken_meanwhile_is_left_alone() -> None:
    room = Room()
    compared = room.cluster.put(ours("a"))
    room.cluster.before_delete = lambda: room.cluster.put(theirs("a"))
    written = await room.door.prune(a_task(None, compared))
    assert written.code == "SyncFailed"
    assert "tracking mark" in written.message
    assert len(room.cluster.objects) == 1


@pytest.mark.parametrize("dry_run", [True, False])
async def test_an_object_that_became_anothers_since_it_was_compared_is_not_written(dry_run: bool) -> None:
    room = Room()
    room.mirror.observe(room.cluster.put(theirs("a")))
    for live in (None, room.cluster.put(ours("b"))):
        written = await room.door.apply(a_task(ours("a"), live), dry_run=dry_run)
        assert written.code == "SyncFailed"
        assert "application api" in written.message
    assert not room.cluster.calls


@pytest.mark.parametrize(("scoped_to", "only_own"), [("prod", False), ("", True)])
async def test_a_cluster_that_is_not_for_the_project_is_not_written_to(scoped_to: str, only_own: bool) -> None:
    room = Room(Project("dev", msgspec.structs.replace(OPEN.spec, permit_only_project_scoped_clusters=only_own)))
    room.live.cluster = Cluster("https://dev", "dev", project=scoped_to)
    written = await room.door.apply(a_task(ours("a")), dry_run=False)
    assert (written.code, room.cluster.calls) == ("SyncFailed", [])


async def test_an_object_made_anew_meanwhile_is_another_one() -> None:
    room = Room()
    compared = room.cluster.put(ours("a"))
    room.cluster.objects.clear()
    anew = room.cluster.put(ours("a"))
    written = await room.door.prune(a_task(None, compared))
    assert written.code == "Pruned"
    assert list(room.cluster.objects.values()) == [anew]


async def test_what_the_project_does_not_allow_is_not_deleted_either() -> None:
    forbidden = msgspec.structs.replace(
        OPEN.spec, namespace_resource_blacklist=(KindPattern(group="", kind="ConfigMap"),)
    )
    room = Room(Project("dev", forbidden))
    compared = room.cluster.put(ours("a"))
    written = await room.door.prune(a_task(None, compared))
    assert (written.code, len(room.cluster.objects)) == ("SyncFailed", 1)
    elsewhere = msgspec.structs.replace(OPEN.spec, destinations=(ProjectDestination(server="*", namespace="other"),))
    room.project = Project("dev", elsewhere)
    assert "does not allow namespace ns" in (await room.door.apply(a_task(ours("b")), dry_run=False)).message
    assert "apply" not in room.cluster.calls


HOOK_WRITES = {
    "apply": lambda door, run: door.apply(run, dry_run=False),
    "create": lambda door, run: door.create_hook(run),
    "clear": lambda door, run: door.clear_hook(run),
    "remove": lambda door, run: door.remove_hook(run),
    "delete at the end": lambda door, run: door.delete_hook(run),
    "release at the end": lambda door, run: door.release_hook(run),
    "part with": lambda door, run: door.part_with(run.desired, delete=True),
    "let go": lambda door, run: door.part_with(run.desired, delete=False),
}


@pytest.mark.parametrize("write", HOOK_WRITES.values(), ids=HOOK_WRITES)
@pytest.mark.parametrize("there", [False, True])
async def test_A53_no_hook_is_written_in_any_way_that_the_project_does_not_allow(write: Any, there: bool) -> None:
    elsewhere = msgspec.structs.replace(OPEN.spec, destinations=(ProjectDestination(server="*", namespace="other"),))
    room = Room(Project("dev", elsewhere))
    run = a_run()
    if there:
        room.cluster.put(run.desired or {})
    before = dict(room.cluster.objects)
    with suppress(NotPermitted):
        await write(room.door, run)
    assert room.cluster.objects == before
    assert not {"apply", "create", "patch", "delete"} & set(room.cluster.calls)


# --- writing --------------------------------------------------------------------------------------------------

TWICE = ClusterRefused('failed to create typed patch object: .env: duplicate entries for key [name="A"]', status=500)
UNKNOWN = ClusterRefused("failed to create typed patch object: .spec.x: field not declared in schema", status=500)
IMMUTABLE = ClusterRefused("spec.selector: Invalid value: field is immutable", status=422)


def test_only_what_other_writes_can_do_falls_back_to_them() -> None:
    assert refuses_apply_only(TWICE)
    assert refuses_apply_only(ClusterRefused("failed to create typed live object: field not declared", status=500))
    assert not refuses_apply_only(UNKNOWN)
    assert not refuses_apply_only(ClusterRefused("duplicate entries", status=422))


@pytest.mark.parametrize("live", [False, True])
@pytest.mark.parametrize("options", [{"server_side_apply": False}, {"replace": True}, {"replace": True, "force": True}])
async def test_a_dry_run_never_writes(live: bool, options: dict[str, bool]) -> None:
    room = Room()
    present = room.cluster.put(ours("a", v="1")) if live else None
    before = dict(room.cluster.objects)
    written = await room.door.apply(a_task(ours("a", v="2"), present, **options), dry_run=True)
    assert written.code == "Synced"
    assert room.cluster.objects == before
    assert not {"apply", "create", "replace", "patch", "delete"} & set(room.cluster.calls)


async def test_what_is_created_by_a_three_way_patch_remembers_what_was_applied() -> None:
    room = Room()
    room.cluster.refusal = TWICE
    written = await room.door.apply(a_task(ours("a", kept="1", dropped="2")), dry_run=False)
    assert "three-way" in written.message
    live = room.cluster.objects[key_of(ours("a"))]
    room.cluster.refusal = TWICE
    await room.door.apply(a_task(ours("a", kept="1"), live), dry_run=False)
    assert room.cluster.objects[key_of(ours("a"))]["data"] == {"kept": "1"}


async def test_a_patch_is_made_anew_for_the_object_as_it_is_by_then() -> None:
    room = Room()
    compared = room.cluster.put(ours("a", v="1"))
    room.cluster.put({**compared, "data": {"v": "1", "by": "somebody"}})
    written = await room.door.apply(a_task(ours("a", v="2"), compared, server_side_apply=False), dry_run=False)
    assert written.code == "Synced", written.message
    assert room.cluster.calls == ["patch", "patch"]
    assert room.cluster.objects[key_of(compared)]["data"]["v"] == "2"


async def test_force_makes_anew_what_cannot_be_changed_but_never_what_holds_others() -> None:
    room = Room()
    live = room.cluster.put(ours("a", kind="Job"))
    room.cluster.refusal = IMMUTABLE
    assert (await room.door.apply(a_task(ours("a", kind="Job"), live, force=True), dry_run=False)).code == "Synced"
    assert "delete" in room.cluster.calls
    for kind in HOLDS_OTHERS:
        room = Room(
            Project("dev", msgspec.structs.replace(OPEN.spec, namespace_resource_whitelist=(KindPattern("*", "*"),)))
        )
        live = room.cluster.put(ours("a", kind=kind))
        room.cluster.refusal = IMMUTABLE
        written = await room.door.apply(a_task(ours("a", kind=kind), live, force=True), dry_run=False)
        assert (written.code, "delete" in room.cluster.calls) == ("SyncFailed", False), kind
        await room.door.apply(a_task(ours("a", kind=kind), live, force=True, replace=True), dry_run=False)
        assert (room.cluster.calls[-1], "delete" in room.cluster.calls) == ("replace", False), kind


async def test_the_answer_to_a_write_is_seen_at_once() -> None:
    room = Room()
    await room.door.apply(a_task(ours("a", v="1")), dry_run=False)
    assert room.mirror.get(key_of(ours("a"))) is room.cluster.objects[key_of(ours("a"))]


async def test_a_kind_that_is_not_served_is_looked_up_again_before_it_fails() -> None:
    room = Room()
    room.unserved.add("ConfigMap")
    written = await room.door.apply(a_task(ours("a")), dry_run=False)
    assert (written.code, written.kind_missing) == ("SyncFailed", True)
    assert room.cluster.calls == ["discover"]


# --- hooks ----------------------------------------------------------------------------------------------------


def a_run(name: str = "migrate", retry: int = 0) -> SyncTask:
    attempt = Attempt(datetime(2026, 11, 23, tzinfo=UTC), retry)
    ((phase, prepared),) = runs_of([TRACKING.stamp(a_hook(name), "web", "ns")], attempt)
    return SyncTask(TaskId(phase, key_of(prepared)), "v1", 0, prepared, None, SyncOptions(), hook=True)


async def test_the_leftover_of_an_earlier_run_is_released_deleted_and_waited_for() -> None:
    room = Room()
    left = room.cluster.put(a_run().desired or {})
    await room.door.clear_hook(a_run(retry=1))
    assert room.cluster.objects == {}
    assert left["metadata"]["finalizers"] == [HOOK_FINALIZER]


async def test_a_leftover_that_is_slow_to_go_is_asked_once() -> None:
    room = Room()
    left = room.cluster.put(a_run().desired or {}, finalizers=[HOOK_FINALIZER, "example.com/slow"])
    waits = 0

    def slept() -> None:
        nonlocal waits
        waits += 1
        if waits == 5:
            del room.cluster.objects[key_of(left)]

    room.clock.slept = slept
    await room.door.clear_hook(a_run(retry=1))
    assert room.cluster.calls.count("delete") == 1


async def test_the_run_of_this_very_attempt_is_left_to_run() -> None:
    room = Room()
    room.cluster.put(a_run().desired or {})
    await room.door.clear_hook(a_run())
    assert len(room.cluster.objects) == 1


@pytest.mark.parametrize("owner", ["api", ""])
async def test_an_object_that_is_no_hook_of_ours_is_never_cleared_away(owner: str) -> None:
    room = Room()
    foreign = an_object("migrate", kind="Job", api="batch/v1")
    room.cluster.put(TRACKING.stamp(a_hook("migrate"), owner, "ns") if owner else foreign)
    with pytest.raises(NotPermitted, match="is there already"):
        await room.door.clear_hook(a_run())
    assert "delete" not in room.cluster.calls


async def test_a_hook_changed_by_others_meanwhile_is_released_all_the_same() -> None:
    room = Room()
    live = room.cluster.put(a_run().desired or {})
    room.cluster.put({**live, "status": {"active": 1}})
    job = ResourceType("batch", "v1", "Job", "jobs", True)
    after = await room.door.release(job, live)
    assert after["metadata"]["finalizers"] == []
