"""Sources that try to read, run, reach or exhaust what is not theirs."""

import asyncio
import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import grpc
import msgspec
import pygit2
import pytest

from adapters.repo_client import CachePolicy, RepoClient
from adapters.tls import channel_options
from gitops.model.errors import InvalidSpec, RenderFailed, RepositoryRefused, RepositoryUnreachable
from gitops.model.repository import Repository
from tests.fixtures.services import GitRepo
from tests.integration.repo.serving import CONTEXT, Asker, config_map

pytestmark = pytest.mark.integration

CHART = {
    "web/Chart.yaml": "apiVersion: v2\nname: web\nversion: 0.1.0\n",
    "web/templates/config.yaml": config_map("web") + "data: {{ toYaml .Values | nindent 2 }}\n",
}
SENTINEL = "sentinel-3f81"


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    path = tmp_path / "secret.yaml"
    path.write_text(config_map(SENTINEL))
    return path


def link(repo: Any, path: str, target: str) -> None:
    place = repo.worktree / path
    place.parent.mkdir(parents=True, exist_ok=True)
    os.symlink(target, place)
    repo.git("add", path)
    repo.commit({})


# --- A04, A05: symbolic links --------------------------------------------------------------------------


async def test_A04_links_that_leave_the_repository_are_refused(ask: Callable[..., Any], secret: Path) -> None:
    asker = await ask()
    asker.repo.commit({"plain/a.yaml": config_map("a")})
    for number, target in enumerate((str(secret), "../" * 32 + str(secret).lstrip("/"), "../../outside.yaml")):
        link(asker.repo, f"plain{number}/b.yaml", target)
        error = await asker.error(f"plain{number}")
        assert isinstance(error, RenderFailed)
        assert f"plain{number}/b.yaml is a symbolic link that leaves the repository" in str(error)
        assert SENTINEL not in str(error)


async def test_A04_a_linked_directory_and_a_chain_of_links_are_refused(ask: Callable[..., Any], secret: Path) -> None:
    asker = await ask()
    link(asker.repo, "linked", str(secret.parent))
    assert isinstance(await asker.error("linked"), RenderFailed)
    link(asker.repo, "chain/a.yaml", "../second")
    link(asker.repo, "second", "third")
    link(asker.repo, "third", str(secret))
    assert "third is a symbolic link that leaves" in str(await asker.error("chain"))


async def test_A04_a_loop_of_links_ends(ask: Callable[..., Any]) -> None:
    asker = await ask()
    link(asker.repo, "loop/a.yaml", "b.yaml")
    link(asker.repo, "loop/b.yaml", "a.yaml")
    assert "loop" in str(await asker.error("loop"))
    link(asker.repo, "round/again", ".")
    assert "form a loop" in str(await asker.error("round", directory={"recurse": True}))


async def test_links_inside_the_repository_work(ask: Callable[..., Any]) -> None:
    asker = await ask()
    asker.repo.commit({"shared/a.yaml": config_map("shared")})
    link(asker.repo, "plain/a.yaml", "../shared/a.yaml")
    link(asker.repo, "whole", "shared")
    assert await asker.names("plain") == ["ConfigMap/shared"]
    assert await asker.names("whole") == ["ConfigMap/shared"]
    # The link's target is part of what was read.
    before = (await asker.render("plain")).render_key
    asker.repo.commit({"shared/a.yaml": config_map("changed")})
    assert (await asker.render("plain")).render_key != before


@pytest.mark.parametrize("place", ["values.yaml", "templates/more.yaml", "charts/sub/values.yaml", "values-dev.yaml"])
@pytest.mark.parametrize("target", ["{secret}", "../../../../../../../../{secret}", "../gone.yaml"])
async def test_A05_a_linked_part_of_a_chart_that_leads_out_or_to_nothing_is_refused(
    ask: Callable[..., Any], secret: Path, place: str, target: str
) -> None:
    asker = await ask()
    asker.repo.commit(CHART)
    link(asker.repo, f"web/{place}", target.format(secret=secret))
    helm = {"valueFiles": ["values-dev.yaml"], "ignoreMissingValueFiles": True} if place == "values-dev.yaml" else {}
    error = await asker.error("web", helm=helm)
    assert isinstance(error, RenderFailed)
    assert str(error).startswith(f"web/{place} is a symbolic link ")


