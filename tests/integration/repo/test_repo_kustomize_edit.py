"""Our edits of a kustomization build to the same objects as `kustomize edit` would."""

import json
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml

from gitops.model.application import KustomizeSource
from repo_server.inputs.kustomize_edit import edited

pytestmark = pytest.mark.integration

DEPLOYMENT = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, labels: {own: x}}
spec:
  replicas: 1
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers:
      - {name: a, image: "nginx:1.0"}
      - {name: b, image: "registry.example:5000/team/b:2.0"}
"""

PLAIN = "resources: [web.yaml]\n"
FULL = (
    PLAIN
    + "namePrefix: old-\nimages:\n- {name: nginx, newName: other, newTag: '2'}\n- {name: kept, newTag: '9'}\n"
    + "replicas: [{name: web, count: 2}]\ncommonLabels: {old: label}\ncommonAnnotations: {old: note}\n"
    + "labels:\n- {pairs: {l: one}}\n"
)

CASES: Mapping[str, tuple[str, dict[str, Any], list[list[str]]]] = {
    "prefix": (FULL, {"namePrefix": "new-"}, [["set", "nameprefix", "--", "new-"]]),
    "suffix": (PLAIN, {"nameSuffix": "-x"}, [["set", "namesuffix", "--", "-x"]]),
    "namespace": (PLAIN, {"namespace": "shop"}, [["set", "namespace", "--", "shop"]]),
    "tag": (PLAIN, {"images": ["nginx:1.1"]}, [["set", "image", "nginx:1.1"]]),
    "digest": (PLAIN, {"images": ["nginx@sha256:abc"]}, [["set", "image", "nginx@sha256:abc"]]),
    "new name": (PLAIN, {"images": ["nginx=other/nginx"]}, [["set", "image", "nginx=other/nginx"]]),
    "new name with port and tag": (
        PLAIN,
        {"images": ["nginx=host:5000/x:3", "registry.example:5000/team/b=c@sha256:d"]},
        [["set", "image", "nginx=host:5000/x:3", "registry.example:5000/team/b=c@sha256:d"]],
    ),
    "tag and digest": (PLAIN, {"images": ["nginx:1@sha256:abc"]}, [["set", "image", "nginx:1@sha256:abc"]]),
    "image over an entry": (FULL, {"images": ["nginx:3"]}, [["set", "image", "nginx:3"]]),
    "stars keep what stands": (FULL, {"images": ["nginx=*:3"]}, [["set", "image", "nginx=*:3"]]),
    "replicas": (FULL, {"replicas": [{"name": "web", "count": 5}]}, [["set", "replicas", "web=5"]]),
    "labels": (FULL, {"commonLabels": {"team": "a"}}, [["add", "label", "team:a"]]),
    "forced label": (
        FULL,
        {"commonLabels": {"old": "a"}, "forceCommonLabels": True},
        [["add", "label", "--force", "old:a"]],
    ),
    "label without selector": (
        FULL,
        {"commonLabels": {"team": "a"}, "labelWithoutSelector": True},
        [["add", "label", "--without-selector", "team:a"]],
    ),
    "label in templates": (
        FULL,
        {"commonLabels": {"team": "a"}, "labelWithoutSelector": True, "labelIncludeTemplates": True},
        [["add", "label", "--without-selector", "--include-templates", "team:a"]],
    ),
    "annotations": (FULL, {"commonAnnotations": {"note": "a"}}, [["add", "annotation", "note:a"]]),
    "forced annotation": (
        FULL,
        {"commonAnnotations": {"old": "a"}, "forceCommonAnnotations": True},
        [["add", "annotation", "--force", "old:a"]],
    ),
    "component": (PLAIN, {"components": ["../part"]}, [["add", "component", "../part"]]),
    "several": (
        FULL,
        {"namePrefix": "p-", "images": ["nginx:7"], "namespace": "n", "commonLabels": {"a": "b"}},
        [
            ["set", "nameprefix", "--", "p-"],
            ["set", "image", "nginx:7"],
            ["add", "label", "a:b"],
            ["set", "namespace", "--", "n"],
        ],
    ),
}


def run(tools: Path, home: Path, *arguments: str) -> str:
    environment = {"HOME": str(home), "PATH": ""}
    command = [str(tools / "kustomize"), *arguments]
    return subprocess.run(command, cwd=home, env=environment, check=True, capture_output=True, text=True).stdout


def laid_out(folder: Path, kustomization: str) -> Path:
    home = folder / "app"
    home.mkdir(parents=True)
    (home / "kustomization.yaml").write_text(kustomization)
    (home / "web.yaml").write_text(DEPLOYMENT)
    part = folder / "part"
    part.mkdir()
    (part / "kustomization.yaml").write_text(
        "apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\ncommonAnnotations: {part: 'yes'}\n"
    )
    return home


@pytest.mark.parametrize("name", CASES)
def test_edits_build_to_the_same(tools_dir: Path, tmp_path: Path, name: str) -> None:
    kustomization, options, commands = CASES[name]
    theirs = laid_out(tmp_path / "theirs", kustomization)
    for command in commands:
        run(tools_dir, theirs, "edit", *command)
    ours = laid_out(tmp_path / "ours", kustomization)
    source = msgspec.convert(options, KustomizeSource)
    document = edited(yaml.safe_load(kustomization), source, {}, lambda component: True)
    (ours / "kustomization.yaml").write_text(json.dumps(document))
    built = run(tools_dir, ours, "build", ".")
    assert built == run(tools_dir, theirs, "build", ".")
    assert built != run(tools_dir, laid_out(tmp_path / "untouched", kustomization), "build", ".")
