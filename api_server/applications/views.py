"""The bodies that application routes take, as Argo CD's clients write them.

A field that is not known is refused: a misspelt `dryRun` must not become a real sync.
"""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field
from pydantic.alias_generators import to_camel


def _items(value: Any) -> Any:
    """Go's SyncOptions is {"items": [...]}; a bare list is taken as well."""
    return value.get("items") or [] if isinstance(value, dict) else value or []


class Body(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, extra="forbid", frozen=True)

    name: str = ""  # repeated from the path by Argo CD's clients; the path is what counts
    app_namespace: str = ""
    project: str = ""


class ResourceView(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    group: str = ""
    kind: str = Field(min_length=1)
    name: str = Field(min_length=1)
    namespace: str = ""
    exclude: bool = False


class ForceView(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    force: bool = False


class StrategyView(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    apply: ForceView | None = None
    hook: ForceView | None = None


class InfoView(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    value: str = ""


class BackoffView(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, extra="forbid", frozen=True)

    duration: str = ""
    factor: int | None = None
    max_duration: str = ""


class RetryView(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    limit: int = 0
    backoff: BackoffView | None = None
    refresh: bool = False


class SyncRequest(Body):
    """POST …/sync."""

    revision: str = ""
    dry_run: bool = False
    prune: bool = False
    strategy: StrategyView | None = None
    resources: tuple[ResourceView, ...] | None = None
    manifests: tuple[str, ...] | None = None
    infos: tuple[InfoView, ...] | None = None
    retry_strategy: RetryView | None = None
    sync_options: Annotated[tuple[str, ...], BeforeValidator(_items)] = ()
    source_positions: tuple[int, ...] | None = None
    revisions: tuple[str, ...] | None = None


class RollbackRequest(Body):
    """POST …/rollback."""

    id: int = -1
    dry_run: bool = False
    prune: bool = False


class PatchRequest(Body):
    """PATCH of an application: the patch itself is text, as in Argo CD."""

    patch: str
    patch_type: Literal["json", "merge", ""] = "json"
