"""Health of what leads traffic: Service, Ingress, the Gateway API."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from gitops.health.conditions import by_condition
from gitops.health.verdicts import HEALTHY, degraded, healthy, part, progressing, whole_number
from gitops.model.resource import Condition, Manifest, conditions_in
from gitops.model.status import Health


def _has_address(manifest: Manifest) -> bool:
    return bool(part(part(manifest, "status"), "loadBalancer").get("ingress"))


def service(manifest: Manifest) -> Health:
    waits = part(manifest, "spec").get("type") == "LoadBalancer" and not _has_address(manifest)
    return progressing() if waits else HEALTHY


def ingress(manifest: Manifest) -> Health:
    return HEALTHY if _has_address(manifest) else progressing()


gateway_class = by_condition("Accepted")


def gateway(manifest: Manifest) -> Health:
    """The gateway itself, then each of its listeners."""
    status, generation = part(manifest, "status"), _generation(manifest)
    own = _current(status, generation)
    if own is None:
        return progressing("Waiting for the gateway's controller to see the newest spec")
    if trouble := _trouble(own, ""):
        return trouble
    heard = list(own)
    for each in _listed(status, "listeners"):
        conditions = _current(each, generation) or ()
        if trouble := _trouble(conditions, f"Listener {each.get('name', '')}: "):
            return trouble
        heard += conditions
    return healthy() if _says_yes(heard) else progressing("Waiting for the gateway's controller")


def route(manifest: Manifest) -> Health:
    """As well as the worst of the gateways that have seen the newest spec; one that has not is passed over."""
    generation = _generation(manifest)
    heard: list[Condition] = []
    for each in _listed(part(manifest, "status"), "parents"):
        conditions = _current(each, generation)
        if not conditions:
            continue
        heard += conditions
        if trouble := _trouble(conditions, f"Parent {part(each, 'parentRef').get('name', '')}: "):
            return trouble
    return healthy() if _says_yes(heard) else progressing("Waiting for a gateway to see the newest spec")


def _generation(manifest: Manifest) -> int:
    return whole_number(part(manifest, "metadata"), "generation")


def _listed(status: Mapping[str, Any], name: str) -> Iterator[Mapping[str, Any]]:
    found = status.get(name)
    yield from (each for each in found if isinstance(each, Mapping)) if isinstance(found, list) else ()


def _current(part_of_status: Mapping[str, Any], generation: int) -> tuple[Condition, ...] | None:
    """Its conditions; None if one of them is about another spec than the newest."""
    found = conditions_in(part_of_status)
    stale = any(each.observed_generation not in (None, generation) for each in found) and generation
    return None if stale else found


def _says_yes(conditions: Iterable[Condition]) -> bool:
    """Whether anything is known to be well at all."""
    return any(each.status == "True" for each in conditions)


def _trouble(conditions: tuple[Condition, ...], where: str) -> Health | None:
    known = {each.type: each for each in conditions}
    for kind in ("ResolvedRefs", "Accepted"):
        if (found := known.get(kind)) and found.status == "False":
            return degraded(f"{where}{found.message or found.reason or kind}")
    for kind in ("Programmed", "Accepted", "ResolvedRefs"):
        if (found := known.get(kind)) and found.status != "True":
            return progressing(f"{where}{found.message or found.reason or kind}")
    return None
