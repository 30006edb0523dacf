"""What a pod asks for, counted as Kubernetes counts it and shown as Argo CD shows it."""

from typing import Any

import pytest

from gitops.tree.pod_info import pod_info


def container(cpu: str = "", memory: str = "", **rest: Any) -> dict[str, Any]:
    requests = {name: value for name, value in (("cpu", cpu), ("memory", memory)) if value}
    return {"name": "c", "resources": {"requests": requests}, **rest}


def shown(spec: dict[str, Any], **status: Any) -> tuple[str, str] | None:
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "x"}, "spec": spec, "status": status}
    info = {each["name"]: each["value"] for each in pod_info(pod)}
    return (info["cpu"], info["memory"]) if "cpu" in info else None


SIDECAR = {"restartPolicy": "Always"}


@pytest.mark.parametrize(
    ("spec", "cpu", "memory"),
    [
        ({"containers": [container()]}, "0", "0"),
        ({"containers": [container("250m", "64Mi"), container("1", "1k")]}, "1250", "67109864000"),
        ({"containers": [container("1e2", "0.5")]}, "100000", "500"),
        ({"containers": [container("100u")]}, "1", "0"),  # rounded up
        ({"containers": [container("1")], "initContainers": [container("3"), container("2")]}, "3000", "0"),
        ({"containers": [container("1")], "initContainers": [container("1", **SIDECAR)]}, "2000", "0"),
        ({"containers": [container("1")], "initContainers": [container("1", **SIDECAR), container("3")]}, "4000", "0"),
        ({"containers": [container("1")], "overhead": {"cpu": "250m"}}, "1250", "0"),
        ({"containers": [container("1")], "resources": {"requests": {"cpu": "2"}}}, "2000", "0"),
        ({"containers": [container("much", "²")]}, "0", "0"),
    ],
)
def test_requests_are_counted_in_thousandths(spec: dict[str, Any], cpu: str, memory: str) -> None:
    assert shown(spec, phase="Pending") == (cpu, memory)


def test_a_container_that_is_being_resized_counts_with_what_it_still_has() -> None:
    had = {"name": "c", "resources": {"requests": {"cpu": "2"}}}
    assert shown({"containers": [container("1")]}, phase="Running", containerStatuses=[had]) == ("2000", "0")


@pytest.mark.parametrize("phase", ["Succeeded", "Failed"])
def test_a_pod_that_has_ended_asks_for_nothing(phase: str) -> None:
    assert shown({"containers": [container("1")]}, phase=phase) is None
