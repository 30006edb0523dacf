"""Real control planes on this machine: etcd, API server, controllers and scheduler by kwokctl's binary runtime.

Only the kubelet is played (by kwok), so pods become ready in about a second. All files lie below one
folder and all ports are bound to loopback; several sets run side by side, each with a folder of its own.
"""

import json
import os
import shutil
import subprocess
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import msgspec

from tiphys.local import processes
from tiphys.local.errors import LocalError, NotStarted, PortTaken
from tiphys.local.layout import write_private
from tiphys.local.ports import free_ports, is_free
from tiphys.local.processes import Process
from tiphys.local.progress import Say, silent, step
from tiphys.local.tools import KUBERNETES

# What a cluster has room for: 110 pods a node, and an address for each Service. Nodes that kwok plays cost nothing
# to make; a thousand applications on two nodes and Kubernetes' default /24 of addresses would never become healthy.
NODES = 12
SERVICE_ADDRESSES = "10.96.0.0/16"
# How kwokctl's configuration calls each port a control plane listens on.
PORTS = (
    "kubeApiserverPort",
    "etcdPort",
    "etcdPeerPort",
    "kubeControllerManagerPort",
    "kubeSchedulerPort",
    "kwokControllerPort",
)
BINARIES = {
    "etcdBinary": "etcd",
    "kubeApiserverBinary": "kube-apiserver",
    "kubeControllerManagerBinary": "kube-controller-manager",
    "kubeSchedulerBinary": "kube-scheduler",
    "kwokControllerBinary": "kwok",
    "kubectlBinary": "kubectl",
}
COMPONENTS = ("etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler", "kwok-controller")

# Left alone, the controller manager asks its API server 20 times a second at most, so that 200 rollouts take
# 47 s whoever wants them. It is there to protect a server that many share; here there is one of each.
UNTHROTTLED = {"kube-api-qps": "200", "kube-api-burst": "400"}


