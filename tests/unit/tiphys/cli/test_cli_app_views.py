"""What the looking commands print, as golden text."""

import json
import textwrap
from typing import Any

import pytest
from cli_remote import Remote, Run, application, operation_state

from gitops.model.application import Automated
from tiphys.cli.replies import ResourceTree, read
from tiphys.cli.views.policy import policy_words
from tiphys.cli.views.tree import tree_lines


def golden(text: str) -> str:
    return textwrap.dedent(text).lstrip("\n")


@pytest.fixture
def three(remote: Remote) -> Remote:
    remote.add(application("around-api-dev", spec__syncPolicy={"automated": {"prune": True, "selfHeal": True}}))
    remote.add(
        application(
            "around-api-prod",
            spec__project="prod",
            spec__destination={"server": "https://10.0.0.9:6443", "namespace": "around-api"},
            spec__syncPolicy={"automated": {"enabled": False, "prune": False, "selfHeal": True}},
            status__sync={"status": "OutOfSync", "revision": "b" * 40},
        )
    )
    remote.add(
        application(
            "batch-stage",
            metadata__labels={"env": "stage"},
            status__sync={"status": "Unknown"},
            status__health=None,
            status__conditions=[{"type": "ComparisonError", "message": "path does not exist"}] * 2,
        )
    )
    remote.lists["clusters"] = [{"server": "https://10.0.0.9:6443", "name": "prod"}]
    return remote


def test_the_list(tiphys: Run, three: Remote) -> None:
    assert tiphys("app", "list").out == golden("""
        NAME             CLUSTER  NAMESPACE       PROJECT  SYNC       HEALTH   REVISION  POLICY                  CONDITIONS
        around-api-dev   dev      around-api-dev  dev      Synced     Healthy  aaaaaaa   Auto, prune, self-heal  -
        around-api-prod  prod     around-api      prod     OutOfSync  Healthy  bbbbbbb   Manual, self-heal       -
        batch-stage      dev      batch-stage     dev      Unknown    Unknown  -         Manual                  ComparisonError(2)
        """)  # noqa: E501


def test_the_wide_list_has_the_source(tiphys: Run, three: Remote) -> None:
    header, *rows = tiphys("app", "list", "-p", "dev", "-o", "wide").out.splitlines()
    assert header.split()[-3:] == ["REPO", "PATH", "TARGET"]
    assert rows[0].split()[-3:] == ["http://git.local/gitops.git", "services/around-api-dev", "main"]


@pytest.mark.parametrize(
    ("filters", "names"),
    [
        ((), ["around-api-dev", "around-api-prod", "batch-stage"]),
        (("-p", "prod"), ["around-api-prod"]),
        (("-c", "dev"), ["around-api-dev", "batch-stage"]),
        (("-c", "prod"), ["around-api-prod"]),
        (("-c", "https://10.0.0.9:6443"), ["around-api-prod"]),
        (("-l", "env=stage"), ["batch-stage"]),
        (("--sync", "outofsync", "--sync", "Unknown"), ["around-api-prod", "batch-stage"]),
        (("--health", "Unknown"), ["batch-stage"]),
        (("--sync", "Synced", "--health", "Degraded"), []),
    ],
)
def test_the_filters(tiphys: Run, three: Remote, filters: tuple[str, ...], names: list[str]) -> None:
    assert tiphys("app", "list", *filters, "-o", "name").out.split() == names


@pytest.mark.parametrize(
    ("option", "asked", "meant"),
    [("--health", "Healty", "Healthy"), ("--health", "degrade", "Degraded"), ("--sync", "OutOfSnc", "OutOfSync")],
)
def test_a_state_that_does_not_exist_is_an_error_and_not_an_empty_list(
    tiphys: Run, three: Remote, option: str, asked: str, meant: str
) -> None:
    ran = tiphys("app", "list", option, asked)
    assert ran.code == 2
    assert f"did you mean {meant}?" in ran.err
    assert ran.out == ""


