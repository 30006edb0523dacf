"""How traffic reaches and leaves an object: addresses, targets, links, for the network view and the summary."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from gitops.manifest.annotations import IGNORE_DEFAULT_LINKS, annotation, external_links
from gitops.model.resource import GroupKind, Manifest, group_kind_of, labels_of, namespace_of

_NOTHING: Mapping[str, Any] = {}


def network_info(manifest: Manifest) -> dict[str, Any]:
    """`networkingInfo` of a node; empty when there is nothing to say."""
    reader = _READERS.get(group_kind_of(manifest))
    found = reader(manifest) if reader else {}
    links = [link for link in external_links(manifest) if is_web_link(link)]
    if annotation(manifest, IGNORE_DEFAULT_LINKS) != "true":
        links += found.get("externalURLs", [])
    found["externalURLs"] = sorted(set(links))
    return {key: value for key, value in found.items() if value}


def is_web_link(link: str) -> bool:
    """A link annotation is a URL or `title|URL`; anything but http(s) could run a script in a browser."""
    return link.rpartition("|")[2].strip().lower().startswith(("http://", "https://"))


def _pod(manifest: Manifest) -> dict[str, Any]:
    return {"labels": dict(labels_of(manifest))}


def _service(manifest: Manifest) -> dict[str, Any]:
    spec = _part(manifest, "spec")
    balanced = spec.get("type") == "LoadBalancer"
    return {"targetLabels": dict(_part(spec, "selector")), "ingress": _addresses(manifest) if balanced else []}


def _ingress(manifest: Manifest) -> dict[str, Any]:
    spec = _part(manifest, "spec")
    addresses = _addresses(manifest)
    services: dict[str, None] = {}
    urls: set[str] = set()
    _add_backend(services, _part(spec, "defaultBackend") or _part(spec, "backend"))
    secured = _secured_hosts(spec)
    for rule in _items(spec, "rules"):
        host = rule.get("host") or next((each.get("hostname") or each.get("ip") for each in addresses), "")
        for path in _items(_part(rule, "http"), "paths"):
            _add_backend(services, _part(path, "backend"))
            if host:
                scheme = "https" if secured is None or host in secured else "http"
                urls.add(f"{scheme}://{host}{str(path.get('path') or '').removesuffix('*')}")
    namespace = namespace_of(manifest)
    targets = [{"kind": "Service", "namespace": namespace, "name": name} for name in sorted(services)]
    return {"targetRefs": targets, "ingress": addresses, "externalURLs": sorted(urls)}


def _add_backend(services: dict[str, None], backend: Mapping[str, Any]) -> None:
    name = _part(backend, "service").get("name") or backend.get("serviceName")
    if name:
        services[str(name)] = None


def _secured_hosts(spec: Mapping[str, Any]) -> set[str] | None:
    """Hosts served over TLS; None means all of them."""
    entries = _items(spec, "tls")
    # A certificate makes every host secure, as Argo CD has it: which hosts it is for is not in the Ingress.
    if any(each.get("secretName") for each in entries):
        return None
    return {str(host) for each in entries for host in each.get("hosts") or []}


def _route(manifest: Manifest) -> dict[str, Any]:
    spec, namespace = _part(manifest, "spec"), namespace_of(manifest)
    backends = (each for rule in _items(spec, "rules") for each in _items(rule, "backendRefs"))
    targets = [
        *(_reference(each, namespace, "gateway.networking.k8s.io", "Gateway") for each in _items(spec, "parentRefs")),
        *(_reference(each, namespace, "", "Service") for each in backends),
    ]
    return {"targetRefs": _unique(targets)}


def _reference(found: Mapping[str, Any], namespace: str, group: str, kind: str) -> dict[str, str]:
    reference = {
        "group": str(found.get("group") or group),
        "kind": str(found.get("kind") or kind),
        "namespace": str(found.get("namespace") or namespace),
        "name": str(found.get("name") or ""),
    }
    return {key: value for key, value in reference.items() if value}


def _unique(references: Iterable[dict[str, str]]) -> list[dict[str, str]]:
    return [dict(each) for each in sorted({tuple(sorted(each.items())) for each in references})]


def _gateway(manifest: Manifest) -> dict[str, Any]:
    addresses = [
        {"hostname" if each.get("type") == "Hostname" else "ip": str(each["value"])}
        for each in _items(_part(manifest, "status"), "addresses")
        if each.get("value")
    ]
    urls: set[str] = set()
    for listener in _items(_part(manifest, "spec"), "listeners"):
        named = listener.get("hostname")
        hosts = [named] if named and named != "*" else [next(iter(each.values())) for each in addresses]
        urls.update(_listener_url(str(host), listener) for host in hosts)
    return {"ingress": addresses, "externalURLs": sorted(urls)}


def _listener_url(host: str, listener: Mapping[str, Any]) -> str:
    scheme = "https" if listener.get("protocol") in ("HTTPS", "TLS") else "http"
    port = listener.get("port")
    usual = port == (443 if scheme == "https" else 80)
    return f"{scheme}://{host}" if usual else f"{scheme}://{host}:{port}"


def _addresses(manifest: Manifest) -> list[dict[str, str]]:
    entries = _items(_part(_part(manifest, "status"), "loadBalancer"), "ingress")
    return [
        {"hostname": str(each["hostname"])} if each.get("hostname") else {"ip": str(each["ip"])}
        for each in entries
        if each.get("hostname") or each.get("ip")
    ]


def _part(value: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = value.get(name)
    return found if isinstance(found, Mapping) else _NOTHING


def _items(value: Mapping[str, Any], name: str) -> list[Mapping[str, Any]]:
    found = value.get(name)
    return [each for each in found if isinstance(each, Mapping)] if isinstance(found, list) else []


_READERS: Mapping[GroupKind, Callable[[Manifest], dict[str, Any]]] = {
    GroupKind("", "Pod"): _pod,
    GroupKind("", "Service"): _service,
    GroupKind("networking.k8s.io", "Ingress"): _ingress,
    GroupKind("extensions", "Ingress"): _ingress,
    GroupKind("gateway.networking.k8s.io", "Gateway"): _gateway,
    GroupKind("gateway.networking.k8s.io", "HTTPRoute"): _route,
    GroupKind("gateway.networking.k8s.io", "GRPCRoute"): _route,
    GroupKind("gateway.networking.k8s.io", "TCPRoute"): _route,
    GroupKind("gateway.networking.k8s.io", "TLSRoute"): _route,
    GroupKind("gateway.networking.k8s.io", "UDPRoute"): _route,
}
