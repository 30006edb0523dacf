"""Each kind of source, rendered by the real tools."""

from collections.abc import Callable
from typing import Any

import orjson
import pytest

from adapters.repo_client import CachePolicy
from gitops.model.errors import ManifestInvalid, PathNotFound, RenderFailed
from tests.integration.repo.serving import config_map

pytestmark = pytest.mark.integration

CHART = {
    "web/Chart.yaml": "apiVersion: v2\nname: web\nversion: 0.1.0\n",
    "web/values.yaml": "image: {tag: v1}\n",
    "web/values-dev.yaml": "image: {tag: dev}\n",
    "web/values-prod.yaml": "image: {tag: prod}\n",
    "web/templates/config.yaml": (
        "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {{ .Release.Name }}\n"
        "  namespace: {{ .Release.Namespace }}\ndata:\n  tag: {{ .Values.image.tag | quote }}\n"
    ),
}


async def test_directory_of_plain_manifests(ask: Callable[..., Any]) -> None:
    asker = await ask()
    asker.repo.commit(
        {
            "plain/b.yaml": config_map("b") + "---\n" + config_map("c"),
            "plain/a.json": '{"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}}',
            "plain/list.yml": "apiVersion: v1\nkind: List\nitems:\n- "
            "{apiVersion: v1, kind: Service, metadata: {name: s}}\n",
            "plain/values.yaml": "this: is\nno: manifest\n",
            "plain/skipped.yaml": "# +argocd:skip-file-rendering\n" + config_map("skipped"),
            "plain/deep/d.yaml": config_map("d"),
            "plain/README.md": "not rendered",
        }
    )
    assert await asker.names("plain") == ["ConfigMap/a", "ConfigMap/b", "ConfigMap/c", "Service/s"]
    deep = await asker.names("plain", directory={"recurse": True, "exclude": "{a.json,list.yml}"})
    assert deep == ["ConfigMap/b", "ConfigMap/c", "ConfigMap/d"]
    assert await asker.names("plain", directory={"include": "*.json"}) == ["ConfigMap/a"]


async def test_what_nothing_was_made_of_is_listed_also_when_it_comes_from_the_cache(ask: Callable[..., Any]) -> None:
    asker = await ask()
    kustomization = "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nresources: [d.yaml]\n"
    asker.repo.commit(
        {
            "plain/a.yaml": config_map("a"),
            "plain/chart/Chart.yaml": "apiVersion: v2\nname: c\nversion: 1.0.0\n",
            "plain/deep/kustomization.yaml": kustomization,
            "plain/empty.jsonnet": "[if false then {}]",
            "plain/gone.yaml": "# nothing any more\n",
            "plain/skipped.yaml": b"\xff\xfe" + f"# +argocd:skip-file-rendering\n{config_map('b')}".encode("utf-16-le"),
            "plain/values.yaml": "this: is\nno: manifest\n",
        }
    )
    for policy in (CachePolicy.FRESH_REFS, CachePolicy.USE, CachePolicy.BYPASS):
        answer = await asker.render("plain", policy=policy, directory={"recurse": True})
        assert [each["metadata"]["name"] for each in orjson.loads(answer.manifests)] == ["a"]
        assert {each.path.removeprefix("plain/"): each.reason for each in answer.skipped} == {
            "chart/Chart.yaml": "line 1: the description of a Helm chart, which a plain directory does not render",
            "deep/kustomization.yaml": "line 1: a Kustomization of Kustomize, which a plain directory does not build",
            "empty.jsonnet": "evaluates to no object",
            "gone.yaml": "is empty, or holds comments only",
            "skipped.yaml": "says `+argocd:skip-file-rendering`",
            "values.yaml": "holds no manifest",
        }
    known = await asker.render("plain", known=answer.render_key, directory={"recurse": True})
    assert (known.unchanged, known.skipped) == (True, ())


NOT_ANY_MORE = {
    "UTF-16 without a mark": ("a.yaml", config_map("a").encode("utf-16-le"), "plain/a.yaml:1: the file is not"),
    "another encoding": (
        "a.yaml",
        config_map("a", b="x").replace("x", "é").encode("latin-1"),
        "plain/a.yaml:6: the file",
    ),
    "misspelt": (
        "a.yaml",
        config_map("a").replace("metadata", "metdata"),
        "plain/a.yaml:1: the ConfigMap has no `metadata`",
    ),
    "cut": ("a.yaml", config_map("a") + "data: {", "plain/a.yaml:6: not valid YAML"),
    "JSON without a kind": ("a.json", '\n{"apiVersion": "v1", "metadata": {"name": "a"}}', "plain/a.json:2: "),
    "JSON that is null": ("a.json", "null", "plain/a.json:1: "),
    "JSON cut": ("a.json", '{\n"kind": ', "plain/a.json:2: not valid JSON"),
    "Jsonnet of something else": ("a.jsonnet", "[{kind: 'ConfigMap'}]", "plain/a.jsonnet: "),
    "a null in a Jsonnet list": ("a.jsonnet", "{kind: 'List', items: [null]}", "plain/a.jsonnet: "),
}


