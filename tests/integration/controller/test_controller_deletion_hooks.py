"""PreDelete and PostDelete hooks: what runs before anything is deleted and after all is gone, and what stops them."""

import asyncio
import json
from typing import Any

import pytest

from adapters.kube.credentials import cluster_from_kubeconfig
from gitops.model.resource import ResourceType
from tests.integration.controller.controller_world import Raw, World, a_job, a_project, config_map, eventually, yaml
from tests.integration.controller.faults import CrashPoint, Network, births

PRE = "pre-delete-finalizer.argocd.argoproj.io"
POST = "post-delete-finalizer.argocd.argoproj.io"
CASCADE = {"finalizers": ["resources-finalizer.argocd.argoproj.io"]}
HOOK = "argocd.argoproj.io/hook"
PODS = ResourceType("", "v1", "Pod", "pods", namespaced=True)
WAVE = "argocd.argoproj.io/sync-wave"


def a_run(name: str, phase: str, **annotations: str) -> Raw:
    """A pod that nobody runs: the test says how it ends."""
    spec = {"schedulerName": "nobody", "containers": [{"name": "work", "image": "registry.local/work:1"}]}
    metadata = {"name": name, "annotations": {HOOK: phase, **annotations}}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}


async def end(world: World, pod: str, phase: str) -> None:
    async def there() -> bool:
        found = await world.get("pod", pod)
        return found is not None and "deletionTimestamp" not in found["metadata"]

    await eventually(there, f"pod {pod} runs")
    patch = json.dumps({"status": {"phase": phase, "message": f"it has {phase.lower()}"}})
    await world.kubectl("patch", "pod", pod, "--subresource=status", "--type=merge", "-p", patch)


async def deployed(world: World, *manifests: Raw, **how: Any) -> str:
    world.commit({"app/all.yaml": yaml(*manifests)})
    app = await world.add_app(**{"metadata": CASCADE, **how})
    await world.synced(app)
    await world.wait_sync(app, "Synced")
    return app


async def delete(world: World, app: str) -> None:
    await world.kubectl("delete", "application.argoproj.io", app, "--wait=false")


async def finalizers(world: World, app: str) -> list[str]:
    return list((await world.app(app))["metadata"].get("finalizers") or ())


async def without(world: World, app: str, finalizer: str) -> None:
    kept = [each for each in await finalizers(world, app) if each != finalizer]
    await world.patch_app(app, {"metadata": {"finalizers": kept}})


async def test_one_runs_before_anything_is_deleted_and_the_other_when_all_is_gone(world: World) -> None:
    first, last = a_run("first", "PreDelete"), a_run("last", "PostDelete")
    app = await deployed(world, config_map("a"), first, last)
    assert await finalizers(world, app) == [*CASCADE["finalizers"], PRE, f"{PRE}/cleanup", POST, f"{POST}/cleanup"]
    assert await world.get("pod", "first") is None
    await delete(world, app)
    assert "Pod" in await world.wait_condition(app, "DeletionWaiting", "PreDelete hook")
    assert await world.data("a") == {}
    await end(world, "first", "Succeeded")
    await world.wait_gone("configmap", "a")
    assert await world.get("application.argoproj.io", app) is not None
    await end(world, "last", "Succeeded")
    await world.wait_gone("application.argoproj.io", app)
    await world.wait_gone("pod", "first")
    await world.wait_gone("pod", "last")


async def test_hooks_of_helm_are_such_hooks_and_run_wave_after_wave(world: World) -> None:
    account, run = config_map("account"), a_run("drop", "")
    account["metadata"]["annotations"] = {"helm.sh/hook": "pre-delete", "helm.sh/hook-weight": "-1"}
    run["metadata"]["annotations"] = {"helm.sh/hook": "pre-delete", "helm.sh/hook-delete-policy": "hook-succeeded"}
    held = a_run("held", "PreDelete", **{WAVE: "5"})
    app = await deployed(world, config_map("a"), account, run, held)
    await delete(world, app)
    await world.wait_condition(app, "DeletionWaiting", "Pod")
    assert await world.data("account") == {}
    assert await world.get("pod", "held") is None
    await end(world, "drop", "Succeeded")
    await end(world, "held", "Succeeded")
    await world.wait_gone("application.argoproj.io", app)
    assert await world.data("account") is None


