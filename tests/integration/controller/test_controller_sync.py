"""Operations against a real API server: order, hooks, pruning, options, and what a dry run leaves alone."""

import json

from tests.integration.controller.controller_world import (
    World,
    a_deployment,
    a_job,
    config_map,
    eventually,
    manifest,
    yaml,
)

OPTIONS = "argocd.argoproj.io/sync-options"
WAVE = "argocd.argoproj.io/sync-wave"


async def test_a_sync_applies_prunes_and_keeps(world: World) -> None:
    keep = {OPTIONS: "Prune=false"}
    world.commit({"app/all.yaml": yaml(config_map("a", colour="red"), config_map("b"), config_map("c", keep))})
    app = await world.add_app()
    await world.wait_sync(app, "OutOfSync")
    state = await world.synced(app)
    assert (state["phase"], state["message"]) == ("Succeeded", "successfully synced (all tasks run)")
    await world.wait_sync(app, "Synced")
    world.commit({"app/all.yaml": yaml(config_map("a", colour="blue"))})
    await world.wait_sync(app, "OutOfSync")
    state = await world.synced(app, prune=True)
    results = {each["name"]: (each["status"], each["message"]) for each in state["syncResult"]["resources"]}
    assert results["b"] == ("Pruned", "pruned")
    assert results["c"] == ("PruneSkipped", "ignored (no prune)")
    assert await world.data("a") == {"colour": "blue"}
    await world.wait_gone("configmap", "b")
    assert await world.data("c") == {}


async def test_a_file_that_is_no_manifest_any_more_prunes_nothing(world: World) -> None:
    second = yaml(config_map("b", colour="red"))
    world.commit({"app/a.yaml": yaml(config_map("a")), "app/b.yaml": second})
    app = await world.add_app(automated={"prune": True})
    await world.wait_sync(app, "Synced")
    for broken in (
        second.replace("metadata", "metdata"),
        second.replace("apiVersion", "apiVerson"),
        second.encode("utf-16-le"),
        "version https://git-lfs.github.com/spec/v1\noid sha256:ab\nsize 12\n",
    ):
        world.commit({"app/b.yaml": broken})
        assert "app/b.yaml:1: " in await world.wait_condition(app, "ComparisonError", within=20)
        assert (await world.status(app))["sync"]["status"] == "Unknown"
        world.commit({"app/b.yaml": second})
        await world.wait_sync(app, "Synced")
    assert await world.data("b") == {"colour": "red"}
    world.commit({"app/b.yaml": second.replace("red", "blue").encode("utf-16")})

    async def is_blue() -> bool:
        return await world.data("b") == {"colour": "blue"}

    await eventually(is_blue, "what a file in UTF-16 says is live")


async def test_build_options_of_argocd_cm_reach_kustomize_and_a_change_counts_at_once(world: World) -> None:
    settings = config_map("argocd-cm", **{"kustomize.buildOptions": "--load-restrictor LoadRestrictionsNone"})
    settings["metadata"]["labels"] = {"app.kubernetes.io/part-of": "argocd"}
    await world.kubectl("create", "-f", "-", stdin=yaml(settings))
    kustomization = "resources: [../shared/a.yaml]\n"
    world.commit({"shared/a.yaml": yaml(config_map("a")), "app/kustomization.yaml": kustomization})
    app = await world.add_app(automated={"prune": True})
    await world.wait_sync(app, "Synced")
    patch = {"data": {"kustomize.buildOptions": "--enable-exec"}}
    await world.kubectl("patch", "configmap", "argocd-cm", "--type=merge", "-p", json.dumps(patch))
    await world.patch_app(app, {"metadata": {"annotations": {"argocd.argoproj.io/refresh": "normal"}}})
    assert "`--enable-exec` is not passed" in await world.wait_condition(app, "InvalidSpecError", within=20)
    assert await world.data("a") == {}