# --- A01, A06, A07: paths ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "written",
    ["{secret}", "../../../../../../{secret}", "https://host.invalid/v.yaml", "file://{secret}", "$other/values.yaml"],
)
async def test_A01_value_files_stay_in_the_repository(ask: Callable[..., Any], secret: Path, written: str) -> None:
    asker = await ask()
    asker.repo.commit(CHART)
    error = await asker.error("web", helm={"valueFiles": [written.format(secret=secret)]})
    assert isinstance(error, RenderFailed | InvalidSpec)
    assert SENTINEL not in str(error)


async def test_A06_local_dependencies_stay_in_the_repository(ask: Callable[..., Any], secret: Path) -> None:
    asker = await ask()
    for repository in (f"file://{secret.parent}", "file://../../../..", "file://../../" + str(secret.parent)):
        chart = CHART["web/Chart.yaml"]
        dependency = f"dependencies: [{{name: other, version: '*', repository: '{repository}'}}]\n"
        asker.repo.commit({**CHART, "web/Chart.yaml": chart + dependency})
        assert "leaves the repository" in str(await asker.error("web"))


@pytest.mark.parametrize(
    "code",
    [
        "importstr '{secret}'",
        "import '../../../../../../../../{secret}'",
        "importbin '/dev/zero'",
        "importstr './../../secret.yaml'",
        "importstr '/proc/self/environ'",
    ],
)
async def test_A07_jsonnet_imports_stay_in_the_repository(ask: Callable[..., Any], secret: Path, code: str) -> None:
    asker = await ask()
    text = code.format(secret=secret)
    asker.repo.commit({"j/main.jsonnet": f"{{a: {text}}}", "n/main.jsonnet": "import 'x.libsonnet'"})
    asker.repo.commit({"n/x.libsonnet": f"{{a: {text}}}", "t/main.jsonnet": "function(x) {a: x}"})
    tlas = [{"name": "x", "value": text, "code": True}]
    for error in (
        await asker.error("j"),
        await asker.error("n"),
        await asker.error("t", directory={"jsonnet": {"tlas": tlas}}),
    ):
        assert isinstance(error, RenderFailed)
        assert SENTINEL not in str(error)
    override = f'directory: {{jsonnet: {{extVars: [{{name: x, code: true, value: "{text}"}}]}}}}\n'
    asker.repo.commit({"o/main.jsonnet": "{a: std.extVar('x')}", "o/.argocd-source.yaml": override})
    assert SENTINEL not in str(await asker.error("o"))


@pytest.mark.parametrize("path", ["../x", "/etc", "a/../../x"])
async def test_the_path_stays_in_the_repository(ask: Callable[..., Any], path: str) -> None:
    assert isinstance(await (await ask()).error(path), InvalidSpec)


# --- A09, A10, A11: running something -----------------------------------------------------------------


@pytest.mark.parametrize(
    "base",
    [
        "https://host.invalid/x?ref=--upload-pack=touch%20{marker}",
        "git@host.invalid:x/y?ref=-u",
        "github.com/o/r?ref=main",
        "git::file://{marker}",
        "ssh://-oProxyCommand=touch%20{marker}/x",
    ],
)
async def test_A09_remote_bases_are_never_fetched(ask: Callable[..., Any], tmp_path: Path, base: str) -> None:
    asker = await ask()
    marker = tmp_path / "marker"
    asker.repo.commit(
        {
            "k/kustomization.yaml": "resources: [../two]\n",
            "two/kustomization.yaml": f"resources: ['{base.format(marker=marker)}']\n",
        }
    )
    assert "two/kustomization.yaml: resources" in str(await asker.error("k"))
    assert not marker.exists()


async def test_A10_helm_inside_kustomize_is_refused(ask: Callable[..., Any]) -> None:
    asker = await ask()
    asker.repo.commit({"k/kustomization.yaml": "helmCharts: [{name: x, repo: 'https://host.invalid'}]\n"})
    assert "helmCharts" in str(await asker.error("k"))