async def test_without_such_hooks_in_git_the_finalizers_go(world: World) -> None:
    app = await deployed(world, config_map("a"), a_run("first", "PreDelete"))
    assert PRE in await finalizers(world, app)
    world.commit({"app/all.yaml": yaml(config_map("a"))})

    async def gone() -> bool:
        return await finalizers(world, app) == CASCADE["finalizers"]

    await eventually(gone, "the finalizers are taken off")


async def test_a_failed_one_keeps_everything_and_says_why_and_how_to_go_on(world: World) -> None:
    app = await deployed(world, config_map("a"), a_run("first", "PreDelete"))
    await delete(world, app)
    await end(world, "first", "Failed")
    told = await world.wait_condition(app, "DeletionError", "it has failed")
    assert "Pod" in told
    assert PRE in told
    assert await world.data("a") == {}
    failed = await world.get("pod", "first")
    assert failed is not None
    # Whoever deletes its object has it run again.
    await world.kubectl("delete", "pod", "first", "--wait=false", "--grace-period=0")

    async def runs_again() -> bool:
        found = await world.get("pod", "first")
        return found is not None and found["metadata"]["uid"] != failed["metadata"]["uid"]

    await eventually(runs_again, "the hook is run again")
    await end(world, "first", "Failed")
    await world.wait_condition(app, "DeletionError", "it has failed")
    await without(world, app, PRE)
    await world.wait_gone("application.argoproj.io", app)
    assert await world.data("a") is None
    await world.wait_gone("pod", "first")


async def test_a_failed_one_is_run_again_after_a_while(world: World) -> None:
    app = await deployed(world, config_map("a"), a_run("last", "PostDelete"))
    await delete(world, app)
    await end(world, "last", "Failed")
    await world.wait_condition(app, "DeletionError", "PostDelete hook")
    before = await world.get("pod", "last")
    past = {"type": "DeletionError", "lastTransitionTime": "2026-01-01T00:00:00Z"}
    message = (await world.status(app))["conditions"][0]["message"]
    await world.patch_app(app, {"status": {"conditions": [{**past, "message": message}]}})

    async def runs_again() -> bool:
        found = await world.get("pod", "last")
        return found is not None and before is not None and found["metadata"]["uid"] != before["metadata"]["uid"]

    await eventually(runs_again, "the hook is run again", within=40)
    await end(world, "last", "Succeeded")
    await world.wait_gone("application.argoproj.io", app)