async def test_a_dry_run_changes_nothing(world: World) -> None:
    client_side = {OPTIONS: "ServerSideApply=false"}
    world.commit({"app/all.yaml": yaml(config_map("plain", a="1"), config_map("old-way", client_side, a="1"))})
    app = await world.add_app()
    await world.wait_sync(app, "OutOfSync")
    state = await world.synced(app, dryRun=True)
    assert state["phase"] == "Succeeded", state
    assert await world.data("plain") is None
    assert await world.data("old-way") is None
    assert "history" not in await world.status(app)


async def test_waves_and_hooks_come_in_order_and_go_in_reverse(world: World) -> None:
    before = a_job("before", hook="PreSync")
    after = a_job("after", hook="PostSync", policy="HookSucceeded")
    waves = [config_map(f"wave-{number}", {WAVE: str(number)}) for number in (-1, 0, 2)]
    world.commit({"app/all.yaml": yaml(after, *reversed(waves), before, config_map("stays", {WAVE: "9"}))})
    app = await world.add_app()
    await world.wait_sync(app, "OutOfSync")
    state = await world.synced(app, within=60)
    assert state["phase"] == "Succeeded", state
    order = [each["name"] for each in state["syncResult"]["resources"]]
    assert order == ["before", "wave--1", "wave-0", "wave-2", "stays", "after"]
    phases = {each["name"]: each.get("hookPhase") for each in state["syncResult"]["resources"]}
    assert (phases["before"], phases["after"]) == ("Succeeded", "Succeeded")
    made = [await world.get("configmap", f"wave-{number}") for number in (-1, 0, 2)]
    assert sorted(_version(each) for each in made) == [_version(each) for each in made]
    await world.wait_gone("job", "after")
    left = await world.get("job", "before")
    assert left is not None
    assert "finalizers" not in left["metadata"]
    assert (await world.wait_sync(app, "Synced"))["resources"][0]["name"] == "stays"

    world.commit({"app/all.yaml": yaml(config_map("stays", {WAVE: "9"}))})
    await world.wait_sync(app, "OutOfSync")
    state = await world.synced(app, prune=True)
    pruned = [each["name"] for each in state["syncResult"]["resources"] if each["status"] == "Pruned"]
    assert pruned == ["wave-2", "wave-0", "wave--1"]


def _version(found: dict[str, dict[str, str]] | None) -> int:
    assert found is not None
    return int(found["metadata"]["resourceVersion"])


async def test_prune_last_goes_after_what_is_applied(world: World) -> None:
    world.commit({"app/all.yaml": yaml(config_map("old", {OPTIONS: "PruneLast=true"}), config_map("kept"))})
    app = await world.add_app()
    await world.synced(app)
    world.commit({"app/all.yaml": yaml(config_map("kept"), config_map("new", {WAVE: "5"}))})
    await world.wait_sync(app, "OutOfSync")
    state = await world.synced(app, prune=True)
    assert [each["name"] for each in state["syncResult"]["resources"]][-2:] == ["new", "old"]


async def test_a_definition_and_its_objects_come_in_one_sync(world: World) -> None:
    group = f"{world.namespace}.example"
    crd = a_definition(group)
    widget = manifest("Widget", "first", api=f"{group}/v1", spec={"size": 3})
    world.commit({"app/all.yaml": yaml(widget, crd)})
    app = await world.add_app(automated={"prune": True})
    try:
        await world.wait_sync(app, "Synced")
        assert await world.get(f"widgets.{group}", "first") is not None
        state = (await world.status(app))["operationState"]
        assert state.get("retryCount", 0) == 0, state
    finally:
        await world.kubectl("delete", "crd", f"widgets.{group}")
    # The definition is wanted though no mark of ours is on it: its end is noticed and mended.
    await world.patch_app(app, {"spec": {"syncPolicy": {"automated": {"selfHeal": True}}}})
    await world.wait_sync(app, "Synced")
    # Not waited for: healing goes on meanwhile.
    await world.kubectl("delete", "crd", f"widgets.{group}", "--wait=false")


