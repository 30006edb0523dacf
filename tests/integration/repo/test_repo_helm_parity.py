"""The library and the command render the same objects, in the same order, for every chart sent to the library."""

import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pygit2
import pytest

from adapters.repo_client import RenderContext
from gitops.model.application import Source
from gitops.model.errors import GitOpsError
from repo_server.inputs.wanted import Inputs, Wanted
from repo_server.pipeline import gathered_inputs
from repo_server.render.helm import render_helm
from repo_server.render.jobs import HelmOptions, Job
from repo_server.render.worker import write_files
from repo_server.tree import CommitTree, TreeReader

pytestmark = pytest.mark.integration

CHART = "apiVersion: v2\nname: web\nversion: 0.1.0\n"
Files = dict[str, str]


def config(name: str, data: str) -> str:
    return f"apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: {name}}}\ndata:\n{data}\n"


PLAIN = config("a", "  b: c")
SHOW_VALUES = config("v", "  v: {{ .Values | toJson | quote }}")


def crd(name: str) -> str:
    return f"apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata: {{name: {name}}}\n"


def chart(**files: str) -> Files:
    """Files of one chart: `templates_x` is templates/x.yaml."""
    named = {"web/Chart.yaml": CHART}
    for name, text in files.items():
        place = name.replace("templates_", "templates/") + ".yaml" if "." not in name else name
        named[f"web/{place}"] = text
    return named


NUMBERS = (
    "big: 12345678\nhuge: 12345678901\nfloat: 1.50\nint: 3\nexp: 1e3\noctal: 0644\nzero: 0\nneg: -7\ntext: '007'\n"
)
SHOW_NUMBERS = config(
    "numbers",
    "".join(
        f"  {key}: {{{{ .Values.{key} | quote }}}}\n"
        f"  {key}-plain: x{{{{ .Values.{key} }}}}\n"
        f"  {key}-kind: {{{{ kindOf .Values.{key} }}}}\n"
        f"  {key}-yaml: {{{{ toYaml .Values.{key} | quote }}}}\n"
        f"  {key}-json: {{{{ toJson .Values.{key} | quote }}}}\n"
        for key in ("big", "huge", "float", "int", "exp", "octal", "zero", "neg", "text")
    )
    + "  sum: {{ add .Values.int 4 | quote }}\n"
    + "  whole: {{ .Values.big | int64 | quote }}\n",
)

KINDS = "".join(
    f"---\napiVersion: {version}\nkind: {kind}\nmetadata: {{name: {kind.lower()}-{number}}}\n"
    for number, (version, kind) in enumerate(
        [
            ("v1", "Service"),
            ("example.com/v1", "Zebra"),
            ("apps/v1", "Deployment"),
            ("v1", "Namespace"),
            ("example.com/v1", "Ant"),
            ("v1", "ConfigMap"),
            ("v1", "Service"),
            ("batch/v1", "CronJob"),
            ("apiextensions.k8s.io/v1", "CustomResourceDefinition"),
            ("rbac.authorization.k8s.io/v1", "ClusterRoleBinding"),
        ]
    )
)


def hook(name: str, events: str, weight: int = 0) -> str:
    return (
        f"apiVersion: batch/v1\nkind: Job\nmetadata:\n  name: {name}\n  annotations:\n"
        f"    helm.sh/hook: {events}\n    helm.sh/hook-weight: '{weight}'\n"
    )