@pytest.mark.parametrize("phase", ["PreDelete", "PostDelete"])
async def test_A53_a_hook_outside_the_project_is_refused_and_nothing_of_it_is_written(world: World, phase: str) -> None:
    other = f"{world.namespace}-other"
    await world.kubectl("create", "namespace", other)
    stranger = a_job("stranger", hook=phase)
    stranger["metadata"]["namespace"] = other
    await asyncio.to_thread(
        world.plane.apply,
        a_project(
            "default",
            world.namespace,
            destinations=[{"server": "*", "namespace": world.namespace}],
            clusterResourceWhitelist=[],
        ),
    )
    role = {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRole",
        "metadata": {"name": f"evil-{world.namespace}", "annotations": {HOOK: phase, WAVE: "1"}},
        "rules": [{"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]}],
    }
    app = await deployed(world, config_map("a"), stranger, role)
    await delete(world, app)
    assert "does not allow namespace" in await world.wait_condition(app, "DeletionError", "hooks cannot be run")
    assert await world.get("job", "stranger", other) is None
    world.commit({"app/all.yaml": yaml(config_map("a"), role)})
    await world.wait_condition(app, "DeletionError", "does not allow cluster-scoped")
    assert await world.get("clusterrole", f"evil-{world.namespace}") is None
    assert (await world.data("a") == {}) is (phase == "PreDelete")
    world.commit({"app/all.yaml": yaml(config_map("a"))})
    await world.wait_gone("application.argoproj.io", app, within=40)


async def test_an_object_of_others_under_the_hooks_name_is_left_alone(world: World) -> None:
    app = await deployed(world, config_map("a"), config_map("mine", {HOOK: "PreDelete"}, of="git"))
    await world.kubectl("apply", "-f", "-", stdin=yaml(config_map("mine", of="others")))
    await delete(world, app)
    assert "does not replace it" in await world.wait_condition(app, "DeletionError", "mine")
    assert await world.data("mine") == {"of": "others"}
    assert await world.data("a") == {}


async def test_a_source_that_is_gone_is_told_and_can_be_passed_over(world: World) -> None:
    app = await deployed(world, config_map("a"), a_run("first", "PreDelete"))
    await world.stop()
    world.commit({"app/all.yaml": None, "other/all.yaml": yaml(config_map("b"))})
    await delete(world, app)
    await world.start()
    told = await world.wait_condition(app, "DeletionError", "PreDelete hooks cannot be run")
    assert PRE in told
    assert await world.data("a") == {}
    await without(world, app, PRE)
    await world.wait_gone("application.argoproj.io", app)
    assert await world.data("a") is None


async def test_without_the_cascade_no_hook_runs_and_everything_stays(world: World) -> None:
    app = await deployed(world, config_map("a"), a_run("first", "PreDelete"), a_run("last", "PostDelete"), metadata={})
    assert PRE in await finalizers(world, app)
    async with births(world.kube, world.namespace, PODS) as seen:
        await delete(world, app)
        await world.wait_gone("application.argoproj.io", app)
        assert seen.uids == {}
    assert await world.data("a") == {}


async def test_a_cluster_that_is_registered_no_more_does_not_keep_it(world: World) -> None:
    destination = {"name": "gone", "namespace": world.namespace}
    kept = {"finalizers": [*CASCADE["finalizers"], PRE, f"{PRE}/cleanup", POST, f"{POST}/cleanup"]}
    world.commit({"app/all.yaml": yaml(config_map("a"), a_run("first", "PreDelete"))})
    app = await world.add_app(metadata=kept, destination=destination)
    await delete(world, app)
    await world.wait_gone("application.argoproj.io", app)


async def test_each_runs_once_whatever_crashes(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each write of the deletion is once the last that a controller made; its successor goes on from there."""
    await world.stop()
    hooks = {n: (a_job("", hook="PreDelete"), a_job(f"last-{n}", hook="PostDelete")) for n in range(1, 20)}
    for number, (before, _) in hooks.items():
        before["metadata"] = {**before["metadata"], "generateName": f"first-{number}-"}
        del before["metadata"]["name"]
    world.commit({f"app-{n}/all.yaml": yaml(config_map(f"a-{n}"), *both) for n, both in hooks.items()})
    async with births(world.kube, world.namespace) as seen:
        for number in hooks:
            app = await world.add_app(f"web-{number}", path=f"app-{number}", metadata=CASCADE)
            zeroth = await world.start()
            await world.synced(app)
            await world.wait_sync(app, "Synced")
            await zeroth.kill()
            with monkeypatch.context() as patch:
                crash = CrashPoint(patch, after=number)
                first = await world.start()
                await delete(world, app)
                gone = asyncio.ensure_future(world.wait_gone("application.argoproj.io", app, within=40))
                await asyncio.wait(
                    {gone, asyncio.ensure_future(crash.reached.wait())}, return_when=asyncio.FIRST_COMPLETED
                )
                whole = not crash.reached.is_set()
                await first.kill()
                gone.cancel()
            second = await world.start()
            await world.wait_gone("application.argoproj.io", app, within=40)
            await second.kill()
            made = {name: uids for name, uids in seen.uids.items() if f"-{number}-" in name or name == f"last-{number}"}
            assert sorted(len(uids) for uids in made.values()) == [1, 1], (number, crash.writes, made)
            assert await world.data(f"a-{number}") is None
            if whole:
                break
        else:
            raise AssertionError("a deletion has more writes than the test reckons with")
        assert number > 5, crash.writes


async def test_a_parent_application_does_not_take_the_finalizers_off_its_children(world: World) -> None:
    world.commit({"child/all.yaml": yaml(config_map("a"), a_run("first", "PreDelete"))})
    source = {"repoURL": world.git.url, "path": "child", "targetRevision": "main"}
    destination = {"server": "https://kubernetes.default.svc", "namespace": world.namespace}
    child = world.app_name("child")
    spec: Raw = {"project": "default", "source": source, "destination": destination, "syncPolicy": {"automated": {}}}
    declared = {"apiVersion": "argoproj.io/v1alpha1", "kind": "Application", "spec": spec}
    declared["metadata"] = {"name": child, "namespace": world.namespace, **CASCADE}
    world.commit({"app/all.yaml": yaml(declared)})
    parent = await world.add_app("parent", automated={"selfHeal": True})
    await world.wait_sync(parent, "Synced")
    await world.wait_sync(child, "Synced")
    started = (await world.operation_ended(parent))["startedAt"]
    assert PRE in await finalizers(world, child)
    await world.patch_app(parent, {"metadata": {"annotations": {"argocd.argoproj.io/refresh": "hard"}}})

    async def refreshed() -> bool:
        return "argocd.argoproj.io/refresh" not in ((await world.app(parent))["metadata"].get("annotations") or {})

    await eventually(refreshed, "the refresh is over")
    status = await world.wait_sync(parent, "Synced")
    assert status["operationState"]["startedAt"] == started
    history = (await world.status(child))["history"]
    declared["spec"] = {**spec, "info": [{"name": "owner", "value": "around"}]}
    world.commit({"app/all.yaml": yaml(declared)})

    async def delivered() -> bool:
        return (await world.app(child))["spec"].get("info") is not None

    await eventually(delivered, "the child's spec is delivered")
    assert PRE in await finalizers(world, child)
    assert (await world.status(child))["history"] == history


async def test_nothing_is_begun_before_a_person_has_approved_what_must_be(world: World) -> None:
    precious = config_map("precious", {"argocd.argoproj.io/sync-options": "Delete=confirm"})
    app = await deployed(world, precious, a_run("first", "PreDelete"))
    await delete(world, app)
    await world.wait_condition(app, "DeletionError", "approved")
    assert await world.get("pod", "first") is None
    moment = (await world.app(app))["metadata"]["deletionTimestamp"]
    await world.patch_app(app, {"metadata": {"annotations": {"argocd.argoproj.io/deletion-approved": moment}}})
    await end(world, "first", "Succeeded")
    await world.wait_gone("application.argoproj.io", app)


async def test_a_cluster_that_is_silent_is_told_with_the_way_out(world: World) -> None:
    network = Network(cluster_from_kubeconfig(world.plane.kubeconfig))
    await network.start()
    prod = network.registration(world.namespace, name="prod")
    await world.kubectl("apply", "-f", "-", stdin=json.dumps(prod, default=str))
    destination = {"name": "prod", "namespace": world.namespace}
    app = await deployed(world, config_map("a"), a_run("first", "PreDelete"), destination=destination)
    await network.cut()
    await delete(world, app)
    told = await world.wait_condition(app, "DeletionError", "does not answer", within=60)
    assert "take its finalizers off" in told
    await world.patch_app(app, {"metadata": {"finalizers": None}})
    await world.wait_gone("application.argoproj.io", app)
    assert await world.data("a") == {}
