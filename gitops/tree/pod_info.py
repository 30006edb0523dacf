"""What a pod says about itself in one line: reason, ready containers, restarts, as `kubectl get pods` shows it."""

from collections.abc import Mapping
from fractions import Fraction
from typing import Any

from gitops.model.amounts import milli
from gitops.model.resource import Manifest, is_deleting
from gitops.tree.pod_requests import pod_requests

Status = Mapping[str, Any]

NONE = Fraction(0)

_NOTHING: Mapping[str, Any] = {}


def pod_info(pod: Manifest) -> list[dict[str, str]]:
    """The info items of a pod's node in the tree."""
    spec, status = _part(pod, "spec"), _part(pod, "status")
    ready, total, restarts, reason = _summary(pod, spec, status)
    info = [{"name": "Status Reason", "value": reason}] if reason else []
    info.append({"name": "Node", "value": str(spec.get("nodeName") or "")})
    info.append({"name": "Containers", "value": f"{ready}/{total}"})
    if restarts:
        info.append({"name": "Restart Count", "value": str(restarts)})
    if status.get("phase") not in ("Succeeded", "Failed"):
        requests = pod_requests(pod)
        # In thousandths, memory too: Argo CD's clients divide.
        info += [{"name": name, "value": str(milli(requests.get(name, NONE)))} for name in ("cpu", "memory")]
    return info


def images_of(manifest: Manifest) -> list[str]:
    """The images of a pod's containers, sorted."""
    return sorted({str(each["image"]) for each in _all_containers(_part(manifest, "spec")) if each.get("image")})


def _all_containers(spec: Status) -> list[Status]:
    return [*_items(spec, "initContainers"), *_items(spec, "containers")]


def _summary(pod: Manifest, spec: Status, status: Status) -> tuple[int, int, int, str]:
    reason = str(status.get("reason") or status.get("phase") or "")
    for each in _items(status, "conditions"):
        if each.get("type") == "PodScheduled" and each.get("reason") == "SchedulingGated":
            reason = "SchedulingGated"
    sidecars = {each.get("name") for each in _items(spec, "initContainers") if each.get("restartPolicy") == "Always"}
    total = len(_items(spec, "containers")) + len(sidecars)
    ready, restarts, starting = _init_summary(spec, status, sidecars)
    if starting:
        reason = starting
    if not starting or _is_initialized(status):
        more_ready, more_restarts, running_reason = _main_summary(status, reason)
        ready, restarts, reason = ready + more_ready, restarts + more_restarts, running_reason
    return ready, total, restarts, _final_reason(pod, status, reason)


def _init_summary(spec: Status, status: Status, sidecars: set[Any]) -> tuple[int, int, str]:
    """Ready sidecars, restarts, and where starting has got to; empty once it is through."""
    ready = restarts = 0
    total = len(_items(spec, "initContainers"))
    for position, each in enumerate(_items(status, "initContainerStatuses")):
        restarts += _count(each)
        state = _part(each, "state")
        ended, waiting = _part(state, "terminated"), _part(state, "waiting")
        if "terminated" in state and not ended.get("exitCode"):
            continue
        if each.get("name") in sidecars and each.get("started") is True:
            ready += each.get("ready") is True
            continue
        if "terminated" in state:
            return ready, restarts, "Init:" + _end_reason(ended)
        if waiting.get("reason") and waiting["reason"] != "PodInitializing":
            return ready, restarts, f"Init:{waiting['reason']}"
        return ready, restarts, f"Init:{position}/{total}"
    return ready, restarts, ""


def _main_summary(status: Status, reason: str) -> tuple[int, int, str]:
    ready = restarts = 0
    running = False
    # The first container has the last word, so go backwards.
    for each in reversed(_items(status, "containerStatuses")):
        restarts += _count(each)
        state = _part(each, "state")
        if waiting := _part(state, "waiting").get("reason"):
            reason = str(waiting)
        elif "terminated" in state:
            reason = _end_reason(_part(state, "terminated"))
        elif each.get("ready") is True and "running" in state:
            running = True
            ready += 1
    return ready, restarts, "Running" if reason == "Completed" and running else reason


def _final_reason(pod: Manifest, status: Status, reason: str) -> str:
    if not is_deleting(pod):
        return reason
    if status.get("reason") == "NodeLost":
        return "Unknown"
    return reason if status.get("phase") in ("Succeeded", "Failed") else "Terminating"


def _end_reason(ended: Status) -> str:
    if ended.get("reason"):
        return str(ended["reason"])
    return f"Signal:{ended['signal']}" if ended.get("signal") else f"ExitCode:{ended.get('exitCode', 0)}"


def _is_initialized(status: Status) -> bool:
    return any(
        each.get("type") == "Initialized" and each.get("status") == "True" for each in _items(status, "conditions")
    )


def _count(container: Status) -> int:
    restarts = container.get("restartCount")
    return restarts if isinstance(restarts, int) else 0


def _part(value: Status, name: str) -> Status:
    found = value.get(name)
    return found if isinstance(found, Mapping) else _NOTHING


def _items(value: Status, name: str) -> list[Status]:
    found = value.get(name)
    return [each for each in found if isinstance(each, Mapping)] if isinstance(found, list) else []
