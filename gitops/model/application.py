"""An Application: what should run where, from which source, under which policy.

The structs read the `argoproj.io/v1alpha1` custom resource's JSON. Fields we do not know are not
carried: we never write a spec back from these values, only from the user's own JSON.
"""

from typing import Any

import msgspec

from gitops.model.operation import Operation, RetryStrategy
from gitops.model.status import AppStatus


class Value(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True):
    """Base of what mirrors a part of a custom resource: frozen, camelCase, empty fields left out."""


class AppName(msgspec.Struct, frozen=True, order=True):
    """An Application's address in the management cluster; also its key in the work queue."""

    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}"


class HelmParameter(Value, frozen=True):
    name: str = ""
    value: str = ""
    force_string: bool = False


class HelmFileParameter(Value, frozen=True):
    name: str = ""
    path: str = ""


class HelmSource(Value, frozen=True):
    value_files: tuple[str, ...] = ()
    parameters: tuple[HelmParameter, ...] = ()
    file_parameters: tuple[HelmFileParameter, ...] = ()
    release_name: str = ""
    values: str = ""
    values_object: dict[str, Any] | None = None
    version: str = ""
    pass_credentials: bool = False
    ignore_missing_value_files: bool = False
    skip_crds: bool = False
    skip_tests: bool = False
    skip_schema_validation: bool = False
    namespace: str = ""
    kube_version: str = ""
    api_versions: tuple[str, ...] = ()


class KustomizeReplica(Value, frozen=True):
    name: str = ""
    count: int | str = 0


class KustomizeSource(Value, frozen=True):
    name_prefix: str = ""
    name_suffix: str = ""
    images: tuple[str, ...] = ()
    common_labels: dict[str, str] = {}
    common_annotations: dict[str, str] = {}
    force_common_labels: bool = False
    force_common_annotations: bool = False
    common_annotations_envsubst: bool = False
    label_without_selector: bool = False
    label_include_templates: bool = False
    namespace: str = ""
    replicas: tuple[KustomizeReplica, ...] = ()
    patches: tuple[dict[str, Any], ...] = ()
    components: tuple[str, ...] = ()
    ignore_missing_components: bool = False
    version: str = ""
    kube_version: str = ""
    api_versions: tuple[str, ...] = ()


class KustomizeSettings(msgspec.Struct, frozen=True):
    """What argocd-cm says about Kustomize, by `kustomize.version` of a source; empty is the default version."""

    build_options: tuple[tuple[str, str], ...] = ()
    paths: tuple[tuple[str, str], ...] = ()  # of further versions' programs


class JsonnetVar(Value, frozen=True):
    name: str = ""
    value: str = ""
    code: bool = False


class JsonnetOptions(Value, frozen=True):
    ext_vars: tuple[JsonnetVar, ...] = ()
    tlas: tuple[JsonnetVar, ...] = ()
    libs: tuple[str, ...] = ()


class DirectorySource(Value, frozen=True):
    recurse: bool = False
    jsonnet: JsonnetOptions = JsonnetOptions()
    exclude: str = ""
    include: str = ""


class Source(Value, frozen=True):
    repo_url: str = msgspec.field(name="repoURL", default="")
    path: str = ""
    target_revision: str = ""
    chart: str = ""
    ref: str = ""
    name: str = ""
    helm: HelmSource | None = None
    kustomize: KustomizeSource | None = None
    directory: DirectorySource | None = None
    plugin: dict[str, Any] | None = None


class Destination(Value, frozen=True):
    server: str = ""
    name: str = ""
    namespace: str = ""


class Automated(Value, frozen=True):
    prune: bool = False
    self_heal: bool = False
    allow_empty: bool = False
    enabled: bool | None = None

    @property
    def syncs_new_commits(self) -> bool:
        return self.enabled is not False


class ManagedNamespaceMetadata(Value, frozen=True):
    labels: dict[str, str] = {}
    annotations: dict[str, str] = {}


class SyncPolicy(Value, frozen=True):
    automated: Automated | None = None
    sync_options: tuple[str, ...] = ()
    retry: RetryStrategy | None = None
    managed_namespace_metadata: ManagedNamespaceMetadata | None = None


class IgnoreDifference(Value, frozen=True):
    group: str = ""
    kind: str = ""
    name: str = ""
    namespace: str = ""
    json_pointers: tuple[str, ...] = ()
    jq_path_expressions: tuple[str, ...] = msgspec.field(name="jqPathExpressions", default=())
    managed_fields_managers: tuple[str, ...] = ()


class AppSpec(Value, frozen=True):
    project: str = "default"
    source: Source | None = None
    sources: tuple[Source, ...] = ()
    destination: Destination = Destination()
    sync_policy: SyncPolicy | None = None
    ignore_differences: tuple[IgnoreDifference, ...] = ()
    revision_history_limit: int | None = None

    @property
    def all_sources(self) -> tuple[Source, ...]:
        """`sources` overrides `source`, as in Argo CD."""
        return self.sources or ((self.source,) if self.source else ())

    @property
    def automated(self) -> Automated | None:
        return self.sync_policy.automated if self.sync_policy else None

    @property
    def sync_options(self) -> tuple[str, ...]:
        return self.sync_policy.sync_options if self.sync_policy else ()


class AppMetadata(Value, frozen=True):
    name: str = ""
    namespace: str = ""
    uid: str = ""
    resource_version: str = ""
    generation: int = 0
    creation_timestamp: str = ""
    deletion_timestamp: str | None = None
    labels: dict[str, str] = {}
    annotations: dict[str, str] = {}
    finalizers: tuple[str, ...] = ()
    owner_references: tuple[dict[str, Any], ...] = ()


class Application(Value, frozen=True):
    metadata: AppMetadata = AppMetadata()
    spec: AppSpec = AppSpec()
    status: AppStatus = AppStatus()
    operation: Operation | None = None

    @property
    def key(self) -> AppName:
        return AppName(self.metadata.namespace, self.metadata.name)
