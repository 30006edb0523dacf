"""A repository as it may be shown: where it is, never how to get in. Pure."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from gitops.model.repository import Repository


def repository_view(repository: Repository, state: Mapping[str, Any] | None = None) -> dict[str, Any]:
    told: dict[str, Any] = {"repo": shown_url(repository.url), "type": repository.type}
    told |= {key: value for key, value in (("name", repository.name), ("project", repository.project)) if value}
    if repository.credentials.insecure:
        told["insecure"] = True
    return {**told, "connectionState": dict(state)} if state else told


def shown_url(url: str) -> str:
    """Without a user and password somebody put into it, and without a query that could hold a token."""
    try:
        parts = urlsplit(url)
    except ValueError:  # such as http://[::1, of which nobody could tell where a password ends
        return "(no valid address)"
    if not parts.scheme:
        return url
    user, separator, host = parts.netloc.rpartition("@")
    kept = f"{user.partition(':')[0]}@{host}" if separator and parts.scheme == "ssh" else host
    return urlunsplit((parts.scheme, kept, parts.path, "", ""))
