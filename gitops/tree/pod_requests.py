"""What a pod asks its node for, as the scheduler counts it: containers together, or the largest start-up step."""

from collections.abc import Mapping
from fractions import Fraction
from typing import Any

from gitops.model.amounts import amount_of
from gitops.model.resource import Manifest

Requests = dict[str, Fraction]

_NOTHING: Mapping[str, Any] = {}


def pod_requests(pod: Manifest) -> Requests:
    spec, status = _part(pod, "spec"), _part(pod, "status")
    running = _sum(_of_container(each, _items(status, "containerStatuses")) for each in _items(spec, "containers"))
    sidecars: Requests = {}
    largest: Requests = {}
    for each in _items(spec, "initContainers"):
        own = _of_container(each, _items(status, "initContainerStatuses"))
        if each.get("restartPolicy") == "Always":
            sidecars = step = _sum((sidecars, own))
        else:
            step = _sum((sidecars, own))
        largest = _largest(largest, step)
    counted = _largest(_sum((running, sidecars)), largest)
    # What is asked for the pod as a whole stands in the place of what its containers ask for.
    whole = {**counted, **_amounts(_part(_part(spec, "resources"), "requests"))}
    return _sum((whole, _amounts(_part(spec, "overhead"))))


def _of_container(container: Mapping[str, Any], statuses: list[Mapping[str, Any]]) -> Requests:
    """As it is wanted or, while it is being resized, as much as it still has."""
    wanted = _amounts(_part(_part(container, "resources"), "requests"))
    status = next((each for each in statuses if each.get("name") == container.get("name")), _NOTHING)
    return _largest(wanted, _amounts(_part(_part(status, "resources"), "requests")))


def _amounts(found: Mapping[str, Any]) -> Requests:
    return {str(name): amount for name, value in found.items() if (amount := amount_of(value)) is not None}


def _sum(parts: Any) -> Requests:
    total: Requests = {}
    for part in parts:
        for name, amount in part.items():
            total[name] = total.get(name, Fraction(0)) + amount
    return total


def _largest(one: Requests, other: Requests) -> Requests:
    return {name: max(one.get(name, Fraction(0)), other.get(name, Fraction(0))) for name in one.keys() | other.keys()}


def _part(value: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = value.get(name)
    return found if isinstance(found, Mapping) else _NOTHING


def _items(value: Mapping[str, Any], name: str) -> list[Mapping[str, Any]]:
    found = value.get(name)
    return [each for each in found if isinstance(each, Mapping)] if isinstance(found, list) else []
