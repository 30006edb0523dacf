"""`kustomize.buildOptions`: what is passed on, what is refused, and what a key may not pretend."""

from typing import Any

import pytest

from gitops.model.application import KustomizeSettings
from gitops.model.errors import InvalidSpec
from repo_server.inputs.kustomize_options import build_options, chosen, disguised, is_unrestricted

RESTRICTED = "--load-restrictor=LoadRestrictionsRootOnly"
UNRESTRICTED = "--load-restrictor=LoadRestrictionsNone"


@pytest.mark.parametrize(
    ("text", "passed"),
    [
        ("", [RESTRICTED]),
        ("  --enable-helm  ", [RESTRICTED]),
        ("--load-restrictor LoadRestrictionsNone", [UNRESTRICTED]),
        ("--enable-helm --load-restrictor=LoadRestrictionsNone --stack-trace", [UNRESTRICTED]),
        ("--load-restrictor=LoadRestrictionsNone --load-restrictor LoadRestrictionsRootOnly", [RESTRICTED]),
        ("--reorder legacy", [RESTRICTED, "--reorder=legacy"]),
        ("--enable-managedby-label", ["--enable-managedby-label", RESTRICTED]),
    ],
)
def test_what_is_known_to_be_harmless_is_passed_on(text: str, passed: list[str]) -> None:
    options = build_options(text, "key")
    assert [str(each) for each in options] == passed
    assert is_unrestricted(options) is (UNRESTRICTED in passed)


@pytest.mark.parametrize(
    "text",
    [
        "--enable-alpha-plugins",
        "--enable-exec",
        "--network",
        "--network-name=host",
        "--mount type=bind,source=/,target=/x",
        "-e A=b",
        "--env=A=b",
        "--as-current-user",
        "--helm-command=/bin/sh",
        "--helm-command /bin/sh",
        "-o /tmp/x",
        "--output=/tmp/x",
        "/etc",
        "--",
        "--load-restrictor=none",
        "--load-restrictor",
        "--load-restrictor=LoadRestrictionsNone\x00",
        "--reorder=--enable-exec",
        "--enable-managedby-label=--enable-exec",
        "--enable-helm --enable-exec",
    ],
)
def test_everything_else_is_refused_by_name(text: str) -> None:
    with pytest.raises(InvalidSpec, match=r"argocd-cm, kustomize.buildOptions: "):
        build_options(text, "kustomize.buildOptions")


def test_a_version_has_a_program_and_options_of_its_own() -> None:
    settings = KustomizeSettings(
        build_options=(("", "--reorder=none"), ("v4", UNRESTRICTED), ("v9", "--enable-exec")),
        paths=(("v4", "/custom-tools/kustomize_4_5"), ("v3", "kustomize-v3"), ("sh", "/bin/sh"), ("up", "..")),
    )
    tool, options = chosen(settings, "")
    assert (str(tool), [str(each) for each in options]) == ("kustomize", [RESTRICTED, "--reorder=none"])
    tool, options = chosen(settings, "v4")
    assert (str(tool), [str(each) for each in options]) == ("kustomize_4_5", [UNRESTRICTED])
    tool, options = chosen(settings, "v3")
    assert (str(tool), [str(each) for each in options]) == ("kustomize-v3", [RESTRICTED])
    with pytest.raises(InvalidSpec, match=r"version `v5` is not registered; add `kustomize.path.v5` to argocd-cm"):
        chosen(settings, "v5")
    for version in ("sh", "up"):
        with pytest.raises(InvalidSpec, match="not the name of a kustomize program"):
            chosen(settings, version)


@pytest.mark.parametrize(
    "document",
    [
        {"configMapGenerator": [{"name": "x", "Files": ["/proc/mounts"]}]},
        {"configMapGenerator": [{"name": "x", "file\u017f": ["/proc/mounts"]}]},
        {"secretGenerator": {"ENVS": ["/proc/mounts"]}},
        {"secretGenerator": [{"kvSources": [{"name": "files"}]}]},
        {"patches": [{"Path": "/proc/mounts"}]},
        {"openapi": {"PATH": "/proc/mounts"}},
    ],
)
def test_keys_that_only_kustomize_reads_as_files_are_found(document: dict[str, Any]) -> None:
    assert disguised(document)


def test_labels_may_be_called_anything() -> None:
    generators = [{"name": "x", "files": ["a"], "options": {"labels": {"Env": "dev", "Path": "x"}}}]
    assert not disguised({"commonLabels": {"Env": "dev"}, "configMapGenerator": generators, "patches": ["a"]})