async def test_exec_plugins_of_kustomize_do_not_run(ask: Callable[..., Any], tmp_path: Path) -> None:
    asker = await ask()
    marker = tmp_path / "marker"
    asker.repo.commit(
        {
            "k/kustomization.yaml": "generators: [gen.yaml]\n",
            "k/gen.yaml": "apiVersion: v1\nkind: X\nmetadata:\n  name: x\n  annotations:\n"
            "    config.kubernetes.io/function: |\n      exec:\n        path: ./run.sh\n",
            "k/run.sh": f"#!/bin/sh\ntouch {marker}\n",
        }
    )
    assert isinstance(await asker.error("k"), RenderFailed)
    assert not marker.exists()


# Makes the command run, not the library: it has to be the real one that is not fooled.
BY_COMMAND = {"web/templates/asks.yaml": "# {{ .Capabilities.KubeVersion }}\n"}


@pytest.mark.parametrize("by_command", [True, False])
@pytest.mark.parametrize(
    "option", ["--post-renderer={marker}", "--set-file=v=/proc/mounts", "--values=/proc/mounts", "--", "-h", "a --x"]
)
async def test_a_text_of_a_user_never_becomes_an_option_of_helm(
    ask: Callable[..., Any], tmp_path: Path, option: str, by_command: bool
) -> None:
    asker = await ask()
    text = option.format(marker=tmp_path / "marker")
    asker.repo.commit({**CHART, **(BY_COMMAND if by_command else {})})
    for helm in (
        {"releaseName": text},
        {"releaseName": "$ARGOCD_APP_SOURCE_PATH " + text},
        {"namespace": text},
        {"kubeVersion": text} if by_command else {"namespace": text},
        {"apiVersions": [text]} if by_command else {"namespace": text},
    ):
        error = await asker.error("web", helm=helm)
        assert isinstance(error, InvalidSpec)
        assert "is not a" in str(error)
    for context in (
        msgspec.structs.replace(CONTEXT, app_name=text),
        msgspec.structs.replace(CONTEXT, namespace=text),
    ):
        assert isinstance(await asker.error("web", context=context), InvalidSpec)
    overrides = f"helm: {{releaseName: {json.dumps(text)}}}\n"
    asker.repo.commit({"web/.argocd-source.yaml": overrides})
    assert isinstance(await asker.error("web"), InvalidSpec)


async def test_a_parameter_may_look_like_an_option_and_stays_a_value(ask: Callable[..., Any]) -> None:
    asker = await ask()
    asker.repo.commit({**CHART, **BY_COMMAND})
    parameters = [{"name": "a", "value": "--post-renderer=x,b=/proc/mounts"}, {"name": "--set-file", "value": "v=/x"}]
    (found,) = await asker.objects("web", helm={"parameters": parameters})
    assert found["data"] == {"a": "--post-renderer=x,b=/proc/mounts", "--set-file": "v=/x"}
    for name in ("a,v", "a=b", "", "a\0"):
        error = await asker.error("web", helm={"parameters": [{"name": name, "value": "x"}]})
        assert isinstance(error, InvalidSpec)
    assert isinstance(await asker.error("web", helm={"parameters": [{"name": "a", "value": "x\0y"}]}), InvalidSpec)


async def test_a_file_name_is_never_read_as_two_files(ask: Callable[..., Any]) -> None:
    asker = await ask()
    asker.repo.commit({**CHART, **BY_COMMAND, "web/a": "x: 1\n", "web/a,v=/proc/mounts": "x: 1\n"})
    by_file = {"fileParameters": [{"name": "a", "path": "a,v=/proc/mounts"}]}
    by_name = {"fileParameters": [{"name": "v=/proc/mounts,a", "path": "a"}]}
    for helm in ({"valueFiles": ["a,v=/proc/mounts"]}, by_file, by_name):
        error = await asker.error("web", helm=helm)
        assert isinstance(error, InvalidSpec)