async def test_a_drifted_definition_is_noticed_though_it_carries_no_mark(world: World) -> None:
    group = f"{world.namespace}.example"
    world.commit({"app/all.yaml": yaml(a_definition(group))})
    app = await world.add_app()
    try:
        await world.synced(app)
        await world.wait_sync(app, "Synced")
        await world.kubectl("patch", "crd", f"widgets.{group}", "--type=json", "-p", SHORT_NAME)
        await world.wait_sync(app, "OutOfSync", within=5)
    finally:
        await world.kubectl("delete", "crd", f"widgets.{group}")


SHORT_NAME = '[{"op": "replace", "path": "/spec/names/shortNames", "value": ["wdg"]}]'


def a_definition(group: str) -> dict[str, object]:
    schema = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    version = {"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": schema}}
    names = {"kind": "Widget", "plural": "widgets", "shortNames": ["wd"]}
    spec = {"group": group, "scope": "Namespaced", "names": names, "versions": [version]}
    return manifest("CustomResourceDefinition", f"widgets.{group}", api="apiextensions.k8s.io/v1", spec=spec)


async def test_an_unknown_kind_is_named_and_keeps_the_rest_untouched(world: World) -> None:
    world.commit({"app/all.yaml": yaml(config_map("a"), manifest("Gadget", "g", api="nowhere.example/v1"))})
    app = await world.add_app(automated={"prune": True, "selfHeal": True})
    assert "Gadget" in await world.wait_condition(app, "ComparisonError")
    assert await world.data("a") is None


async def test_fields_of_client_side_apply_go_when_git_drops_them(world: World) -> None:
    applied = manifest("ConfigMap", "adopted", data={"kept": "1", "dropped": "2"})
    await world.kubectl("apply", "-f", "-", stdin=yaml(applied))
    world.commit({"app/all.yaml": yaml(config_map("adopted", kept="1"))})
    app = await world.add_app()
    await world.wait_sync(app, "OutOfSync")
    await world.synced(app)
    assert await world.data("adopted") == {"kept": "1"}
    await world.wait_sync(app, "Synced")


async def test_names_that_occur_twice_fall_back_to_a_three_way_patch(world: World) -> None:
    twice = [{"name": "A", "value": "1"}, {"name": "A", "value": "2"}]
    world.commit({"app/all.yaml": yaml(a_deployment("web", env=twice, replicas=0))})
    app = await world.add_app()
    await world.wait_sync(app, "OutOfSync")
    state = await world.synced(app)
    assert state["phase"] == "Succeeded", state
    assert "three-way patch" in state["syncResult"]["resources"][0]["message"]
    await world.wait_sync(app, "Synced")
    world.commit({"app/all.yaml": yaml(a_deployment("web", env=twice[1:], replicas=0))})
    await world.wait_sync(app, "OutOfSync")
    await world.synced(app)
    found = await world.get("deployment", "web")
    assert found is not None
    assert found["spec"]["template"]["spec"]["containers"][0]["env"] == twice[1:]
    await world.wait_sync(app, "Synced")


async def test_a_field_the_schema_does_not_know_is_refused_where_server_side_apply_was_asked_for(world: World) -> None:
    wrong = a_deployment("web", replicas=0)
    wrong["spec"]["replcas"] = 2
    world.commit({"app/all.yaml": yaml(wrong)})
    app = await world.add_app(options=("ServerSideApply=true",))
    state = await world.synced(app)
    assert state["phase"] == "Failed"
    assert ".spec.replcas: field not declared in schema" in state["message"]
    assert await world.get("deployment", "web") is None


async def test_a_namespace_is_created_where_asked_and_outlives_the_application(world: World) -> None:
    other = f"{world.namespace}-new"
    world.commit({"app/all.yaml": yaml(config_map("a"))})
    destination = {"server": "https://kubernetes.default.svc", "namespace": other}
    finalizers = {"finalizers": ["resources-finalizer.argocd.argoproj.io"]}
    app = await world.add_app(options=("CreateNamespace=true",), destination=destination, metadata=finalizers)
    state = await world.synced(app)
    assert state["phase"] == "Succeeded", state
    assert await world.get("configmap", "a", other) is not None
    await world.kubectl("delete", "application.argoproj.io", app, "--wait=false")
    await world.wait_gone("application.argoproj.io", app)
    assert await world.get("configmap", "a", other) is None
    assert await world.get("namespace", other, other) is not None
    await world.kubectl("delete", "namespace", other, "--wait=false")


