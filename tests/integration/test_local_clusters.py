"""Control planes of our own: made, stopped with their data kept, started again, deleted."""

import ipaddress
import json
import os
import socket
from pathlib import Path
from typing import Any

import pytest

from adapters.kube.client import KubeClient
from adapters.kube.credentials import cluster_from_kubeconfig
from adapters.store.clusters import cluster_of
from adapters.store.kinds import SECRETS
from gitops.model.errors import GitOpsError
from tests.fixtures.control_plane import ControlPlane
from tiphys.local import cluster_add, processes
from tiphys.local.clusters import COMPONENTS, SERVICE_ADDRESSES, ControlPlanes
from tiphys.local.errors import NotStarted, PortTaken

pytestmark = pytest.mark.integration


def test_a_cluster_keeps_its_data_over_a_stop_and_leaves_nothing_when_deleted(
    tmp_path: Path, tool_binaries: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    # A machine without any kubectl of its own: kwokctl would go and fetch one.
    monkeypatch.setenv("PATH", "/nowhere")
    before = os.environ.get("KUBECONFIG")
    planes = ControlPlanes(tmp_path / "c", tmp_path / "k", tool_binaries)
    plane = ControlPlane(planes.kubeconfig("one"), tool_binaries["kubectl"])
    try:
        planes.start("one")
        first = planes.running("one")
        assert len(first) == len(COMPONENTS)
        plane.kubectl("create", "configmap", "kept", "--from-literal=a=b")

        planes.start("one")  # runs already
        assert planes.running("one") == first

        planes.stop("one")
        assert planes.running("one") == []
        assert not any(processes.is_alive(process) for process in first)

        planes.start("one")
        kept = plane.get("configmap", "kept")
        assert kept is not None
        assert kept["data"] == {"a": "b"}
        secret_files = [*tmp_path.rglob("*.key"), planes.kubeconfig("one")]
        assert {file.stat().st_mode & 0o077 for file in secret_files} == {0}
    finally:
        last = planes.running("one")
        planes.delete("one")
    assert not any(processes.is_alive(process) for process in last)
    assert not (tmp_path / "c" / "one").exists()
    assert os.environ.get("KUBECONFIG") == before


def test_a_cluster_without_one_of_its_components_did_not_come_up(
    tmp_path: Path, tool_binaries: dict[str, Path]
) -> None:
    broken = tmp_path / "kube-scheduler"
    # kwokctl asks for the version first; only what is to stay is missing.
    real = tool_binaries["kube-scheduler"]
    broken.write_text(f'#!/bin/sh\ncase "$*" in *kubeconfig*) exit 1 ;; esac\nexec {real} "$@"\n')
    broken.chmod(0o755)
    planes = ControlPlanes(tmp_path / "c", tmp_path / "k", {**tool_binaries, "kube-scheduler": broken})
    try:
        with pytest.raises(NotStarted, match="came up without kube-scheduler"):
            planes.start("one")
    finally:
        planes.delete("one")


def test_a_thousand_applications_find_room(control_plane: ControlPlane, fresh_namespace: str) -> None:
    """A pod and a Service for each: the addresses of Services and the nodes' places for pods suffice."""
    control_plane.apply(*(_service(fresh_namespace, number) for number in range(300)))
    nodes = json.loads(control_plane.kubectl("get", "nodes", "-o", "json"))["items"]
    places = sum(int(node["status"]["allocatable"]["pods"]) for node in nodes)
    addresses = ipaddress.ip_network(SERVICE_ADDRESSES).num_addresses
    services = json.loads(control_plane.kubectl("-n", fresh_namespace, "get", "services", "-o", "json"))["items"]
    assert len({service["spec"]["clusterIP"] for service in services}) == 300
    assert places > 1_000
    assert addresses > 1_000


def _service(namespace: str, number: int) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": f"svc-{number}", "namespace": namespace},
        "spec": {"ports": [{"port": 80}]},
    }


def test_pids_of_an_earlier_life_of_the_machine_are_not_believed(tmp_path: Path) -> None:
    planes = ControlPlanes(tmp_path / "c", tmp_path / "k", {})
    pids = tmp_path / "c" / "one" / "clusters" / "one" / "pids"
    pids.mkdir(parents=True)
    (pids / "etcd.pid").write_text(f"{os.getpid()}\n")  # a stranger: this very test
    assert planes.running("one") == []
    planes.stop("one")
    assert not (pids / "etcd.pid").exists()


def test_a_taken_port_is_named_instead_of_waited_for(tmp_path: Path) -> None:
    planes = ControlPlanes(tmp_path / "c", tmp_path / "k", {})
    home = tmp_path / "c" / "one"
    home.mkdir(parents=True)
    (home / "ready").touch()
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        (home / "ports.json").write_text(json.dumps({"etcdPort": port}))
        with pytest.raises(PortTaken, match=str(port)):
            planes.start("one")


async def test_a_registered_cluster_is_reached_with_its_own_token(
    control_plane: ControlPlane, fresh_namespace: str
) -> None:
    config = control_plane.kubeconfig
    registered = await cluster_add.register_cluster(config, "", "dev", config, fresh_namespace)
    assert registered.name == "dev"
    async with KubeClient.for_cluster(cluster_from_kubeconfig(config)) as mgmt:
        (secret,) = (await mgmt.list(SECRETS, namespace=fresh_namespace)).items
    assert secret["metadata"]["labels"] == {"argocd.argoproj.io/secret-type": "cluster"}
    read_back = cluster_of(secret)
    assert read_back.server == registered.server
    # Only the token counts from here on: no client certificate went along.
    assert not read_back.credentials.cert_data
    async with KubeClient.for_cluster(read_back) as client:
        assert (await client.version()).startswith("v1.34")
        assert (await client.list(SECRETS, namespace="kube-system")).items
    again = await cluster_add.register_cluster(config, "", "dev", config, fresh_namespace)
    assert again.credentials.bearer_token == registered.credentials.bearer_token
    without_token = cluster_of({**secret, "data": {**secret["data"], "config": "e30="}})
    async with KubeClient.for_cluster(without_token) as client:
        with pytest.raises(GitOpsError):
            await client.list(SECRETS, namespace="kube-system")