class ControlPlanes(msgspec.Struct, frozen=True):
    """A set of clusters below one folder, each with a kubeconfig of its own."""

    folder: Path
    kubeconfigs: Path
    binaries: Mapping[str, Path]
    durable: bool = True  # False: survive no power cut, for tests
    stock: bool = False  # True: with the controller manager's own limits, to measure against others
    say: Say = silent

    def kubeconfig(self, name: str) -> Path:
        return self.kubeconfigs / f"{name}.yaml"

    def exists(self, name: str) -> bool:
        return self._home(name).joinpath("ready").exists()

    def start_all(self, names: Iterable[str]) -> None:
        """Bring all of them up, made or started again as needed, at the same time."""
        with ThreadPoolExecutor(max_workers=8) as pool:
            for done in [pool.submit(self.start, name) for name in names]:
                done.result()

    def start(self, name: str) -> None:
        if self.exists(name):
            self._start_again(name)
        else:
            self._create(name)

    def running(self, name: str) -> list[Process]:
        """The components that run. A pid counts only if its command is this very cluster's binary."""
        found = []
        for file in sorted((self._kwok(name) / "pids").glob("*.pid")):
            pid = int(file.read_text().strip() or 0)
            process = processes.identify(pid) if pid else None
            if process and processes.command_line(pid).startswith(str(self._kwok(name) / "bin")):
                found.append(process)
        return found

    def stop(self, name: str) -> None:
        """Stop a cluster and keep its data."""
        running = self.running(name)
        stores = [process for process in running if "/bin/etcd" in processes.command_line(process.pid)]
        # Only etcd holds anything; the others would wait ten seconds for each other's watches to end.
        processes.kill(process for process in running if process not in stores)
        processes.stop(stores, grace=5.0)
        self._forget_pids(name)

    def delete(self, name: str) -> None:
        processes.kill(self.running(name))
        shutil.rmtree(self._home(name), ignore_errors=True)
        self.kubeconfig(name).unlink(missing_ok=True)

    def _create(self, name: str) -> None:
        with step(self.say, f"cluster {name}"):
            for last in (False, True):
                self.delete(name)
                try:
                    self._create_once(name)
                    return
                except NotStarted:
                    # Most likely somebody took one of the ports in between.
                    if last:
                        raise

    def _create_once(self, name: str) -> None:
        ports = dict(zip(PORTS, free_ports(len(PORTS)), strict=True))
        write_private(self._home(name) / "ports.json", json.dumps(ports))
        configuration = self._home(name) / "kwokctl.json"
        write_private(
            configuration, json.dumps(configuration_of(self.binaries, ports, durable=self.durable, stock=self.stock))
        )
        self._kwokctl(name, "--config", str(configuration), "create", "cluster", "--wait", "90s")
        self._kwokctl(name, "scale", "node", "--replicas", str(NODES))
        self._check_all_run(name)
        for key in (self._kwok(name) / "pki").glob("*.key"):
            key.chmod(0o600)
        (self._home(name) / "ready").touch(mode=0o600)

    def _check_all_run(self, name: str) -> None:
        """kwokctl waits for the API server alone; a controller that found its port taken would be missed much later."""
        commands = " ".join(processes.command_line(process.pid) for process in self.running(name))
        if missing := [component for component in COMPONENTS if f"/bin/{component} " not in f"{commands} "]:
            raise NotStarted(
                f"cluster {name} came up without {', '.join(missing)}; its logs: {self._kwok(name) / 'logs'}"
            )

    def _start_again(self, name: str) -> None:
        if len(self.running(name)) == len(COMPONENTS):
            return
        with step(self.say, f"cluster {name}, started again"):
            self.stop(name)
            taken = [port for port in self._ports(name).values() if not is_free(port)]
            if taken:
                raise PortTaken(
                    f"cluster {name} is bound to port {taken[0]} of this machine, which something else uses now; "
                    "stop that, or run `make clean` and `make up` for new clusters"
                )
            self._kwokctl(name, "start", "cluster", "--wait", "90s")
            self._check_all_run(name)

    def _kwokctl(self, name: str, *arguments: str) -> None:
        command = [str(self.binaries["kwokctl"]), "--name", name, *arguments]
        environment = {
            **os.environ,
            "KWOK_WORKDIR": str(self._home(name)),
            "KUBECONFIG": str(self.kubeconfig(name)),
            # kwokctl asks kubectl whether a cluster is ready, and would fetch one it does not find.
            "PATH": f"{self.binaries['kubectl'].parent}{os.pathsep}{os.environ.get('PATH', '')}",
        }
        try:
            ran = subprocess.run(
                command, env=environment, capture_output=True, text=True, timeout=150, umask=0o077, check=False
            )
        except subprocess.TimeoutExpired as error:
            raise NotStarted(f"cluster {name}: `kwokctl {arguments[-3]}` took more than 150 s") from error
        if ran.returncode != 0:
            raise NotStarted(
                f"cluster {name} did not come up: {ran.stderr.strip()[-1500:]}\nits logs: {self._kwok(name) / 'logs'}"
            )

    def _home(self, name: str) -> Path:
        return self.folder / name

    def _kwok(self, name: str) -> Path:
        """kwokctl's own folder of a cluster, below its working directory."""
        return self._home(name) / "clusters" / name

    def _ports(self, name: str) -> dict[str, int]:
        found: dict[str, int] = json.loads((self._home(name) / "ports.json").read_text())
        return found

    def _forget_pids(self, name: str) -> None:
        # kwokctl believes these files: after a restart of the machine they may name strangers.
        for file in (self._kwok(name) / "pids").glob("*.pid"):
            file.unlink()


def configuration_of(
    binaries: Mapping[str, Path], ports: Mapping[str, int], *, durable: bool, stock: bool = False
) -> dict[str, Any]:
    """What kwokctl is told: our binaries, our ports, loopback only."""
    missing = [name for name in BINARIES.values() if name not in binaries]
    if missing:
        raise LocalError(f"no binary of {', '.join(missing)}")
    return {
        "apiVersion": "config.kwok.x-k8s.io/v1alpha1",
        "kind": "KwokctlConfiguration",
        "options": {
            "runtime": "binary",
            "bindAddress": "127.0.0.1",
            "kubeVersion": KUBERNETES,
            **{option: str(binaries[name]) for option, name in BINARIES.items()},
            **ports,
        },
        "componentsPatches": [
            _with_arguments("kube-apiserver", {"service-cluster-ip-range": SERVICE_ADDRESSES}),
            *([] if durable else [_with_arguments("etcd", {"unsafe-no-fsync": "true"})]),
            *([] if stock else [_with_arguments("kube-controller-manager", UNTHROTTLED)]),
        ],
    }


def _with_arguments(component: str, arguments: Mapping[str, str]) -> dict[str, Any]:
    return {"name": component, "extraArgs": [{"key": key, "value": value} for key, value in arguments.items()]}