async def test_a_forced_replacement_waits_until_the_old_object_is_gone(world: World) -> None:
    anew = {OPTIONS: "Replace=true,Force=true"}
    world.commit({"app/all.yaml": yaml(config_map("a", anew, a="1"))})
    app = await world.add_app()
    await world.synced(app)
    await world.kubectl("patch", "configmap", "a", "-p", '{"metadata": {"finalizers": ["example.com/slow"]}}')
    first = await world.get("configmap", "a")
    await world.sync(app)

    async def is_going() -> bool:
        found = await world.get("configmap", "a")
        return found is not None and "deletionTimestamp" in found["metadata"]

    await eventually(is_going, "the old object is asked to go")
    await world.kubectl("patch", "configmap", "a", "-p", '{"metadata": {"finalizers": null}}')
    state = await world.operation_ended(app)
    assert state["phase"] == "Succeeded", state
    second = await world.get("configmap", "a")
    assert first is not None
    assert second is not None
    assert first["metadata"]["uid"] != second["metadata"]["uid"]


async def test_ignored_fields_stay_as_they_are_when_respected(world: World) -> None:
    world.commit({"app/all.yaml": yaml(config_map("a", ours="1", theirs="1"))})
    ignored = [{"group": "", "kind": "ConfigMap", "jsonPointers": ["/data/theirs"]}]
    app = await world.add_app(options=("RespectIgnoreDifferences=true",), ignoreDifferences=ignored)
    await world.synced(app)
    await world.kubectl("patch", "configmap", "a", "-p", '{"data": {"theirs": "2"}}')
    await world.wait_sync(app, "Synced")
    world.commit({"app/all.yaml": yaml(config_map("a", ours="2", theirs="1"))})
    await world.wait_sync(app, "OutOfSync")
    await world.synced(app)
    assert await world.data("a") == {"ours": "2", "theirs": "2"}


async def test_an_empty_render_is_never_pruned_without_a_word(world: World) -> None:
    world.commit({"app/all.yaml": yaml(config_map("a"), config_map("b"))})
    app = await world.add_app()
    await world.synced(app)
    await world.wait_sync(app, "Synced")
    world.commit({"app/all.yaml": "# nothing any more\n"})
    await world.wait_sync(app, "OutOfSync")
    await world.sync(app, prune=True)

    async def waits() -> bool:
        return "waiting for pruning confirmation" in (await world.status(app))["operationState"]["message"]

    await eventually(waits, "the operation waits for approval")
    assert await world.data("a") == {}
    started = (await world.status(app))["operationState"]["startedAt"]
    approval = {"argocd.argoproj.io/deletion-approved": started}
    await world.patch_app(app, {"metadata": {"annotations": approval}})
    state = await world.operation_ended(app)
    assert state["phase"] == "Succeeded", state
    await world.wait_gone("configmap", "a")


async def test_shared_objects_can_forbid_the_sync(world: World) -> None:
    world.commit({"app/a.yaml": yaml(config_map("both", whose="web")), "other/a.yaml": yaml(config_map("both"))})
    first = await world.add_app("web")
    await world.synced(first)
    second = await world.add_app("api", path="other", options=("FailOnSharedResource=true",))
    state = await world.synced(second)
    assert state["phase"] in ("Failed", "Error")
    assert "Shared resource found" in state["message"]
    assert await world.data("both") == {"whose": "web"}


