"""What an application runs and where it is reached: `status.summary`."""

from collections.abc import Iterable, Mapping
from typing import Any

from gitops.manifest.annotations import EXTERNAL_LINK_PREFIX
from gitops.model.status import AppSummary
from gitops.tree.network_info import is_web_link

NO_ANNOTATIONS: Mapping[str, str] = {}


def summary_of(nodes: Iterable[Mapping[str, Any]], app_annotations: Mapping[str, str] = NO_ANNOTATIONS) -> AppSummary:
    """Images and URLs of a tree's nodes, and the links the application itself is annotated with."""
    images: set[str] = set()
    urls = {link for key, link in app_annotations.items() if key.startswith(EXTERNAL_LINK_PREFIX) and is_web_link(link)}
    for node in nodes:
        images.update(node.get("images", ()))
        urls.update(node.get("networkingInfo", {}).get("externalURLs", ()))
    return AppSummary(external_urls=tuple(sorted(urls)), images=tuple(sorted(images)))