@pytest.mark.parametrize(("file", "content", "told"), NOT_ANY_MORE.values(), ids=NOT_ANY_MORE.keys())
async def test_a_manifest_that_is_none_any_more_fails_the_render(
    ask: Callable[..., Any], file: str, content: str | bytes, told: str
) -> None:
    asker = await ask()
    asker.repo.commit({f"plain/{file}": content, "plain/good.yaml": config_map("good")})
    error = await asker.error("plain")
    assert isinstance(error, ManifestInvalid)
    assert str(error).startswith(told)


async def test_utf_16_and_utf_32_are_read(ask: Callable[..., Any]) -> None:
    asker = await ask()
    json_text = '{"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c"}}'
    asker.repo.commit(
        {
            "plain/a.yaml": config_map("a").encode("utf-16"),
            "plain/b.yml": config_map("b").encode("utf-32"),
            "plain/c.json": json_text.encode("utf-16"),
        }
    )
    assert await asker.names("plain") == ["ConfigMap/a", "ConfigMap/b", "ConfigMap/c"]


@pytest.mark.parametrize(
    "helm", [{}, {"kubeVersion": "1.30.0", "values": "a: '{{ .Capabilities }}'"}], ids=["library", "command"]
)
@pytest.mark.parametrize("text", ["data: {}\n", "{}\n", "just words\n", "metadata: {name: x}\n"])
async def test_a_template_that_yields_something_else_fails_the_render(
    ask: Callable[..., Any], helm: dict[str, Any], text: str
) -> None:
    asker = await ask()
    asker.repo.commit({**CHART, "web/templates/other.yaml": text})
    error = await asker.error("web", helm=helm)
    assert isinstance(error, RenderFailed | ManifestInvalid)
    assert "web/templates/other.yaml" in str(error)


@pytest.mark.parametrize("encoding", ["latin-1", "utf-16", "utf-16-le"])
@pytest.mark.parametrize("file", ["web/templates/config.yaml", "web/crds/c.yaml", "k/a.yaml"])
async def test_nothing_in_another_encoding_is_mangled_or_missing(
    ask: Callable[..., Any], encoding: str, file: str
) -> None:
    asker = await ask()
    written = config_map("c").encode() + b"data: {a: gr\xc3\xbcn}\n"
    kustomization = {"k/kustomization.yaml": "resources: [a.yaml]\n"}
    asker.repo.commit({**CHART, **kustomization, file: written.decode().encode(encoding)})
    try:
        (found,) = [each for each in await asker.objects(file.split("/")[0]) if each["metadata"]["name"] == "c"]
        assert found["data"] == {"a": "grün"}
    except (ManifestInvalid, RenderFailed):
        pass  # said, and nothing is pruned


async def test_values_in_utf_16_are_read(ask: Callable[..., Any]) -> None:
    asker = await ask()
    asker.repo.commit({**CHART, "web/values.yaml": "image: {tag: grün}\n".encode("utf-16")})
    (found,) = await asker.objects("web")
    assert found["data"] == {"tag": "grün"}


async def test_hooks_that_helm_does_not_know_are_listed(ask: Callable[..., Any]) -> None:
    asker = await ask()
    hook = config_map("hook").replace("name: hook\n", "name: hook\n  annotations: {helm.sh/hook: crd-install}\n")
    asker.repo.commit({**CHART, "web/templates/hook.yaml": hook})
    (skipped,) = (await asker.render("web")).skipped
    assert skipped.path == "web/templates/hook.yaml"
    assert "hook for `crd-install`" in skipped.reason


async def test_helm_chart_with_value_files_and_parameters(ask: Callable[..., Any]) -> None:
    asker = await ask()
    asker.repo.commit(CHART)
    (plain,) = await asker.objects("web")
    assert plain["metadata"] == {"name": "shop-dev", "namespace": "shop"}
    assert plain["data"] == {"tag": "v1"}
    (dev,) = await asker.objects("web", helm={"valueFiles": ["values-dev.yaml"]})
    assert dev["data"] == {"tag": "dev"}
    parameters = [{"name": "image.tag", "value": "set"}]
    (both,) = await asker.objects("web", helm={"valuesObject": {"image": {"tag": "object"}}, "parameters": parameters})
    assert both["data"] == {"tag": "set"}