async def test_what_the_settings_exclude_is_told_and_left_alone(world: World) -> None:
    world.commit({"app/a.yaml": yaml(config_map("a"), manifest("Lease", "e", api="coordination.k8s.io/v1"))})
    app = await world.add_app(automated={"selfHeal": True})
    await world.wait_condition(app, "ExcludedResourceWarning", "Lease")
    await world.wait_sync(app, "Synced")
    assert await world.get("lease", "e") is None


async def test_a_bad_branch_elsewhere_delays_nothing_and_is_told(world: World) -> None:
    world.commit({"app/all.yaml": yaml(config_map("a", colour="red"))})
    app = await world.add_app(automated={})
    await world.wait_sync(app, "Synced")
    repo = world.git
    repo.git("checkout", "--quiet", "-b", "some-feature")
    repo.commit({".gitmodules": '[submodule "x"]\n\tpath = x\n\turl = --upload-pack=touch\n'}, branch="some-feature")
    repo.git("checkout", "--quiet", "main")
    commit = world.commit({"app/all.yaml": yaml(config_map("a", colour="blue"))})
    await world.wait_sync(app, "Synced", revision=commit)
    assert await world.data("a") == {"colour": "blue"}
    await world.wait_condition(app, "SourceWarning", "heads/some-feature is left out")
    repo.git("push", "--quiet", str(repo.bare), ":refs/heads/some-feature")
    commit = world.commit({"app/all.yaml": yaml(config_map("a", colour="green"))})
    await world.wait_sync(app, "Synced", revision=commit)

    async def no_more_told() -> bool:
        return not (await world.status(app)).get("conditions")

    await eventually(no_more_told, "the warning goes with its cause")


async def test_what_was_synced_under_label_tracking_stays_synced_and_is_marked_by_the_next_sync(world: World) -> None:
    app = world.app_name()
    old = config_map("old", a="1")
    old["metadata"]["labels"] = {"app.kubernetes.io/instance": app}
    apply = ("apply", "--server-side", "--field-manager=argocd-controller", "-f", "-")
    await world.kubectl(*apply, stdin=yaml(old))
    world.commit({"app/all.yaml": yaml(config_map("old", a="1"))})
    await world.add_app()
    await world.wait_sync(app, "Synced")
    state = await world.synced(app)
    assert state["phase"] == "Succeeded", state
    found = await world.get("configmap", "old")
    assert found is not None
    assert found["metadata"]["annotations"]["argocd.argoproj.io/tracking-id"].startswith(f"{app}:")
    world.commit({"app/all.yaml": yaml(config_map("new"))})
    await world.wait_sync(app, "OutOfSync")
    assert (await world.synced(app, prune=True))["phase"] == "Succeeded"
    await world.wait_gone("configmap", "old")


async def test_an_api_service_is_delivered_and_one_that_is_down_harms_nobody(world: World) -> None:
    group = f"{world.namespace}.example.com"
    service = manifest(
        "APIService",
        f"v1.{group}",
        api="apiregistration.k8s.io/v1",
        spec={
            "group": group,
            "version": "v1",
            "groupPriorityMinimum": 100,
            "versionPriority": 15,
            "insecureSkipTLSVerify": True,
            "caBundle": None,
            "service": {"name": "nobody", "namespace": world.namespace},
        },
    )
    world.commit({"app/all.yaml": yaml(service), "other/all.yaml": yaml(a_deployment("web"), config_map("a"))})
    app = await world.add_app(automated={"prune": True})
    status = await world.wait_sync(app, "Synced")
    assert [each["kind"] for each in status["resources"]] == ["APIService"]

    async def waits() -> bool:
        return bool((await world.status(app))["health"]["status"] == "Progressing")

    await eventually(waits, "an API that is not available is not called healthy")
    await world.start()  # one that has never seen the group answer
    other = await world.add_app("other", path="other", automated={})
    await world.wait_sync(other, "Synced")
    await world.kubectl("patch", "apiservice", f"v1.{group}", "--type=merge", "-p", '{"spec": {"versionPriority": 7}}')
    await world.wait_sync(app, "OutOfSync")
    await world.kubectl("delete", "apiservice", f"v1.{group}")
