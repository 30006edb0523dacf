"""What `cluster add` makes in a cluster, and what it sends to the server."""

import base64
import json
from pathlib import Path

from cli_remote import Remote, Run

from gitops.model.repository import Cluster, ClusterCredentials
from tiphys.cli.clusters import account_objects, registration


def kinds(namespaces: tuple[str, ...]) -> list[str]:
    return [
        "/".join(filter(None, (manifest["kind"], manifest["metadata"].get("namespace"), manifest["metadata"]["name"])))
        for _, manifest in account_objects(namespaces)
    ]


def test_the_account_has_argo_cds_names() -> None:
    assert kinds(()) == [
        "ServiceAccount/kube-system/argocd-manager",
        "ClusterRole/argocd-manager-role",
        "ClusterRoleBinding/argocd-manager-role-binding",
        "Secret/kube-system/argocd-manager-long-lived-token",
    ]


def test_with_namespaces_it_has_no_right_anywhere_else() -> None:
    made = kinds(("team-a", "team-b"))
    assert not any(each.startswith("Cluster") for each in made)
    assert [each for each in made if each.startswith("Role/")] == [
        "Role/team-a/argocd-manager-role",
        "Role/team-b/argocd-manager-role",
    ]
    roles = [manifest for kind, manifest in account_objects(("team-a",)) if kind.kind == "Role"]
    assert roles[0]["rules"] == [{"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]}]


def test_the_users_own_credentials_are_not_sent() -> None:
    own = ClusterCredentials(bearer_token="mine", key_data=b"my key", cert_data=b"my cert", ca_data=b"ca")
    body = registration(Cluster("https://a:6443", "ctx", own), "prod", "account-token", ("team-a",))
    assert body["server"] == "https://a:6443"
    assert (body["name"], body["namespaces"]) == ("prod", ["team-a"])
    assert body["config"]["bearerToken"] == "account-token"
    assert base64.b64decode(body["config"]["tlsClientConfig"]["caData"]) == b"ca"
    assert "mine" not in json.dumps(body)
    assert not {"certData", "keyData"} & set(body["config"]["tlsClientConfig"])


def test_a_context_that_is_not_there(tiphys: Run, remote: Remote, tmp_path: Path) -> None:
    (tmp_path / "kubeconfig").write_text("contexts: []\n")
    ran = tiphys("cluster", "add", "ghost", "--kubeconfig", str(tmp_path / "kubeconfig"), "-y")
    assert ran.code == 2
    assert "has no context `ghost`" in ran.err
    assert remote.asked("POST") == []


def test_it_asks_before_it_changes_a_cluster(tiphys: Run, remote: Remote) -> None:
    ran = tiphys("cluster", "add", "dev")
    assert ran.code == 2
    assert "-y" in ran.err