async def test_kustomize_overlay_with_a_base_outside_its_path(ask: Callable[..., Any]) -> None:
    asker = await ask()
    asker.repo.commit(
        {
            "app/base/kustomization.yaml": "resources: [config.yaml]\n",
            "app/base/config.yaml": config_map("config", a="1"),
            "app/overlays/dev/kustomization.yaml": "resources: [../../base]\nnamePrefix: dev-\n",
        }
    )
    assert await asker.names("app/overlays/dev") == ["ConfigMap/dev-config"]
    assert await asker.names("app/overlays/dev", kustomize={"namePrefix": "x-"}) == ["ConfigMap/x-config"]


@pytest.mark.parametrize("name", ["kustomization.yaml", "kustomization.yml", "Kustomization"])
async def test_a_kustomization_beside_a_chart_is_what_is_built(ask: Callable[..., Any], name: str) -> None:
    asker = await ask()
    asker.repo.commit({**CHART, f"web/{name}": "resources: [plain.yaml]\n", "web/plain.yaml": config_map("plain")})
    answer = await asker.render("web")
    assert answer.source_type == "Kustomize"
    assert await asker.names("web") == ["ConfigMap/plain"]
    chosen = await asker.render("web", helm={"releaseName": "chosen"})
    assert chosen.source_type == "Helm"


async def test_jsonnet_with_libraries_and_arguments(ask: Callable[..., Any]) -> None:
    asker = await ask()
    asker.repo.commit(
        {
            "batch/main.jsonnet": "local l = import 'lib.libsonnet'; local v = import 'vendored.libsonnet';\n"
            "function(env) [l.map('one', env), l.map('two', std.extVar('x') + v.y)]",
            "batch/lib.libsonnet": "{map(name, text):: {apiVersion: 'v1', kind: 'ConfigMap', "
            "metadata: {name: name}, data: {text: text}}}",
            "vendor/vendored.libsonnet": "{y: importstr './y.txt'}",
            "vendor/y.txt": "why",
        }
    )
    jsonnet = {
        "tlas": [{"name": "env", "value": "$ARGOCD_APP_NAME"}],
        "extVars": [{"name": "x", "value": "'x' + 1", "code": True}],
        "libs": ["vendor"],
    }
    one, two = await asker.objects("batch", directory={"jsonnet": jsonnet})
    assert (one["data"]["text"], two["data"]["text"]) == ("shop-dev", "x1why")


async def test_value_files_of_another_repository(ask: Callable[..., Any], git_repo: Callable[..., Any]) -> None:
    asker = await ask()
    asker.repo.commit(CHART)
    values = git_repo("values")
    values.commit({"dev/values.yaml": "image: {tag: ref}\n"})
    from gitops.model.repository import Repository

    refs = (("values", Repository(url=values.url), "main"),)
    (found,) = await asker.objects("web", refs=refs, helm={"valueFiles": ["$values/dev/values.yaml"]})
    assert found["data"] == {"tag": "ref"}


async def test_empty_render_is_no_error(ask: Callable[..., Any]) -> None:
    asker = await ask()
    asker.repo.commit({"empty/README.md": "nothing"})
    answer = await asker.render("empty")
    assert (answer.manifests, answer.rendered) == (b"[]", True)


@pytest.mark.parametrize(
    ("files", "path", "kind", "words"),
    [
        ({}, "nowhere", PathNotFound, "nowhere"),
        ({"p/a.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: [\n"}, "p", ManifestInvalid, "p/a.yaml:"),
        ({"p/a.json": "{"}, "p", ManifestInvalid, "p/a.json:1"),
        ({**CHART, "web/templates/bad.yaml": '{{ fail "no tag" }}'}, "web", RenderFailed, "templates/bad.yaml"),
        ({**CHART, "web/values.yaml": "a: [\n"}, "web", RenderFailed, "values.yaml"),
        ({"k/kustomization.yaml": "resources: [gone.yaml]\n"}, "k", RenderFailed, "gone.yaml"),
        ({"k/kustomization.yaml": "resources: ['https://example.invalid/x.yaml']\n"}, "k", RenderFailed, "remote"),
        ({"j/a.jsonnet": "{\n a: error 'boo' }"}, "j", RenderFailed, "j/a.jsonnet:2"),
    ],
    ids=["path", "yaml", "json", "template", "values", "kustomize-missing", "kustomize-remote", "jsonnet"],
)
async def test_bad_input_names_its_place(
    ask: Callable[..., Any], files: dict[str, str], path: str, kind: type[Exception], words: str
) -> None:
    asker = await ask()
    asker.repo.commit(files)
    error = await asker.error(path)
    assert type(error) is kind
    assert words in str(error)