@pytest.mark.parametrize(
    "name", ["../../../home/helm/plugins/x", "..", "a/../../templates", "/tmp/x", "../../ref/-inline-/values.yaml"]
)
async def test_a_dependency_does_not_leave_its_directory(ask: Callable[..., Any], name: str) -> None:
    asker = await ask()
    dependency = f"dependencies: [{{name: {json.dumps(name)}, version: '*', repository: 'file://../other'}}]\n"
    other = {"other/Chart.yaml": "apiVersion: v2\nname: other\nversion: 0.1.0\n", "other/plugin.yaml": "name: x\n"}
    for file, text in (("web/Chart.yaml", CHART["web/Chart.yaml"] + dependency), ("web/requirements.yaml", dependency)):
        asker.repo.commit({**CHART, **other, "web/requirements.yaml": "", file: text})
        error = await asker.error("web")
        assert isinstance(error, InvalidSpec)
        assert "is not a name" in str(error)


async def test_a_post_renderer_that_a_chart_brings_along_does_not_run(ask: Callable[..., Any], tmp_path: Path) -> None:
    """Both halves of one attack: a plugin put into helm's home, and an option that names it."""
    asker = await ask()
    marker = tmp_path / "marker"
    plugin = {
        "evil/Chart.yaml": "apiVersion: v2\nname: evil\nversion: 0.1.0\n",
        "evil/plugin.yaml": "name: evil\nversion: 0.1.0\ntype: postrenderer/v1\nruntime: subprocess\n",
        "evil/run.py": f"open({str(marker)!r}, 'w')\n",
    }
    for name in ("evil", "../../../../home/helm/plugins/evil"):
        dependency = f"dependencies: [{{name: {name}, version: '*', repository: 'file://../evil'}}]\n"
        asker.repo.commit({**CHART, **BY_COMMAND, **plugin, "web/Chart.yaml": CHART["web/Chart.yaml"] + dependency})
        for option in ("--post-renderer=evil", f"--post-renderer={sys.executable}"):
            assert isinstance(await asker.error("web", helm={"releaseName": option}), InvalidSpec)
    assert not marker.exists()


@pytest.mark.parametrize(
    "url",
    [
        "--upload-pack=touch x",
        "ext::sh -c touch% x",
        "fd::3",
        "ssh://-oProxyCommand=touch/x",
        "git@-oProxyCommand=x:y",
        "https://host.invalid/x%0aHost: evil",
        "https://user:password@host.invalid/x",
        "https://host.invalid:port/x",
        "git://host.invalid/x",
    ],
)
async def test_A11_addresses_that_are_commands_are_refused(ask: Callable[..., Any], url: str) -> None:
    asker = await ask()
    with pytest.raises(InvalidSpec) as refused:
        await asker.client.resolve(Repository(url=url), "main")
    assert "password" not in str(refused.value) or "holds a password" in str(refused.value)


@pytest.mark.parametrize("revision", ["--upload-pack=x", "-x", "a\nb"])
async def test_revisions_that_are_options_are_refused(ask: Callable[..., Any], revision: str) -> None:
    asker = await ask()
    with pytest.raises(InvalidSpec):
        await asker.client.resolve(asker.repository, revision)


async def test_local_repositories_need_permission(ask: Callable[..., Any]) -> None:
    asker = await ask(REPO_SERVER_ALLOW_LOCAL_URLS="false")
    with pytest.raises(InvalidSpec):
        await asker.client.resolve(asker.repository, "main")


# --- A12: who may ask ---------------------------------------------------------------------------------


async def test_A12_a_caller_without_a_certificate_is_refused(ask: Callable[..., Any]) -> None:
    asker = await ask()
    authority = grpc.ssl_channel_credentials((asker.server.tls / "app_controller" / "ca.crt").read_bytes())
    options = channel_options("repo-server")
    for channel in (
        grpc.aio.secure_channel(asker.server.address, authority, options=options),
        grpc.aio.insecure_channel(asker.server.address),
    ):
        async with channel:
            call = channel.unary_unary("/tiphys.repo.v1.RepoService/ListRefs")
            with pytest.raises(grpc.aio.AioRpcError) as refused:
                await call(b"", timeout=5)
            assert refused.value.code() is grpc.StatusCode.UNAVAILABLE
    await asker.client.list_refs(asker.repository)


