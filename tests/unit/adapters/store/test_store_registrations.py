"""Cluster and repository Secrets in Argo CD's shapes."""

import pytest

from adapters.store.clusters import cluster_of, secret_of
from adapters.store.repositories import host_of, matching, repository_of
from adapters.store.secrets import concerns_us, hashed_name, secret_manifest
from gitops.model.errors import InvalidSpec
from gitops.model.repository import Cluster, ClusterCredentials, Repository, RepositoryCredentials


def test_a_cluster_comes_back_from_its_secret_as_it_was() -> None:
    cluster = Cluster(
        "https://dev.example.com:6443",
        "dev",
        ClusterCredentials(bearer_token="t", ca_data=b"CA"),
        namespaces=("a", "b"),
        cluster_resources=True,
        project="team",
        shard=2,
    )
    found = cluster_of(secret_of(cluster, "argocd"))
    assert found.credentials == cluster.credentials
    assert (found.server, found.name, found.namespaces) == (cluster.server, "dev", ("a", "b"))
    assert (found.cluster_resources, found.project, found.shard) == (True, "team", 2)
    assert found.labels["argocd.argoproj.io/secret-type"] == "cluster"


def test_names_are_those_that_argo_cd_gives() -> None:
    # FNV-1a, 32 bit: these are the published check values of the empty text and of "a".
    assert hashed_name("repo", "") == f"repo-{0x811C9DC5}"
    assert hashed_name("repo", "a") == f"repo-{0xE40C292C}"
    assert hashed_name("cluster", "https://Dev.example.com:6443").startswith("cluster-dev.example.com-")


def test_kubectls_copy_of_a_secret_is_not_shown() -> None:
    secret = secret_of(Cluster("https://dev", "dev"), "argocd")
    metadata = secret["metadata"]
    assert isinstance(metadata, dict)
    metadata["annotations"]["kubectl.kubernetes.io/last-applied-configuration"] = "all of it"
    assert "all of it" not in str(cluster_of(secret).annotations)


@pytest.mark.parametrize("values", [{"name": "x"}, {"server": "https://x", "config": "{"}])
def test_a_secret_that_makes_no_cluster_is_named(values: dict[str, str]) -> None:
    with pytest.raises(InvalidSpec, match="cluster Secret `broken`"):
        cluster_of(secret_manifest("broken", "cluster", dict(values)))


def test_only_our_secrets_are_kept() -> None:
    assert concerns_us(secret_manifest("x", "repository", {}))
    assert concerns_us({"metadata": {"name": "argocd-secret"}})
    assert concerns_us({"metadata": {"name": "oidc", "labels": {"app.kubernetes.io/part-of": "argocd"}}})
    assert not concerns_us({"metadata": {"name": "sh.helm.release.v1.web.v1", "labels": {"owner": "helm"}}})


def test_a_private_key_keeps_its_last_line_end() -> None:
    key = "-----BEGIN OPENSSH PRIVATE KEY-----\nx\n-----END OPENSSH PRIVATE KEY-----\n"
    secret = secret_manifest(
        "r", "repository", {"url": "git@example.com:a/b.git", "sshPrivateKey": key, "insecure": "true"}
    )
    found = repository_of(secret)
    assert found.credentials.ssh_private_key == key
    assert found.credentials.insecure


def creds(user: str) -> RepositoryCredentials:
    return RepositoryCredentials(username=user, password="p")


def test_the_longest_template_wins_and_own_credentials_beat_it() -> None:
    templates = [
        Repository("https://git.example.com", credentials=creds("host")),
        Repository("https://git.example.com/team", credentials=creds("team")),
    ]
    registered = [Repository("https://git.example.com/team/own", credentials=creds("own"))]

    def user(url: str) -> str:
        return matching(url, "", registered, templates).credentials.username

    assert user("https://git.example.com/other/x") == "host"
    assert user("https://git.example.com/team/x.git") == "team"
    assert user("https://git.example.com/team/own.git") == "own"
    assert user("https://GIT.example.com/team/own/") == "own"
    assert user("https://elsewhere.example.com/team/own") == ""


@pytest.mark.parametrize(
    "url", ["https://git.example.com.evil.org/x", "https://git.example.community/x", "https://git.example.com:8443/x"]
)
def test_a_template_is_for_its_host_only(url: str) -> None:
    templates = [Repository("https://git.example.com", credentials=creds("host"))]
    assert matching(url, "", [], templates).credentials.username == ""


def test_what_belongs_to_a_project_serves_only_that_project() -> None:
    url = "https://git.example.com/a"
    registered = [
        Repository(url, project="", credentials=creds("all")),
        Repository(url, project="prod", credentials=creds("prod")),
    ]
    templates = [Repository("https://git.example.com", project="prod", credentials=creds("prod"))]
    assert matching(url, "prod", registered, []).credentials.username == "prod"
    assert matching(url, "dev", registered, []).credentials.username == "all"
    assert matching(url, "", registered[1:], []).credentials.username == ""
    assert matching(url, "dev", [], templates).credentials.username == ""


def test_hosts_are_keyed_without_user_and_port() -> None:
    assert host_of("https://ann@Git.example.com:8443/a.git") == "git.example.com"
    assert host_of("git@git.example.com:a/b.git") == "git.example.com"
    assert host_of("https://[::1]:8443/a") == "::1"


def test_data_that_is_not_base64_is_told() -> None:
    secret = secret_of(Cluster("https://dev", "dev"), "argocd") | {"data": {"server": "*"}}
    with pytest.raises(InvalidSpec, match="not base64"):
        cluster_of(secret)