SUBCHART: Files = {
    "web/Chart.yaml": CHART
    + "dependencies:\n"
    + "- {name: db, version: 0.1.0, condition: db.enabled}\n"
    + "- {name: db, version: 0.1.0, alias: second, tags: [extra]}\n"
    + "- {name: idle, version: 0.1.0, condition: idle.enabled}\n"
    + "- {name: lib, version: 0.1.0, import-values: [defaults]}\n",
    "web/values.yaml": "global: {team: core}\ndb: {enabled: true, size: 5}\n"
    "second: {size: 6}\nidle: {enabled: false}\n",
    "web/charts/db/Chart.yaml": "apiVersion: v2\nname: db\nversion: 0.1.0\n",
    "web/charts/db/values.yaml": "size: 1\nkeep: kept\n",
    "web/charts/db/templates/db.yaml": config(
        "{{ .Chart.Name }}-{{ .Values.size }}", "  team: {{ .Values.global.team }}\n  keep: {{ .Values.keep }}"
    ),
    "web/charts/db/crds/crd.yaml": (
        "apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata: {name: dbs.example.com}\n"
    ),
    "web/charts/idle/Chart.yaml": "apiVersion: v2\nname: idle\nversion: 0.1.0\n",
    "web/charts/idle/templates/idle.yaml": config("idle", "  a: b"),
    "web/charts/lib/Chart.yaml": "apiVersion: v2\nname: lib\nversion: 0.1.0\ntype: library\n",
    "web/charts/lib/values.yaml": "exports: {defaults: {imported: yes-it-is}}\n",
    "web/charts/lib/templates/_help.tpl": '{{ define "lib.name" }}lib-{{ .Release.Name }}{{ end }}',
    "web/templates/own.yaml": config('{{ include "lib.name" . }}', "  imported: {{ .Values.imported }}"),
}

FUNCTIONS = config(
    "functions",
    """  sha: {{ "a" | sha256sum }}
  b64: {{ "abc" | b64enc | quote }}
  trunc: {{ "abcdefgh" | trunc 3 }}
  dict: {{ dict "b" 1 "a" (list 1 2) | toJson | quote }}
  merged: {{ mergeOverwrite (dict "a" 1) (dict "a" 2 "b" 3) | toJson | quote }}
  dig: {{ dig "x" "y" "none" (dict "x" (dict "y" "z")) }}
  parsed: {{ (fromYaml "a: {b: 1}").a.b | quote }}
  json: {{ (fromJson "{\\"a\\": [1, 2]}").a | join "," | quote }}
  array: {{ fromYamlArray "[1, x]" | toJson | quote }}
  toml: {{ toToml (dict "a" "b") | quote }}
  regex: {{ regexReplaceAll "a(.)" "abac" "${1}x" }}
  semver: {{ semverCompare ">=1.2.0" "1.10.0" | quote }}
  tpl: {{ tpl "{{ .Release.Name }}-{{ .Values.a }}" . }}
  required: {{ required "a is needed" .Values.a }}
  coalesce: {{ coalesce nil "" "x" }}
  ternary: {{ ternary "yes" "no" true }}
  until: {{ until 3 | join "-" | quote }}
  sorted: {{ keys (dict "b" 1 "a" 2) | sortAlpha | join "," }}
  title: {{ "some words" | title | quote }}
  indent: |
{{ "a\\nb" | indent 4 }}
  url: {{ (urlParse "https://a.example/b").host }}
  lookup: {{ lookup "v1" "Secret" "x" "y" | toJson | quote }}
  date: {{ toDate "2006-01-02" "2020-01-02" | date "02.01.2006" | quote }}
  hosts: {{ getHostByName "localhost" | quote }}
  int: {{ 7 | int | printf "%d" | quote }}
  div: {{ div 7 2 | quote }}
  round: {{ round 3.14159 2 | quote }}
  release: {{ .Release | toJson | quote }}
  chart: {{ .Chart.Name }}-{{ .Chart.Version }}-{{ .Chart.AppVersion }}
  template: {{ .Template.Name }} {{ .Template.BasePath }}""",
)