def test_an_empty_list_says_that_nothing_matches(tiphys: Run, three: Remote, remote: Remote) -> None:
    ran = tiphys("app", "list", "-c", "nowhere")
    assert (ran.code, ran.err) == (0, "No application matches.\n")
    remote.apps.clear()
    assert tiphys("app", "list").err == "There are no applications you may see.\n"


@pytest.mark.parametrize("command", ["get", "resources"])
def test_every_look_at_an_application_can_answer_with_names(tiphys: Run, three: Remote, command: str) -> None:
    three.tree = {"nodes": [{"kind": "Service", "name": "api"}, {"kind": "Pod", "name": "api-1"}]}
    names = {"get": "batch-stage\n", "resources": "Service/api\nPod/api-1\n"}
    assert tiphys("app", command, "batch-stage", "-o", "name").out == names[command]


def test_json_is_the_servers_own(tiphys: Run, three: Remote) -> None:
    shown = json.loads(tiphys("app", "list", "-c", "prod", "-o", "json").out)
    assert shown == {"metadata": {"resourceVersion": "100"}, "items": [three.apps["around-api-prod"]]}
    assert json.loads(tiphys("app", "get", "batch-stage", "-o", "json").out) == three.apps["batch-stage"]


def test_names_carry_the_namespace_only_where_it_matters(tiphys: Run, remote: Remote) -> None:
    remote.add(application("a"))
    remote.add(application("b", metadata__namespace="team"))
    assert [line.split()[0] for line in tiphys("app", "list").out.splitlines()] == ["NAME", "argocd/a", "team/b"]


RESOURCES: list[dict[str, Any]] = [
    {"group": "apps", "version": "v1", "kind": "Deployment", "namespace": "around-api", "name": "around-api",
     "status": "OutOfSync", "health": {"status": "Healthy"}},
    {"version": "v1", "kind": "ConfigMap", "namespace": "around-api", "name": "old", "status": "OutOfSync",
     "requiresPruning": True},
]  # fmt: skip


def test_one_application_in_full(tiphys: Run, three: Remote) -> None:
    result = {"group": "apps", "version": "v1", "kind": "Deployment", "namespace": "around-api", "name": "around-api",
              "status": "Synced", "message": "deployment.apps/around-api configured"}  # fmt: skip
    three.changed(
        "around-api-prod",
        status__resources=RESOURCES,
        status__history=[{"id": 3, "revision": "a" * 40, "deployedAt": "2026-11-23T09:00:00Z"}],
        status__conditions=[{"type": "SyncError", "message": "one object was refused"}],
        status__operationState=operation_state("Succeeded", "successfully synced", results=[result]),
    )
    ran = tiphys("app", "get", "around-api-prod")
    assert ran.code == 0
    assert ran.out == golden(f"""
        Name:         argocd/around-api-prod
        Project:      prod
        Destination:  prod / around-api
        URL:          {three.url}/applications/around-api-prod
        Source:       http://git.local/gitops.git  services/around-api-prod  @ main
        Policy:       Manual, self-heal: new commits wait for someone to sync; drift goes back to the last synced revision
        Sync:         OutOfSync with main (bbbbbbb): `tiphys app diff around-api-prod` shows what, `tiphys app sync around-api-prod` brings it
        Health:       Healthy
        Last synced:  aaaaaaa at 2026-11-23T09:00:00Z (history id 3)
        Conditions:   SyncError: one object was refused
                        → `tiphys app get around-api-prod` shows what failed; a new commit or `tiphys app sync around-api-prod` tries again
        Operation:    Succeeded: successfully synced
                      bbbbbbb, by operator, 2026-11-23T10:00:04Z, took 4 s

        GROUP  KIND        NAMESPACE   NAME        SYNC       HEALTH   MESSAGE
        apps   Deployment  around-api  around-api  OutOfSync  Healthy  deployment.apps/around-api configured
        -      ConfigMap   around-api  old         OutOfSync  -        no longer in Git; kept until a sync with --prune
        """)  # noqa: E501