async def test_A12_another_authority_is_refused(ask: Callable[..., Any], tmp_path: Path) -> None:
    from adapters.clock import SystemClock
    from gitops.model.errors import RepoServerUnavailable
    from tiphys.local import pki

    asker = await ask()
    pki.ensure(tmp_path / "other", SystemClock().now())
    mixed = tmp_path / "mixed"
    mixed.mkdir()
    for name in ("tls.crt", "tls.key"):
        (mixed / name).write_bytes((tmp_path / "other" / "app_controller" / name).read_bytes())
    (mixed / "ca.crt").write_bytes((asker.server.tls / "app_controller" / "ca.crt").read_bytes())
    async with RepoClient.connect(asker.server.address, mixed) as client:
        with pytest.raises(RepoServerUnavailable):
            await client.list_refs(asker.repository)


# --- A18 and the like: exhaustion ---------------------------------------------------------------------


async def test_an_endless_render_is_ended_and_others_go_on(ask: Callable[..., Any]) -> None:
    asker = await ask(REPO_SERVER_RENDER_TIMEOUT="2s", REPO_SERVER_WORKERS="2")
    endless = "local f(n) = if n == 0 then 0 else f(n - 1) tailstrict; {a: [f(400) for i in std.range(1, 10000000)]}"
    asker.repo.commit({"slow/a.jsonnet": endless, "plain/a.yaml": config_map("a")})
    async with asyncio.TaskGroup() as both:
        slow = both.create_task(asker.error("slow"))
        await asyncio.sleep(0.3)
        quick = both.create_task(asker.names("plain"))
    assert quick.result() == ["ConfigMap/a"]
    assert "longer than 2 s" in str(slow.result())
    assert asker.server.metric("tiphys_render_worker_kills_total", reason="time") == 1
    assert await asker.names("plain") == ["ConfigMap/a"]


ENDLESS = "local f(n) = if n == 0 then 0 else f(n - 1) tailstrict; {a: [f(400) for i in std.range(1, %d)]}"


async def test_endless_renders_of_a_repository_hold_up_neither_others_nor_its_own(
    ask: Callable[..., Any], git_repo: Callable[..., GitRepo]
) -> None:
    asker = await ask(REPO_SERVER_RENDER_TIMEOUT="25s", REPO_SERVER_SLOW_RENDER_AFTER="500ms")
    other = Asker(asker.client, asker.server, git_repo("other"))
    slow = {f"slow{number}/a.jsonnet": ENDLESS % (10_000_000 + number) for number in range(3)}
    asker.repo.commit({**slow, "plain/a.yaml": config_map("a")})
    other.repo.commit({"plain/a.yaml": config_map("b")})

    def of(app: str) -> Any:
        return msgspec.structs.replace(CONTEXT, app_name=app)

    endless = [asyncio.ensure_future(asker.error(f"slow{each}", context=of(f"slow{each}"))) for each in range(3)]
    try:
        while asker.server.metric("tiphys_render_workers") < 2:
            await asyncio.sleep(0.05)
        async with asyncio.TaskGroup() as honest:
            own = honest.create_task(asker.names("plain", context=of("own")))
            others = honest.create_task(other.names("plain", context=of("other")))
        assert [own.result(), others.result()] == [["ConfigMap/a"], ["ConfigMap/b"]]
        assert not any(each.done() for each in endless), "they go on"
    finally:
        for each in endless:
            each.cancel()
        await asyncio.wait(endless)


async def test_a_render_that_took_too_long_is_not_tried_again_at_once_but_on_a_hard_refresh(
    ask: Callable[..., Any],
) -> None:
    asker = await ask(REPO_SERVER_RENDER_TIMEOUT="1s")
    asker.repo.commit({"slow/a.jsonnet": ENDLESS % 10_000_000})

    def kills() -> float:
        return float(asker.server.metric("tiphys_render_worker_kills_total", reason="time"))

    first = str(await asker.error("slow"))
    assert "at once with other input or on a hard refresh" in first
    assert str(await asker.error("slow")) == first
    assert kills() == 1
    assert str(await asker.error("slow", policy=CachePolicy.BYPASS)) != first, "it is put off for longer now"
    assert kills() == 2
    asker.repo.commit({"slow/a.jsonnet": "{apiVersion: 'v1', kind: 'ConfigMap', metadata: {name: 'a'}}"})
    assert await asker.names("slow") == ["ConfigMap/a"]


