"""What argocd-cm says about Kustomize, with the real program."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from adapters.repo_client import RenderContext
from gitops.model.application import KustomizeSettings
from gitops.model.errors import InvalidSpec, RenderFailed
from tests.integration.repo.serving import CONTEXT, config_map

pytestmark = pytest.mark.integration

ANYWHERE = "--enable-helm --load-restrictor LoadRestrictionsNone"


def saying(options: str, **versions: str) -> RenderContext:
    by_version = (("", options), *((version, ANYWHERE) for version in versions))
    return msgspec.structs.replace(CONTEXT, kustomize=KustomizeSettings(by_version, tuple(versions.items())))


async def test_files_of_the_whole_repository_may_be_used_if_argocd_cm_says_so(ask: Callable[..., Any]) -> None:
    asker = await ask()
    generators = "configMapGenerator: [{name: g, files: [x=../shared/x.txt], options: {disableNameSuffixHash: true}}]\n"
    asker.repo.commit(
        {
            "shared/a.yaml": config_map("a"),
            "shared/x.txt": "text",
            "app/kustomization.yaml": "resources: [../base, ../shared/a.yaml]\nnamePrefix: p-\n",
            "base/kustomization.yaml": "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\n"
            + generators,
        }
    )
    assert "security; file" in str(await asker.error("app"))
    answer = await asker.render("app", context=saying(ANYWHERE))
    found = msgspec.json.decode(answer.manifests)
    assert [each["metadata"]["name"] for each in found] == ["p-a", "p-g"]
    assert found[1]["data"] == {"x": "text"}
    changed = await asker.render("app", context=saying(ANYWHERE), kustomize={"namePrefix": "q-"})
    assert b"q-a" in changed.manifests
    # The options are part of what was rendered.
    assert "security; file" in str(await asker.error("app"))


READS_OUTSIDE = {
    "by another letter": "configMapGenerator: [{name: x, Files: [/proc/mounts]}]\n",
    "by a letter that folds": 'configMapGenerator: [{name: x, "file\\u017f": [/proc/mounts]}]\n',
    "a field in another case": "ConfigMapGenerator: [{name: x, files: [/proc/mounts]}]\n",
    "a transformer": "transformers: [t.yaml]\n",
    "an absolute path": "configMapGenerator: [{name: x, files: [/proc/mounts]}]\n",
    "steps up": "configMapGenerator: [{name: x, files: [m=../../../../../../../proc/mounts]}]\n",
    "an old list of patches": "resources: [a.yaml]\npatches: [/proc/mounts]\n",
    "a patch": "resources: [a.yaml]\npatches: [{path: ../../../../../../proc/mounts}]\n",
    "variables of a file": "secretGenerator: [{name: x, env: /proc/self/environ}]\n",
    "a schema": "openapi: {path: /proc/mounts}\n",
    "a chart": "helmGlobals: {chartHome: /proc}\n",
}


@pytest.mark.parametrize("text", READS_OUTSIDE.values(), ids=READS_OUTSIDE.keys())
@pytest.mark.parametrize("where", ["app", "base"])
async def test_nothing_outside_the_repository_is_read_even_then(ask: Callable[..., Any], text: str, where: str) -> None:
    asker = await ask()
    transformer = "apiVersion: builtin\nkind: ConfigMapGenerator\nmetadata: {name: x}\nfiles: [/proc/mounts]\n"
    asker.repo.commit(
        {
            "app/kustomization.yaml": text if where == "app" else "resources: [../base]\n",
            "base/kustomization.yaml": text,
            f"{where}/t.yaml": transformer,
            f"{where}/a.yaml": config_map("a"),
        }
    )
    error = await asker.error("app", context=saying(ANYWHERE))
    assert isinstance(error, RenderFailed)
    assert f"{where}/kustomization.yaml: " in str(error)


async def test_options_that_could_run_something_are_refused(ask: Callable[..., Any]) -> None:
    asker = await ask()
    asker.repo.commit({"app/kustomization.yaml": "resources: [a.yaml]\n", "app/a.yaml": config_map("a")})
    for option in ("--enable-exec", "--enable-alpha-plugins", "--helm-command=/bin/sh"):
        error = await asker.error("app", context=saying(option))
        assert isinstance(error, InvalidSpec)
        assert f"`{option.partition('=')[0]}` is not passed to kustomize" in str(error)
    charts = "helmCharts: [{name: x, repo: 'https://host.invalid'}]\n"
    asker.repo.commit({"app/kustomization.yaml": charts})
    assert "make the chart a source of its own" in str(await asker.error("app", context=saying("--enable-helm")))


async def test_a_version_is_another_program_beside_the_first(
    ask: Callable[..., Any], tools_dir: Path, tmp_path: Path
) -> None:
    tools = tmp_path / "tools"
    tools.mkdir()
    for name, source in (("kustomize", "kustomize"), ("helm", "helm")):
        (tools / name).symlink_to((tools_dir / source).resolve())
    shutil.copy((tools_dir / "kustomize").resolve(), tools / "kustomize_v9")
    asker = await ask(REPO_SERVER_TOOLS_DIR=str(tools))
    files = {"shared/a.yaml": config_map("a"), "app/kustomization.yaml": "resources: [../shared/a.yaml]\n"}
    asker.repo.commit(files)
    context = saying("", v9="/custom-tools/kustomize_v9", v8="/custom-tools/kustomize_v8", evil="/bin/sh")
    assert b'"a"' in (await asker.render("app", context=context, kustomize={"version": "v9"})).manifests
    assert "kustomize_v8 is not installed" in str(
        await asker.error("app", context=context, kustomize={"version": "v8"})
    )
    assert "is not registered" in str(await asker.error("app", context=context, kustomize={"version": "v7"}))
    assert isinstance(await asker.error("app", context=context, kustomize={"version": "evil"}), InvalidSpec)
