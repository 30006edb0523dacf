"""Sync options: how objects are written, said for an application and overruled by single objects.

Argo CD's names and meanings, with two defaults of our own: server-side apply is on, and an object that
does not differ is never written (`apply_out_of_sync_only` goes further: such objects are not awaited either).
"""

from collections.abc import Callable, Iterable, Mapping
from enum import Enum
from typing import Any

import msgspec

from gitops.manifest.annotations import sync_options
from gitops.model.application import AppSpec
from gitops.model.operation import SyncOperation
from gitops.model.resource import Manifest


class Consent(Enum):
    """Whether an object may be removed."""

    GIVEN = "true"
    REFUSED = "false"
    ON_APPROVAL = "confirm"  # once a person has approved it for this operation


class Propagation:
    FOREGROUND = "foreground"
    BACKGROUND = "background"
    ORPHAN = "orphan"

    ALL = frozenset({FOREGROUND, BACKGROUND, ORPHAN})


class SyncOptions(msgspec.Struct, frozen=True):
    validate: bool = True
    skip_dry_run_on_missing: bool = False
    prune: Consent = Consent.GIVEN
    delete: Consent = Consent.GIVEN  # when the application itself is deleted
    prune_last: bool = False
    prune_propagation: str = Propagation.FOREGROUND
    replace: bool = False
    force: bool = False
    # None: server-side apply, and what it refuses is written as client-side apply would.
    server_side_apply: bool | None = None
    client_side_apply_migration: bool = True
    create_namespace: bool = False
    apply_out_of_sync_only: bool = False
    respect_ignore_differences: bool = False
    # Objects of other applications: None leaves them alone, true fails the sync, false takes them over by hand.
    fail_on_shared_resource: bool | None = None


def app_options(spec: AppSpec, operation: SyncOperation) -> SyncOptions:
    """An operation that names options of its own says all of them; else the application's hold."""
    options = _with(SyncOptions(), operation.sync_options or spec.sync_options, _OF_APPLICATIONS)
    strategy = operation.sync_strategy
    chosen = (strategy.apply or strategy.hook) if strategy else None
    return msgspec.structs.replace(options, force=True) if chosen and chosen.force else options


def object_options(of_application: SyncOptions, manifest: Manifest) -> SyncOptions:
    own = sync_options(manifest)
    return _with(of_application, own, _OF_OBJECTS) if own else of_application


def _flag(text: str) -> bool | None:
    return {"true": True, "false": False}.get(text)


def _consent(text: str) -> Consent | None:
    return next((each for each in Consent if each.value == text), None)


def _propagation(text: str) -> str | None:
    return text if text in Propagation.ALL else None


_Option = tuple[str, Callable[[str], Any]]

_OF_OBJECTS: Mapping[str, _Option] = {
    "Validate": ("validate", _flag),
    "SkipDryRunOnMissingResource": ("skip_dry_run_on_missing", _flag),
    "Prune": ("prune", _consent),
    "Delete": ("delete", _consent),
    "PruneLast": ("prune_last", _flag),
    "Replace": ("replace", _flag),
    "Force": ("force", _flag),
    "ServerSideApply": ("server_side_apply", _flag),
    "ClientSideApplyMigration": ("client_side_apply_migration", _flag),
}

_OF_APPLICATIONS: Mapping[str, _Option] = {
    **_OF_OBJECTS,
    "PrunePropagationPolicy": ("prune_propagation", _propagation),
    "CreateNamespace": ("create_namespace", _flag),
    "ApplyOutOfSyncOnly": ("apply_out_of_sync_only", _flag),
    "RespectIgnoreDifferences": ("respect_ignore_differences", _flag),
    "FailOnSharedResource": ("fail_on_shared_resource", _flag),
}


def _with(options: SyncOptions, texts: Iterable[str], known: Mapping[str, _Option]) -> SyncOptions:
    """Unknown options and values are passed over: newer clients must not break older controllers."""
    changes: dict[str, Any] = {}
    for text in texts:
        name, _, value = text.strip().partition("=")
        if option := known.get(name):
            field, parse = option
            if (parsed := parse(value.strip().lower())) is not None:
                changes[field] = parsed
    return msgspec.structs.replace(options, **changes) if changes else options
