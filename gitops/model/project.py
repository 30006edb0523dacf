"""An AppProject: what its applications may use, and who may do what with them."""

from typing import Any

import msgspec

from gitops.model.operation import Recorded


class ProjectDestination(Recorded, frozen=True):
    server: str = ""
    name: str = ""
    namespace: str = ""


class KindPattern(Recorded, frozen=True):
    group: str = ""
    kind: str = ""
    name: str = ""


class ProjectRole(Recorded, frozen=True):
    name: str = ""
    description: str = ""
    policies: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()


class SyncWindow(Recorded, frozen=True):
    kind: str = ""  # allow | deny
    schedule: str = ""  # cron, five fields
    duration: str = ""
    applications: tuple[str, ...] = ()
    namespaces: tuple[str, ...] = ()
    clusters: tuple[str, ...] = ()
    manual_sync: bool = False
    time_zone: str = ""
    use_and_operator: bool = msgspec.field(name="andOperator", default=False)
    description: str = ""
    sync_overrun: bool = False


class ProjectSpec(Recorded, frozen=True):
    source_repos: tuple[str, ...] = ()
    destinations: tuple[ProjectDestination, ...] = ()
    description: str = ""
    roles: tuple[ProjectRole, ...] = ()
    cluster_resource_whitelist: tuple[KindPattern, ...] = ()
    cluster_resource_blacklist: tuple[KindPattern, ...] = ()
    namespace_resource_blacklist: tuple[KindPattern, ...] = ()
    namespace_resource_whitelist: tuple[KindPattern, ...] | None = None  # None: every kind
    sync_windows: tuple[SyncWindow, ...] = ()
    source_namespaces: tuple[str, ...] = ()
    permit_only_project_scoped_clusters: bool = False
    orphaned_resources: dict[str, Any] | None = None


class Project(Recorded, frozen=True):
    name: str = ""
    spec: ProjectSpec = ProjectSpec()
