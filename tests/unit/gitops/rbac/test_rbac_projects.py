"""What a project permits, pattern by pattern."""

from typing import Any

import pytest

from gitops.model.globs import glob_matches
from gitops.model.project import KindPattern, Project, ProjectDestination, ProjectSpec
from gitops.model.resource import GroupKind
from gitops.rbac.projects import permits_applications_from, permits_destination, permits_kind, permits_source


def a_project(**spec: Any) -> Project:
    return Project("prod", ProjectSpec(**spec))


@pytest.mark.parametrize(
    ("patterns", "url", "permitted"),
    [
        (("*",), "https://github.com/org/app.git", True),
        ((), "https://github.com/org/app.git", False),
        (("https://github.com/org/app",), "https://GitHub.com/org/app.git", True),
        (("git@github.com:org/app.git",), "ssh://git@github.com/org/app", True),
        (("https://github.com/org/*",), "https://github.com/org/app", True),
        (("https://github.com/*",), "https://github.com/org/app", False),
        (("https://github.com/**",), "https://github.com/org/app", True),
        (("*", "!https://github.com/org/secret"), "https://github.com/org/secret.git", False),
        (("!https://github.com/org/secret",), "https://github.com/org/app", False),
    ],
)
def test_sources(patterns: tuple[str, ...], url: str, permitted: bool) -> None:
    assert permits_source(a_project(source_repos=patterns), url) is permitted


@pytest.mark.parametrize(
    ("items", "server", "name", "namespace", "permitted"),
    [
        ([("*", "", "*")], "https://a", "a", "ns", True),
        ([], "https://a", "a", "ns", False),
        ([("https://a", "", "ns-*")], "https://a", "a", "ns-1", True),
        ([("https://a", "", "ns-*")], "https://a", "a", "other", False),
        ([("https://a", "", "*")], "https://b", "b", "ns", False),
        ([("", "pr*", "*")], "https://b", "prod", "ns", True),
        ([("https://*", "", "*")], "https://a/b/c", "", "ns", True),
        ([("*", "", "*"), ("*", "", "!kube-system")], "https://a", "a", "kube-system", False),
        ([("*", "", "*"), ("*", "", "!kube-system")], "https://a", "a", "ns", True),
        ([("*", "", "*"), ("!https://b", "", "ns")], "https://b", "b", "ns", False),
        ([("*", "", "*"), ("!https://b", "", "ns")], "https://b", "b", "other", True),
        ([("*", "", "*"), ("", "!prod", "ns")], "https://b", "prod", "other", False),  # whatever the namespace
        ([("!https://b", "", "*")], "https://a", "a", "ns", True),
    ],
)
def test_destinations(
    items: list[tuple[str, str, str]], server: str, name: str, namespace: str, permitted: bool
) -> None:
    project = a_project(destinations=tuple(ProjectDestination(*item) for item in items))
    assert permits_destination(project, server=server, name=name, namespace=namespace) is permitted


ROLE, CONFIG = GroupKind("rbac.authorization.k8s.io", "ClusterRole"), GroupKind("", "ConfigMap")


@pytest.mark.parametrize(
    ("spec", "kind", "namespaced", "permitted"),
    [
        ({}, ROLE, False, False),
        ({}, CONFIG, True, True),
        ({"cluster_resource_whitelist": (KindPattern("*", "*"),)}, ROLE, False, True),
        ({"cluster_resource_whitelist": (KindPattern("rbac.*", "Cluster*"),)}, ROLE, False, True),
        (
            {
                "cluster_resource_whitelist": (KindPattern("*", "*"),),
                "cluster_resource_blacklist": (KindPattern("*", "ClusterRole"),),
            },
            ROLE,
            False,
            False,
        ),
        ({"cluster_resource_whitelist": (KindPattern("*", "*", "team-*"),)}, ROLE, False, False),
        ({"namespace_resource_whitelist": ()}, CONFIG, True, False),
        ({"namespace_resource_whitelist": (KindPattern("", "ConfigMap"),)}, CONFIG, True, True),
        ({"namespace_resource_blacklist": (KindPattern("", "Config*"),)}, CONFIG, True, False),
    ],
)
def test_kinds(spec: dict[str, Any], kind: GroupKind, namespaced: bool, permitted: bool) -> None:
    assert permits_kind(a_project(**spec), kind, namespaced=namespaced, name="x") is permitted


def test_applications_of_other_namespaces_need_to_be_named() -> None:
    project = a_project(source_namespaces=("team-*",))
    assert permits_applications_from(project, "team-a")
    assert not permits_applications_from(project, "default")


@pytest.mark.parametrize(
    ("pattern", "text", "separator", "matches"),
    [
        ("*", "a/b", "", True),
        ("*", "a/b", "/", False),
        ("a/**", "a/b/c", "/", True),
        ("a?c", "abc", "", True),
        ("a?c", "a/c", "/", False),
        ("[a-c]x", "bx", "", True),
        ("[!a-c]x", "bx", "", False),
        ("{dev,stage}-*", "stage-1", "", True),
        ("a.b", "axb", "", False),
        ("a\\*", "a*", "", True),
        ("a\\*", "ab", "", False),
        ("(a|b)", "a", "", False),
        ("{a", "a", "", False),
        ("", "", "", True),
    ],
)
def test_globs(pattern: str, text: str, separator: str, matches: bool) -> None:
    assert glob_matches(pattern, text, separator=separator) is matches