def test_health_that_is_kept_in_the_tree_is_fetched_from_there(tiphys: Run, three: Remote) -> None:
    health = {"status": "Degraded", "message": "image cannot be pulled"}
    three.tree = {"nodes": [{**RESOURCES[0], "health": health}]}
    app = three.changed("around-api-dev", status__resources=[{**RESOURCES[0], "health": None}])
    app["status"]["resourceHealthSource"] = "appTree"
    row = "apps   Deployment  around-api  around-api  OutOfSync  Degraded  image cannot be pulled"
    assert tiphys("app", "get", "around-api-dev").out.splitlines()[-1] == row
    three.answers["GET", "/api/v1/applications/around-api-dev/resource-tree"] = (503, {"message": "no controller"})
    ran = tiphys("app", "get", "around-api-dev")
    assert ran.code == 0
    assert ran.err == "The health of single objects is not known: no controller\n"


def test_get_refreshes_when_asked(tiphys: Run, three: Remote) -> None:
    tiphys("app", "get", "batch-stage", "--hard-refresh")
    tiphys("app", "refresh", "batch-stage")
    asked = [path for path, _ in three.asked("GET") if "refresh" in path]
    assert asked == [
        "/api/v1/applications/batch-stage?refresh=hard",
        "/api/v1/applications/batch-stage?refresh=normal",
    ]


TREE = {
    "nodes": [
        {"kind": "Pod", "name": "web-1-x", "uid": "p", "parentRefs": [{"uid": "r"}], "health": {"status": "Healthy"},
         "info": [{"name": "Containers", "value": "1/1"}, {"name": "cpu", "value": "50"}]},
        {"group": "apps", "kind": "ReplicaSet", "name": "web-1", "uid": "r", "parentRefs": [{"uid": "d"}]},
        {"group": "apps", "kind": "Deployment", "name": "web", "uid": "d", "health": {"status": "Progressing"}},
        {"kind": "Service", "name": "web", "uid": "s"},
    ],
    "orphanedNodes": [{"kind": "ConfigMap", "name": "stray", "uid": "o"}],
}  # fmt: skip


def test_the_tree(tiphys: Run, three: Remote) -> None:
    three.tree = TREE
    assert tiphys("app", "get", "around-api-dev", "-o", "tree").out == golden("""
        around-api-dev  Healthy
        ├─ Deployment/web  Progressing
        │  └─ ReplicaSet/web-1
        │     └─ Pod/web-1-x  Healthy  (1/1)
        └─ Service/web
        """)
    assert tiphys("app", "resources", "around-api-dev").out == golden("""
        GROUP  KIND        NAMESPACE  NAME     HEALTH       MESSAGE  ORPHANED
        apps   Deployment  -          web      Progressing  -        no
        -      Pod         -          web-1-x  Healthy      -        no
        apps   ReplicaSet  -          web-1    -            -        no
        -      Service     -          web      -            -        no
        -      ConfigMap   -          stray    -            -        yes
        """)


def test_owners_in_a_circle_do_not_hang_the_tree() -> None:
    nodes = [
        {"kind": "A", "name": "top", "uid": "t"},
        {"kind": "A", "name": "x", "uid": "x", "parentRefs": [{"uid": "y"}, {"uid": "t"}]},
        {"kind": "A", "name": "y", "uid": "y", "parentRefs": [{"uid": "x"}]},
    ]
    lines = tree_lines("app", read(ResourceTree, {"nodes": nodes}))
    assert lines[1:4] == ["└─ A/top", "   └─ A/x", "      └─ A/y"]


@pytest.mark.parametrize(
    ("automated", "words"),
    [
        (None, "Manual"),
        (Automated(), "Auto"),
        (Automated(prune=True), "Auto, prune"),
        (Automated(self_heal=True), "Auto, self-heal"),
        (Automated(enabled=True, prune=True, self_heal=True), "Auto, prune, self-heal"),
        (Automated(enabled=False), "Manual"),
        (Automated(enabled=False, prune=True, self_heal=True), "Manual, self-heal"),
    ],
)
def test_policies_in_words(automated: Automated | None, words: str) -> None:
    assert policy_words(automated) == words