# id -> files, helm options of the source
CASES: dict[str, tuple[Files, dict[str, Any]]] = {
    "plain": (chart(templates_a=config("a", "  b: {{ .Release.Name }}")), {}),
    "numbers of the chart": (chart(**{"values.yaml": NUMBERS, "templates_n": SHOW_NUMBERS}), {}),
    "numbers of a value file": (
        chart(**{"dev.yaml": NUMBERS, "templates_n": SHOW_NUMBERS}),
        {"valueFiles": ["dev.yaml"]},
    ),
    "numbers in values": (chart(templates_n=SHOW_NUMBERS), {"values": NUMBERS}),
    "numbers in an object": (
        chart(templates_n=SHOW_NUMBERS),
        {
            "valuesObject": {
                **{"big": 12345678, "huge": 12345678901, "float": 1.5, "int": 3, "exp": 1000.0},
                **{"octal": 420, "zero": 0, "neg": -7, "text": "007"},
            }
        },
    ),
    "kinds in helm's order": (chart(templates_b=KINDS, templates_a=KINDS.replace("{name: ", "{name: a-")), {}),
    "hooks": (
        chart(
            templates_h=hook("one", "pre-install,pre-upgrade", 5) + "---\n" + hook("two", "post-install", -1),
            templates_t=hook("test", "test"),
            templates_u=hook("unknown", "sometime"),
            templates_v=hook("mixed", "pre-install,sometime"),
            templates_p=PLAIN,
        ),
        {},
    ),
    "hooks without tests": (
        chart(templates_t=hook("t", "test"), templates_o=hook("o", "test-success"), templates_p=PLAIN),
        {"skipTests": True},
    ),
    "crds": (
        chart(**{"crds/x.yaml": crd("x") + "---\n" + crd("z"), "crds/a.yaml": crd("a"), "templates_a": PLAIN}),
        {},
    ),
    "no crds": (
        chart(**{"crds/x.yaml": crd("x"), "templates_a": PLAIN}),
        {"skipCrds": True},
    ),
    "subcharts": (SUBCHART, {}),
    "subcharts switched": (
        SUBCHART,
        {"valuesObject": {"db": {"enabled": False}, "idle": {"enabled": True}, "tags": {"extra": False}}},
    ),
    "functions": (chart(templates_f=FUNCTIONS, **{"values.yaml": "a: b\n"}), {}),
    "files": (
        chart(
            **{
                "conf/a.txt": "text {{ not rendered }}\n",
                "conf/b.txt": "more",
                ".helmignore": "conf/b.txt\n",
                "templates_f": config(
                    "files",
                    '{{ (.Files.Glob "conf/*").AsConfig | indent 2 }}\n  one: {{ .Files.Get "conf/a.txt" | quote }}\n'
                    '  none: {{ .Files.Get "conf/b.txt" | quote }}\n'
                    '  lines: {{ .Files.Lines "conf/a.txt" | toJson | quote }}',
                ),
            }
        ),
        {},
    ),
    "null removes a default": (
        chart(**{"values.yaml": "a: {b: 1, c: 2}\n", "templates_v": SHOW_VALUES}),
        {"values": "a: {b: null}\n"},
    ),
    "value files in order": (
        chart(
            **{
                "values.yaml": "a: 1\nlist: [1, 2]\nmap: {x: 1}\n",
                "one.yaml": "a: 2\nlist: [3]\nmap: {y: 2}\n",
                "two.yaml": "map: {x: null, z: yes}\nwhen: 2020-01-02\non: off\n",
                "templates_v": SHOW_VALUES,
            }
        ),
        {"valueFiles": ["one.yaml", "two.yaml"], "values": "b: 3\n"},
    ),
    "parameters": (
        chart(
            **{
                "values.yaml": "a: {b: x}\nflag: false\n",
                "templates_v": SHOW_VALUES,
            }
        ),
        {
            "parameters": [
                {"name": "a.b", "value": "set"},
                {"name": "flag", "value": "true"},
                {"name": "version", "value": "1.20", "forceString": True},
                {"name": "words", "value": "one,two", "forceString": True},
                {"name": "image", "value": "registry.example/x/y:v1.2.3"},
            ]
        },
    ),
    "schema holds": (
        chart(
            **{
                "values.schema.json": '{"type": "object", "properties": {"a": {"type": "string"}}}',
                "values.yaml": "a: b\n",
                "templates_v": config("v", "  a: {{ .Values.a }}"),
            }
        ),
        {},
    ),
    "partials, notes and text": (
        chart(
            **{
                "templates/_x.tpl": '{{ define "x" }}x{{ end }}',
                "templates/NOTES.txt": "thanks for {{ .Release.Name }}",
                "templates/sub/deep.yaml": config("deep", '  a: {{ template "x" }}'),
                "templates/json.json": '{"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "json"}}',
                "templates/empty.yaml": "{{ if false }}never{{ end }}\n",
                "templates/comment.yaml": "# nothing but this\n---\n# and this\n",
            }
        ),
        {},
    ),
    "documents and separators": (
        chart(
            templates_a="---\n" + PLAIN + "---\n---\n\n" + config("b", "  b: c") + "\n---\n# end\n",
            templates_b=config("text", "  t: |\n    a\n    ---x\n    b").replace("\n", "\r\n"),
            templates_l="apiVersion: v1\nkind: List\nitems: [{apiVersion: v1, kind: Pod, metadata: {name: l}}]\n",
        ),
        {},
    ),
    "unicode": (chart(templates_u=config("u", "  ü: 'naïve ☃ 😀'")), {"values": "x: ☃\n"}),
    "old chart": (
        {
            "web/Chart.yaml": "apiVersion: v1\nname: web\nversion: 0.1.0\n",
            "web/requirements.yaml": "dependencies: [{name: db, version: 0.1.0}]\n",
            "web/charts/db/Chart.yaml": "apiVersion: v1\nname: db\nversion: 0.1.0\n",
            "web/charts/db/templates/d.yaml": config("db", "  a: b"),
        },
        {},
    ),
    "local dependency": (
        {
            "web/Chart.yaml": CHART + "dependencies: [{name: db, version: 0.1.0, repository: 'file://../db'}]\n",
            "web/templates/a.yaml": PLAIN,
            "db/Chart.yaml": "apiVersion: v2\nname: db\nversion: 0.1.0\n",
            "db/templates/d.yaml": config("db", "  a: b"),
        },
        {},
    ),
    "release name and namespace": (
        chart(templates_a=config("{{ .Release.Name }}", "  ns: {{ .Release.Namespace }}")),
        {"releaseName": "other", "namespace": "elsewhere"},
    ),
    "app version": (
        {
            "web/Chart.yaml": CHART + "appVersion: 1.10\ndescription: x\n",
            "web/templates/a.yaml": config("a", "  v: {{ .Chart.AppVersion | quote }}"),
        },
        {},
    ),
}