async def test_a_memory_bomb_is_ended(ask: Callable[..., Any]) -> None:
    asker = await ask(REPO_SERVER_RENDER_MEMORY_MB="200", REPO_SERVER_RENDER_TIMEOUT="30s")
    bomb = "{a: std.foldl(function(s, i) s + s, std.range(1, 40), 'xxxxxxxxxxxxxxxx')}"
    asker.repo.commit({"bomb/a.jsonnet": bomb, "plain/a.yaml": config_map("a")})
    error = await asker.error("bomb")
    assert isinstance(error, RenderFailed)
    assert "memory" in str(error)
    assert await asker.names("plain") == ["ConfigMap/a"]


async def test_a_memory_bomb_in_a_chart_is_ended(ask: Callable[..., Any]) -> None:
    asker = await ask(REPO_SERVER_RENDER_MEMORY_MB="300", REPO_SERVER_RENDER_TIMEOUT="30s")
    template = '{{- $s := "xxxxxxxxxxxxxxxx" }}{{- range until 40 }}{{ $s = print $s $s }}{{ end }}{{ $s }}'
    asker.repo.commit({**CHART, "web/templates/bomb.yaml": template, "plain/a.yaml": config_map("a")})
    assert "memory" in str(await asker.error("web"))
    assert await asker.names("plain") == ["ConfigMap/a"]


def pushed_raw(
    asker: Any, make: Callable[[pygit2.Repository, Callable[[list[tuple[bytes, bytes, str]]], str]], str]
) -> None:
    """Writes objects into the served repository that no honest git would, and points main at them."""
    repository = pygit2.Repository(str(asker.repo.bare))

    def tree(entries: list[tuple[bytes, bytes, str]]) -> str:
        raw = b"".join(mode + b" " + name + b"\0" + bytes.fromhex(oid) for mode, name, oid in entries)
        return str(repository.write(pygit2.enums.ObjectType.TREE, raw))

    root = make(repository, tree)
    author = pygit2.Signature("a", "a@b")
    commit = repository.create_commit(None, author, author, "raw", pygit2.Oid(hex=root), [])
    repository.references.create("refs/heads/main", commit, force=True)


async def test_a_tree_that_names_each_of_its_parts_twice_ends_and_others_go_on(ask: Callable[..., Any]) -> None:
    asker = await ask(REPO_SERVER_READ_TIMEOUT="20s")
    asker.repo.commit({"plain/a.yaml": config_map("a")})

    def bomb(repository: pygit2.Repository, tree: Callable[[list[tuple[bytes, bytes, str]]], str]) -> str:
        plain = tree([(b"100644", b"a.yaml", str(repository.create_blob(config_map("a").encode())))])
        inner = tree([])
        for _ in range(45):
            inner = tree([(b"40000", b"a", inner), (b"40000", b"b", inner)])
        generators = str(repository.create_blob(b"generators: [x]\n"))
        kustomize = tree([(b"40000", b"a", inner), (b"100644", b"kustomization.yaml", generators)])
        return tree([(b"40000", b"bomb", inner), (b"40000", b"kustomize", kustomize), (b"40000", b"plain", plain)])

    pushed_raw(asker, bomb)
    async with asyncio.TaskGroup() as tasks:
        recursing = [tasks.create_task(asker.error("bomb", directory={"recurse": True})) for _ in range(6)]
        kustomizing = tasks.create_task(asker.error("kustomize"))
        listing = tasks.create_task(listed(asker, "**"))
        other = tasks.create_task(asker.names("plain"))
    assert other.result() == ["ConfigMap/a"]
    for each in (*recursing, listing):
        assert isinstance(each.result(), RenderFailed)
        assert "files and directories" in str(each.result()) or "more than 50000 paths" in str(each.result())
    assert isinstance(kustomizing.result(), RenderFailed)
    assert asker.server.fetch("/healthz").startswith("ok\n")
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(asker.error("bomb", directory={"recurse": True}))
        await asyncio.to_thread(asker.server.stop)
    assert asker.server.process.returncode == 0


async def listed(asker: Any, pattern: str) -> Exception:
    with pytest.raises(RenderFailed) as refused:
        await asker.client.list_paths(asker.repository, "main", directories=[pattern], policy=CachePolicy.FRESH_REFS)
    return refused.value


