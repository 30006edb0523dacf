"""What `cluster add` makes in a cluster, and what it sends to the server."""

import base64
import json
from pathlib import Path
from typing import Any

import pytest
from cli_remote import Remote, Run

from gitops.model.repository import Cluster, ClusterCredentials
from tiphys.cli.clusters import body_of
from tiphys.local.cluster_add import KINDS, account_objects


def names(objects: list[dict[str, Any]]) -> list[str]:
    metadata = [(each["kind"], each["metadata"]) for each in objects]
    return ["/".join(filter(None, (kind, each.get("namespace"), each["name"]))) for kind, each in metadata]


def test_the_account_has_argo_cds_names() -> None:
    assert names(account_objects()) == [
        "ServiceAccount/kube-system/argocd-manager",
        "ClusterRole/argocd-manager-role",
        "ClusterRoleBinding/argocd-manager-role-binding",
        "Secret/kube-system/argocd-manager-long-lived-token",
    ]


def test_with_namespaces_it_has_no_right_anywhere_else() -> None:
    made = account_objects(("team-a", "team-b"))
    assert not any(each["kind"].startswith("Cluster") for each in made)
    assert [name for name in names(made) if name.startswith("Role/")] == [
        "Role/team-a/argocd-manager-role",
        "Role/team-b/argocd-manager-role",
    ]
    role = next(each for each in made if each["kind"] == "Role")
    assert role["rules"] == [{"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]}]


@pytest.mark.parametrize("namespaces", [(), ("team-a",)])
def test_every_object_is_of_a_kind_we_can_apply(namespaces: tuple[str, ...]) -> None:
    for each in account_objects(namespaces):
        assert KINDS[each["kind"]].namespaced == ("namespace" in each["metadata"])


def test_the_registration_as_the_api_takes_it() -> None:
    account = ClusterCredentials(bearer_token="account-token", ca_data=b"ca")
    body = body_of(Cluster("https://a:6443", "prod", account, namespaces=("team-a",)))
    assert (body["server"], body["name"], body["namespaces"]) == ("https://a:6443", "prod", ["team-a"])
    assert body["config"]["bearerToken"] == "account-token"
    assert base64.b64decode(body["config"]["tlsClientConfig"]["caData"]) == b"ca"
    assert "certData" not in json.dumps(body)


def test_a_context_that_is_not_there(tiphys: Run, remote: Remote, tmp_path: Path) -> None:
    (tmp_path / "kubeconfig").write_text("contexts: []\n")
    ran = tiphys("cluster", "add", "ghost", "--kubeconfig", str(tmp_path / "kubeconfig"), "-y")
    assert ran.code == 2
    assert "has no context `ghost`" in ran.err
    assert remote.asked("POST") == []


def test_a_cluster_that_does_not_answer(tiphys: Run, remote: Remote, tmp_path: Path) -> None:
    kubeconfig = {
        "contexts": [{"name": "dead", "context": {"cluster": "dead"}}],
        "clusters": [{"name": "dead", "cluster": {"server": "https://127.0.0.1:1"}}],
    }
    (tmp_path / "kubeconfig").write_text(json.dumps(kubeconfig))
    ran = tiphys("cluster", "add", "dead", "--kubeconfig", str(tmp_path / "kubeconfig"), "-y")
    assert ran.code == 6
    assert "the cluster of `dead` does not answer" in ran.err
    assert remote.asked("POST") == []


def test_it_asks_before_it_changes_a_cluster(tiphys: Run, remote: Remote) -> None:
    ran = tiphys("cluster", "add", "dev")
    assert ran.code == 2
    assert "-y" in ran.err