def test_history(tiphys: Run, three: Remote) -> None:
    source = {"repoURL": "r", "path": "services/around-api"}
    three.changed(
        "around-api-prod",
        status__history=[
            {"id": 0, "revision": "a" * 40, "deployedAt": "2026-11-22T09:00:00Z", "source": source,
             "initiatedBy": {"automated": True}},
            {"id": 1, "revision": "1.2.3", "deployedAt": "2026-11-23T09:00:00Z", "source": {"chart": "api"},
             "initiatedBy": {"username": "operator"}},
        ],
    )  # fmt: skip
    assert tiphys("app", "history", "around-api-prod").out == golden("""
        ID  DEPLOYED              REVISION  BY         SOURCE
        0   2026-11-22T09:00:00Z  aaaaaaa   automated  services/around-api
        1   2026-11-23T09:00:00Z  1.2.3     operator   api
        """)


def test_manifests_are_yaml_documents(tiphys: Run, three: Remote) -> None:
    config = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c", "namespace": "n"}}
    three.manifests = {"v2": [config]}
    assert tiphys("app", "manifests", "batch-stage", "--revision", "v2").out == golden("""
        ---
        apiVersion: v1
        kind: ConfigMap
        metadata:
          name: c
          namespace: n
        """)
    assert tiphys("app", "manifests", "batch-stage", "--revision", "v2", "-o", "name").out == "ConfigMap n/c\n"


def test_files_that_nothing_was_made_of_are_told_beside_the_manifests(tiphys: Run, three: Remote) -> None:
    config = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c", "namespace": "n"}}
    three.manifests = {"v2": [config]}
    three.skipped_files = [{"path": "app/values.yaml", "reason": "holds no manifest"}]
    ran = tiphys("app", "manifests", "batch-stage", "--revision", "v2", "-o", "name")
    assert ran.out == "ConfigMap n/c\n"
    assert ran.err == "skipped app/values.yaml: holds no manifest\n"


def test_clusters_projects_repositories_and_sets(tiphys: Run, remote: Remote) -> None:
    remote.lists = {
        "clusters": [
            {"server": "https://a", "name": "dev", "serverVersion": "1.34", "info": {"applicationsCount": 3},
             "connectionState": {"status": "Successful"}},
            {"server": "https://b", "name": "prod", "namespaces": ["x", "y"],
             "connectionState": {"status": "Failed", "message": "connection refused"}},
        ],
        "repositories": [{"repo": "http://git.local/gitops.git", "type": "git"}],
        "projects": [
            {"metadata": {"name": "prod"}, "spec": {"sourceRepos": ["*"], "roles": [{"name": "operator"}],
             "destinations": [{"name": "prod", "namespace": "*"}]}},
        ],
        "applicationsets": [
            {"metadata": {"name": "deployments"}, "spec": {"generators": [{"git": {}}], "template": {"spec":
             {"project": "dev"}}}, "status": {"resources": [{"name": "a"}, {"name": "b"}]}},
        ],
    }  # fmt: skip
    assert tiphys("cluster", "list").out == golden("""
        NAME  SERVER     VERSION  STATUS      APPS  NAMESPACES  MESSAGE
        dev   https://a  1.34     Successful  3     all         -
        prod  https://b  -        Failed      0     x,y         connection refused
        """)
    assert tiphys("repo", "list").out == golden("""
        TYPE  NAME  REPO                         PROJECT  STATUS   MESSAGE
        git   -     http://git.local/gitops.git  -        Unknown  -
        """)
    assert tiphys("proj", "list").out == golden("""
        NAME  DESCRIPTION  REPOS  DESTINATIONS  ROLES     WINDOWS
        prod  -            *      prod/*        operator  0
        """)
    assert "operator: groups none" in tiphys("proj", "get", "prod").out
    assert tiphys("appset", "list").out == golden("""
        NAME         PROJECT  GENERATORS  APPS  CONDITIONS
        deployments  dev      git         2     -
        """)
    assert tiphys("appset", "get", "deployments").out.splitlines()[-2:] == ["Applications:  a", " " * 15 + "b"]
    assert tiphys("proj", "list", "-o", "name").out == "prod\n"
    assert tiphys("proj", "get", "ghost").code == 4
