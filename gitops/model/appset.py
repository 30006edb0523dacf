"""An ApplicationSet: generators that make parameters, and a template that makes Applications of them."""

from typing import Any

import msgspec

from gitops.model.operation import Recorded


class AppSetName(msgspec.Struct, frozen=True, order=True):
    """An ApplicationSet's address in the management cluster; also its key in the work queue."""

    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}"


class GitDirectory(Recorded, frozen=True):
    path: str = ""
    exclude: bool = False


class GitFile(Recorded, frozen=True):
    path: str = ""
    exclude: bool = False


class GitGenerator(Recorded, frozen=True):
    repo_url: str = msgspec.field(name="repoURL", default="")
    revision: str = ""
    directories: tuple[GitDirectory, ...] = ()
    files: tuple[GitFile, ...] = ()
    requeue_after_seconds: int | None = None
    path_param_prefix: str = ""
    values: dict[str, str] = {}
    template: dict[str, Any] | None = None


class ListGenerator(Recorded, frozen=True):
    elements: tuple[dict[str, Any], ...] = ()
    template: dict[str, Any] | None = None


class ClusterGenerator(Recorded, frozen=True):
    selector: dict[str, Any] = {}
    values: dict[str, str] = {}
    template: dict[str, Any] | None = None


class AppSetSyncPolicy(Recorded, frozen=True):
    applications_sync: str = ""  # create-only | create-update | create-delete | sync
    preserve_resources_on_deletion: bool = False


class PreservedFields(Recorded, frozen=True):
    annotations: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()


class AppSetSpec(Recorded, frozen=True):
    generators: tuple[dict[str, Any], ...] = ()  # one generator each; typed in gitops.appset.generators
    template: dict[str, Any] = {}
    go_template: bool = False
    go_template_options: tuple[str, ...] = ()
    sync_policy: AppSetSyncPolicy = AppSetSyncPolicy()
    preserved_fields: PreservedFields = PreservedFields()
    strategy: dict[str, Any] | None = None
    template_patch: str | None = None


class AppSet(Recorded, frozen=True):
    namespace: str = ""
    name: str = ""
    uid: str = ""
    deleting: bool = False
    spec: AppSetSpec = AppSetSpec()
