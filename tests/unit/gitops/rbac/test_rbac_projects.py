"""What a project permits, pattern by pattern."""

from collections.abc import Callable
from typing import Any

import pytest

from gitops.model.errors import InvalidSpec
from gitops.model.project import KindPattern, Project, ProjectDestination, ProjectSpec
from gitops.model.repository import Cluster
from gitops.model.resource import GroupKind, ResourceKey
from gitops.rbac.projects import (
    destination_refusal,
    object_refusal,
    permits_applications_from,
    permits_below,
    permits_destination,
    permits_kind,
    permits_source,
)


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


def test_namespaces_of_applications_may_be_named_by_a_regular_expression() -> None:
    project = a_project(source_namespaces=("/^team-[0-9]+$/", "/(/"))
    assert permits_applications_from(project, "team-12")
    assert not permits_applications_from(project, "team-x")


def test_kinds_are_named_as_go_names_files() -> None:
    project = a_project(cluster_resource_whitelist=(KindPattern("*", "[^a-z]*Role"),))
    assert permits_kind(project, ROLE, namespaced=False)
    assert not permits_kind(a_project(cluster_resource_whitelist=(KindPattern("{a,b}", "*"),)), ROLE, namespaced=False)


def test_a_pattern_that_cannot_be_read_permits_nothing() -> None:
    project = a_project(
        source_repos=("[",),
        destinations=(ProjectDestination("[", "", "*"),),
        namespace_resource_whitelist=(KindPattern("[", "["),),
        source_namespaces=("[",),
    )
    assert not permits_source(project, "[")
    assert not permits_destination(project, server="[", name="", namespace="x")
    assert not permits_kind(project, CONFIG, namespaced=True)
    assert not permits_applications_from(project, "[")


def test_a_refusal_that_cannot_be_read_refuses_the_question_and_is_named() -> None:
    project = a_project(
        source_repos=("*", "![https://a"),
        destinations=(ProjectDestination("*", "", "*"), ProjectDestination("*", "", "![x")),
        namespace_resource_blacklist=(KindPattern("*", "[x"),),
    )
    asked: list[Callable[[], bool]] = [
        lambda: permits_source(project, "https://b"),
        lambda: permits_destination(project, server="https://a", name="", namespace="y"),
        lambda: permits_kind(project, CONFIG, namespaced=True),
    ]
    for question in asked:
        with pytest.raises(InvalidSpec, match=r"`\[.*` cannot be used as a pattern"):
            question()


EVERYWHERE = (ProjectDestination(server="*", namespace="*"),)


@pytest.mark.parametrize(
    ("scoped_to", "only_own", "told"),
    [
        ("", False, ""),
        ("prod", False, ""),
        ("prod", True, ""),
        ("dev", False, "is registered for another project"),
        ("dev", True, "is registered for another project"),
        ("", True, "only permits clusters of its own"),
    ],
)
def test_a_cluster_of_another_project_is_refused_to_applications_and_to_each_of_their_objects(
    scoped_to: str, only_own: bool, told: str
) -> None:
    project = a_project(
        destinations=EVERYWHERE,
        permit_only_project_scoped_clusters=only_own,
        cluster_resource_whitelist=(KindPattern("*", "*"),),
    )
    cluster = Cluster("https://a", "a", project=scoped_to)
    config, role = ResourceKey("", "ConfigMap", "ns", "x"), ResourceKey(ROLE.group, ROLE.kind, "", "x")
    refusals = [
        destination_refusal(project, cluster, "ns"),
        object_refusal(project, cluster, config, namespaced=True),
        object_refusal(project, cluster, role, namespaced=False),
    ]
    assert all((told in each) if told else not each for each in refusals), refusals
    assert permits_below(project, cluster, {"metadata": {"name": "x", "namespace": "ns"}}) is not bool(told)


def test_what_lies_below_an_object_only_has_to_be_where_the_project_may_go() -> None:
    project = a_project(
        destinations=(ProjectDestination(server="*", namespace="team"),),
        namespace_resource_whitelist=(KindPattern("apps", "Deployment"),),
    )
    cluster = Cluster("https://a", "a")

    def below(kind: str, namespace: str) -> bool:
        return permits_below(project, cluster, {"kind": kind, "metadata": {"name": "x", "namespace": namespace}})

    assert below("Pod", "team")
    assert not below("Pod", "kube-system")
    assert not below("ClusterRole", "")
