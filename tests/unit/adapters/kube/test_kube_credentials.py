"""Credentials from kubeconfigs and cluster Secrets, and headers made of them."""

import base64
import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from adapters.kube.authorization import authorization_for
from adapters.kube.credentials import cluster_from_kubeconfig, credentials_from_secret, secret_config
from gitops.model.errors import ClusterRefused, InvalidSpec
from gitops.model.repository import ClusterCredentials


def kubeconfig(folder: Path, user: dict[str, Any], **cluster: Any) -> Path:
    config = {
        "current-context": "dev",
        "contexts": [
            {"name": "dev", "context": {"cluster": "c", "user": "u"}},
            {"name": "stage", "context": {"cluster": "nowhere"}},
        ],
        "clusters": [{"name": "c", "cluster": {"server": "https://127.0.0.1:6443/", **cluster}}],
        "users": [{"name": "u", "user": user}],
    }
    path = folder / "config"
    path.write_text(yaml.safe_dump(config))
    return path


def test_data_in_the_file_and_files_beside_it(tmp_path: Path) -> None:
    (tmp_path / "key.pem").write_bytes(b"KEY")
    ca = base64.b64encode(b"CA").decode()
    user = {"client-certificate-data": base64.b64encode(b"CERT").decode(), "client-key": "key.pem"}
    cluster = cluster_from_kubeconfig(kubeconfig(tmp_path, user, **{"certificate-authority-data": ca}))
    assert (cluster.name, cluster.server) == ("dev", "https://127.0.0.1:6443")
    credentials = cluster.credentials
    assert (credentials.ca_data, credentials.cert_data, credentials.key_data) == (b"CA", b"CERT", b"KEY")


@pytest.mark.parametrize(
    ("context", "message"),
    [
        pytest.param("absent", "no context `absent`", id="context"),
        pytest.param("stage", "no cluster `nowhere`", id="cluster"),
    ],
)
def test_what_is_missing_is_named(tmp_path: Path, context: str, message: str) -> None:
    with pytest.raises(InvalidSpec, match=message):
        cluster_from_kubeconfig(kubeconfig(tmp_path, {}), context)


def test_a_file_that_is_no_kubeconfig_is_told_without_its_folder(tmp_path: Path) -> None:
    path = tmp_path / "config"
    path.write_text("{not yaml")
    with pytest.raises(InvalidSpec, match="kubeconfig config cannot be read") as told:
        cluster_from_kubeconfig(path)
    assert str(tmp_path) not in str(told.value)


async def test_a_token_file_is_read_again_when_the_token_was_refused(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("one\n")
    cluster = cluster_from_kubeconfig(kubeconfig(tmp_path, {"tokenFile": "token", "token": "old"}))
    authorization = authorization_for(cluster.credentials)
    assert await authorization.header() == "Bearer one"
    (tmp_path / "token").write_text("two\n")
    assert await authorization.header() == "Bearer one", "not read for every request"
    assert authorization.forget()
    assert await authorization.header() == "Bearer two"


def plugin(folder: Path, script: str) -> ClusterCredentials:
    path = folder / "plugin"
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o700)
    return ClusterCredentials(exec_command=(str(path), "get-token"), exec_env=(("REGION", "eu"),))


async def test_a_credential_plugin_is_asked_once_as_long_as_its_token_lives(tmp_path: Path) -> None:
    answer = '{"status":{"token":"\'$REGION-$1-$(wc -l < counted)\'","expirationTimestamp":"2099-01-01T00:00:00Z"}}'
    script = f"cd {tmp_path}; echo asked >> counted; echo '{answer}'"
    authorization = authorization_for(plugin(tmp_path, script))
    assert await authorization.header() == "Bearer eu-get-token-1"
    assert await authorization.header() == "Bearer eu-get-token-1"
    assert authorization.forget()
    assert await authorization.header() == "Bearer eu-get-token-2"


@pytest.mark.parametrize(
    ("script", "message"),
    [
        pytest.param("exit 3", "ended with code 3", id="fails"),
        pytest.param("echo hello", "printed no token", id="babbles"),
    ],
)
async def test_a_failing_plugin_is_named_without_its_output(tmp_path: Path, script: str, message: str) -> None:
    with pytest.raises(ClusterRefused, match=rf"`plugin` {message}") as told:
        await authorization_for(plugin(tmp_path, script)).header()
    assert "hello" not in str(told.value)


async def test_user_and_password_make_a_basic_header() -> None:
    header = await authorization_for(ClusterCredentials(username="ann", password="pw")).header()
    assert base64.b64decode(header.removeprefix("Basic ")) == b"ann:pw"


@pytest.mark.parametrize(
    "credentials",
    [
        pytest.param(ClusterCredentials(bearer_token="t", ca_data=b"CA"), id="token"),
        pytest.param(
            ClusterCredentials(cert_data=b"C", key_data=b"K", server_name="api", insecure=True), id="certificate"
        ),
        pytest.param(
            ClusterCredentials(exec_command=("aws", "eks"), exec_env=(("A", "b"),), exec_api_version="v1"), id="plugin"
        ),
        pytest.param(ClusterCredentials(username="u", password="p", proxy_url="http://proxy:3128"), id="password"),
    ],
)
def test_a_cluster_secret_says_what_was_put_into_it(credentials: ClusterCredentials) -> None:
    assert credentials_from_secret(secret_config(credentials)) == credentials


def test_a_cluster_secret_may_not_start_any_program() -> None:
    for command in ("/bin/sh", "sh", "../aws"):
        config = {"execProviderConfig": {"command": command, "args": ["-c", "id"]}}
        with pytest.raises(InvalidSpec, match="is not allowed in a cluster Secret"):
            credentials_from_secret(json.dumps(config).encode())


def test_amazon_clusters_use_its_own_command() -> None:
    config = {"awsAuthConfig": {"clusterName": "dev", "roleARN": "arn:1"}}
    command = credentials_from_secret(json.dumps(config).encode()).exec_command
    assert command == ("aws", "eks", "get-token", "--output", "json", "--cluster-name", "dev", "--role-arn", "arn:1")


@pytest.mark.parametrize("config", [b"{", b"[]", b'{"tlsClientConfig":{"caData":"*"}}'])
def test_a_config_that_is_not_one_is_told(config: bytes) -> None:
    with pytest.raises(InvalidSpec, match=r"config|caData"):
        credentials_from_secret(config)


def test_nothing_of_the_credentials_is_printed() -> None:
    assert "t0ken" not in repr(ClusterCredentials(bearer_token="t0ken"))


@pytest.mark.parametrize("part", ["tlsClientConfig", "execProviderConfig", "awsAuthConfig"])
def test_a_part_of_the_wrong_type_is_a_bad_secret_and_not_a_crash(part: str) -> None:
    with pytest.raises(InvalidSpec, match=part):
        credentials_from_secret(json.dumps({part: "oops"}).encode())