async def test_a_file_name_that_is_no_text_is_told(ask: Callable[..., Any]) -> None:
    asker = await ask()
    asker.repo.commit({})

    def named(repository: pygit2.Repository, tree: Callable[[list[tuple[bytes, bytes, str]]], str]) -> str:
        blob = str(repository.create_blob(config_map("a").encode()))
        plain = tree([(b"100644", b"caf\xe9.yaml", blob)])
        return tree([(b"40000", b"n\xe9", plain), (b"40000", b"plain", plain)])

    pushed_raw(asker, named)
    error = await asker.error("plain")
    assert isinstance(error, RenderFailed)
    assert str(error) == "plain/caf\\xe9.yaml: the name of this file is not UTF-8; rename it"
    assert "n\\xe9: the name is not UTF-8" in str(await listed(asker, "*"))


async def test_yaml_that_grows_is_refused(ask: Callable[..., Any]) -> None:
    asker = await ask()
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 10)]
    asker.repo.commit({"bomb/a.yaml": config_map("a") + "\n".join(lines)})
    assert "aliases" in str(await asker.error("bomb"))


async def test_output_is_capped(ask: Callable[..., Any]) -> None:
    asker = await ask(REPO_SERVER_RENDER_OUTPUT_MB="1")
    big = (
        "[{apiVersion: 'v1', kind: 'ConfigMap', metadata: {name: 'c%d' % i}, data: {a: std.repeat('x', 1000)}} "
        "for i in std.range(1, 3000)]"
    )
    asker.repo.commit({"big/a.jsonnet": big})
    assert "more than 1 MiB" in str(await asker.error("big"))


async def test_nothing_is_left_behind(ask: Callable[..., Any]) -> None:
    asker = await ask()
    asker.repo.commit(CHART)
    await asker.names("web")
    asker.repo.commit({"web/templates/bad.yaml": "{{ fail `no` }}"})
    await asker.error("web")
    workers = list((asker.server.state / "scratch").iterdir())
    assert [left for worker in workers for left in worker.iterdir()] == []


async def test_workers_hold_no_secret_and_no_network(ask: Callable[..., Any]) -> None:
    asker = await ask(TIPHYS_REDIS_URL="redis://:canary-77@127.0.0.1:1/0")
    asker.repo.commit({**CHART, "plain/a.yaml": config_map("a")})
    await asker.names("web")
    server = asker.server.process.pid
    (worker,) = children(server)
    assert b"canary" in environment(server)
    assert b"canary" not in environment(worker)
    assert os.readlink(f"/proc/{worker}/ns/net") != os.readlink(f"/proc/{server}/ns/net")
    assert "NoNewPrivs:\t1" in status(worker)


def environment(pid: int) -> bytes:
    return Path(f"/proc/{pid}/environ").read_bytes()


def status(pid: int) -> str:
    return Path(f"/proc/{pid}/status").read_text()


def children(pid: int) -> list[int]:
    tasks = Path(f"/proc/{pid}/task").iterdir()
    return [int(each) for task in tasks for each in (task / "children").read_text().split()]


# --- repositories that do not play along --------------------------------------------------------------


async def test_a_repository_that_is_not_there(ask: Callable[..., Any], git_server: Any) -> None:
    asker = await ask()
    with pytest.raises(RepositoryRefused) as refused:
        await asker.client.test(Repository(url=f"{git_server.url}/nothing.git"))
    assert "does not exist" in str(refused.value)
    with pytest.raises(RepositoryUnreachable):
        await asker.client.test(Repository(url="http://127.0.0.1:1/x.git"))


async def test_failures_do_not_outlive_their_fix(ask: Callable[..., Any]) -> None:
    asker = await ask()
    asker.repo.commit({**CHART, "web/templates/bad.yaml": "{{ fail `until fixed` }}"})
    before = asker.server.metric("tiphys_render_total", result="error")
    await asker.error("web")
    await asker.error("web")
    assert asker.server.metric("tiphys_render_total", result="error") == before + 1
    asker.repo.commit({"web/templates/bad.yaml": None})
    assert await asker.names("web") == ["ConfigMap/web"]
    answer = await asker.render("web", policy=CachePolicy.BYPASS)
    assert answer.rendered