BROKEN: dict[str, tuple[Files, dict[str, Any]]] = {
    "fail": (chart(templates_a='{{ fail "no" }}'), {}),
    "syntax": (chart(templates_a="{{ if }}"), {}),
    "no such template": (chart(templates_a='{{ include "gone" . }}'), {}),
    "no such function": (chart(templates_a="{{ gone . }}"), {}),
    "nil": (chart(templates_a="{{ .Values.a.b.c }}"), {}),
    "yaml": (chart(templates_a="a: [\n"), {}),
    "schema": (
        chart(**{"values.schema.json": '{"required": ["a"]}', "templates_a": PLAIN}),
        {},
    ),
    "release name": (chart(templates_a=PLAIN), {"releaseName": "Not_Valid"}),
    "library": ({"web/Chart.yaml": CHART + "type: library\n"}, {}),
    "no version": ({"web/Chart.yaml": "apiVersion: v2\nname: web\n", "web/templates/a.yaml": ""}, {}),
    "values that are a list": (chart(templates_a=PLAIN), {"values": "[1, 2]"}),
    "missing dependency": (
        {"web/Chart.yaml": CHART + "dependencies: [{name: db, version: 1.0.0, repository: 'https://x.invalid'}]\n"},
        {},
    ),
}


class Charts:
    """Inputs of charts, read from commits without a server."""

    def __init__(self, git_repo: Callable[..., Any], tools: Path, scratch: Path) -> None:
        self._repo = git_repo("charts")
        self._tools = tools
        self._scratch = scratch
        self._runs = 0

    def inputs(self, files: Files, helm: dict[str, Any]) -> tuple[Inputs, dict[str, bytes]]:
        commit = self._repo.commit(files)
        tree = CommitTree(pygit2.Repository(str(self._repo.bare)), commit, {})
        context = RenderContext("shop-dev", "argocd", "dev", "shop", "v1.34.4", ("v1",))
        source = msgspec.convert({"helm": helm}, Source)
        inputs = gathered_inputs(Wanted(source, "web", context, {}, TreeReader(tree), {}))
        return inputs, {each.path: tree.content(each.oid) for each in inputs.files}

    def rendered(self, options: HelmOptions, files: dict[str, bytes]) -> list[Any]:
        self._runs += 1
        scratch = self._scratch / str(self._runs)
        scratch.mkdir()
        write_files(files, scratch)
        return render_helm(options, Job(options, files, str(scratch), str(self._tools), 2**26)).manifests


@pytest.fixture
def charts(git_repo: Callable[..., Any], tools_dir: Path, tmp_path: Path) -> Charts:
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    return Charts(git_repo, tools_dir, scratch)


@pytest.mark.parametrize("name", CASES)
def test_library_and_command_agree(charts: Charts, name: str) -> None:
    inputs, files = charts.inputs(*CASES[name])
    options = inputs.options
    assert isinstance(options, HelmOptions)
    assert options.in_process
    by_library = charts.rendered(options, files)
    by_command = charts.rendered(msgspec.structs.replace(options, in_process=False), files)
    assert by_library == by_command
    assert by_library


@pytest.mark.parametrize("name", BROKEN)
def test_library_and_command_refuse_the_same(charts: Charts, name: str) -> None:
    try:
        inputs, files = charts.inputs(*BROKEN[name])
    except GitOpsError:
        return
    assert isinstance(inputs.options, HelmOptions)
    for in_process in (True, False):
        with pytest.raises(GitOpsError) as refused:
            charts.rendered(msgspec.structs.replace(inputs.options, in_process=in_process), files)
        assert str(charts._scratch) not in str(refused.value)


CLUSTER = config("c", "  v: {{ .Capabilities.KubeVersion.Version }}")


@pytest.mark.parametrize(
    ("files", "helm"),
    [
        (chart(templates_a=CLUSTER), {}),
        (chart(templates_a=config("c", "  b: {{ .Values.x | quote }}")), {"values": "x: '{{ .Capabilities }}'"}),
        ({"web/Chart.yaml": CHART + "kubeVersion: '>=1.20.0'\n", "web/templates/a.yaml": PLAIN}, {}),
        (chart(templates_a=PLAIN), {"parameters": [{"name": "replicas", "value": "3"}]}),
        (chart(templates_a=PLAIN), {"parameters": [{"name": "list[0]", "value": "x"}]}),
        (chart(templates_a=PLAIN), {"parameters": [{"name": "gone", "value": "null"}]}),
        (chart(templates_a=PLAIN, **{"f.txt": "x"}), {"fileParameters": [{"name": "f", "path": "f.txt"}]}),
    ],
    ids=["capabilities", "capabilities in values", "kubeVersion", "number", "list", "null", "file"],
)
def test_what_the_library_cannot_do_exactly_goes_to_the_command(
    charts: Charts, files: Files, helm: dict[str, Any]
) -> None:
    inputs, content = charts.inputs(files, helm)
    assert isinstance(inputs.options, HelmOptions)
    assert not inputs.options.in_process
    assert charts.rendered(inputs.options, content)


def test_the_cluster_counts_only_if_it_is_asked_for(charts: Charts) -> None:
    asked, content = charts.inputs(chart(templates_a=CLUSTER), {})
    assert isinstance(asked.options, HelmOptions)
    assert str(asked.options.kube_version) == "v1.34.4"
    assert charts.rendered(asked.options, content)[0]["data"] == {"v": "v1.34.4"}
    silent, _ = charts.inputs(chart(templates_a=PLAIN), {})
    assert isinstance(silent.options, HelmOptions)
    assert (str(silent.options.kube_version), silent.options.api_versions) == ("", ())


def test_helms_own_starter_chart(charts: Charts, tools_dir: Path, tmp_path: Path) -> None:
    home = {"HOME": str(tmp_path), "PATH": ""}
    subprocess.run([tools_dir / "helm", "create", "web"], cwd=tmp_path, check=True, capture_output=True, env=home)
    root = tmp_path / "web"
    files = {f"web/{each.relative_to(root)}": each.read_text() for each in root.rglob("*") if each.is_file()}
    inputs, content = charts.inputs(files, {"values": "ingress: {enabled: true}\nautoscaling: {enabled: true}\n"})
    assert isinstance(inputs.options, HelmOptions)
    assert inputs.options.in_process
    by_library = charts.rendered(inputs.options, content)
    by_command = charts.rendered(msgspec.structs.replace(inputs.options, in_process=False), content)
    assert by_library == by_command
    assert len(by_library) >= 5
