"""Desired and live side by side: per object its code, differences and health; of these, the application's.

`compare_object` depends on one object alone, so its result can be kept until desired, live or the rules
change. `summarize` only adds up and is cheap enough to run on every event.
"""

from collections.abc import Iterable, Mapping, Sequence

import msgspec

from gitops.diff.field_removal import Path
from gitops.diff.ignore import IgnoreRules
from gitops.diff.path_expressions import Found
from gitops.diff.verdict import FieldChange, difference
from gitops.health.assess import NO_OVERRIDES, Check, assess, is_worse
from gitops.manifest.annotations import (
    ignores_extraneous,
    ignores_healthcheck,
    is_hook,
    is_skipped,
    sync_options,
    sync_wave,
)
from gitops.model.resource import GroupKind, Manifest, ResourceKey, key_of, version_of
from gitops.model.status import AppHealth, Health, HealthCode, ResourceStatus, SyncCode

_APPLICATION = GroupKind("argoproj.io", "Application")
_CAUSES_SHOWN = 3

MISSING = Health(HealthCode.MISSING)


class ObjectComparison(msgspec.Struct, frozen=True):
    """One object of one application, as Git wants it and as the cluster has it."""

    key: ResourceKey
    version: str = ""
    desired: Manifest | None = None
    live: Manifest | None = None
    predicted: Manifest | None = None  # live as it would be after applying; absent when nothing would be applied
    code: str = ""  # SyncCode; empty for what is never compared: hooks and skipped objects
    health: Health | None = None  # None: the kind has no health
    differences: tuple[FieldChange, ...] = ()
    hook: bool = False
    requires_pruning: bool = False
    sync_wave: int = 0
    ignored: bool = False  # its code does not count for the application (IgnoreExtraneous)
    health_ignored: bool = False
    requires_deletion_confirmation: bool = False
    unmarked: bool = False  # live without the application's mark, which alone makes no difference
    message: str = ""  # how the verdict was reached, if not in the usual way

    @property
    def is_missing(self) -> bool:
        return self.live is None and self.desired is not None

    @property
    def is_out_of_sync(self) -> bool:
        return self.code == SyncCode.OUT_OF_SYNC


class Comparison(msgspec.Struct, frozen=True):
    """All objects of an application, and what they come to together."""

    objects: tuple[ObjectComparison, ...] = ()
    code: str = SyncCode.SYNCED
    health: AppHealth = AppHealth(HealthCode.HEALTHY)


def compare_object(
    desired: Manifest | None,
    live: Manifest | None,
    predicted: Manifest | None,
    rules: IgnoreRules,
    overrides: Mapping[GroupKind, Check] = NO_OVERRIDES,
    *,
    found: Found | None = None,
    message: str = "",
    immaterial: Sequence[Path] = (),
) -> ObjectComparison:
    """One object's comparison; `found` is where the rules' path expressions lead.

    `predicted` is what applying `desired` would make of `live`: the answer of a dry run, or of
    `three_way.predict`. None says that nothing would change (`surely_equal`), or that there is nothing to
    predict because one side is missing. A live object without a desired one must be owned by the
    application; `message` says how the verdict was reached when it was not a dry run. `immaterial`
    are paths in which the two do not differ whatever they hold (`Tracking.immaterial`).
    """
    described = _described(desired, live, overrides, message)
    if described.hook or (desired is not None and is_skipped(desired)):
        return described
    if desired is None:
        return msgspec.structs.replace(
            described,
            code=SyncCode.OUT_OF_SYNC,
            requires_pruning=True,
            ignored=live is not None and ignores_extraneous(live),
        )
    if live is None:
        return msgspec.structs.replace(described, code=SyncCode.OUT_OF_SYNC, predicted=desired)
    if predicted is None:
        return msgspec.structs.replace(described, code=SyncCode.SYNCED, predicted=live)
    changes = difference(live, predicted, rules.for_object(live), found, immaterial).changes
    return msgspec.structs.replace(
        described,
        code=SyncCode.OUT_OF_SYNC if changes else SyncCode.SYNCED,
        predicted=predicted,
        differences=changes,
        unmarked=any(path[1] == "annotations" for path in immaterial),
    )


def unknown_object(
    desired: Manifest | None,
    live: Manifest | None,
    message: str,
    overrides: Mapping[GroupKind, Check] = NO_OVERRIDES,
) -> ObjectComparison:
    """An object that could not be compared, or may not be looked at; the message says why."""
    return msgspec.structs.replace(_described(desired, live, overrides, message), code=SyncCode.UNKNOWN)


def _described(
    desired: Manifest | None, live: Manifest | None, overrides: Mapping[GroupKind, Check], message: str
) -> ObjectComparison:
    """All that is known of an object before its two sides are compared."""
    shown = live if live is not None else desired
    if shown is None:
        raise ValueError("a comparison needs a desired or a live object")
    declared = desired if desired is not None else shown
    return ObjectComparison(
        key=key_of(shown),
        version=version_of(shown),
        desired=desired,
        live=live,
        health=MISSING if live is None else assess(live, overrides),
        hook=is_hook(shown),
        sync_wave=sync_wave(declared),
        health_ignored=live is not None and ignores_healthcheck(live),
        requires_deletion_confirmation=_needs_confirmation(desired) or _needs_confirmation(live),
        message=message,
    )


def _needs_confirmation(manifest: Manifest | None) -> bool:
    return manifest is not None and not sync_options(manifest).isdisjoint(("Prune=confirm", "Delete=confirm"))


def summarize(objects: Iterable[ObjectComparison], *, self_app: ResourceKey | None = None) -> Comparison:
    """The application's code and health; `self_app` is its own resource, if it manages itself."""
    listed = tuple(objects)
    return Comparison(listed, code_of(listed), app_health(listed, self_app))


def code_of(objects: Iterable[ObjectComparison]) -> str:
    """Unknown if any object is, else OutOfSync if one that counts is, else Synced."""
    codes = {each.code for each in objects if not each.ignored}
    if SyncCode.UNKNOWN in codes:
        return SyncCode.UNKNOWN
    return SyncCode.OUT_OF_SYNC if SyncCode.OUT_OF_SYNC in codes else SyncCode.SYNCED


def app_health(objects: Iterable[ObjectComparison], self_app: ResourceKey | None = None) -> AppHealth:
    """The worst health among live objects that are no hooks; Missing only when none of them is live."""
    code = HealthCode.HEALTHY
    causes: list[ResourceKey] = []
    expected = alive = False
    for each in objects:
        if each.hook or (each.desired is not None and is_skipped(each.desired)):
            continue
        expected = True
        if each.live is None:
            continue
        alive = True
        if each.health is None or each.health_ignored or each.key == self_app or _is_unborn_child(each):
            continue
        if is_worse(each.health.status, code):
            code, causes = each.health.status, [each.key]
        elif each.health.status == code != HealthCode.HEALTHY:
            causes.append(each.key)
    if expected and not alive:
        return AppHealth(HealthCode.MISSING)
    return AppHealth(code, _blamed(causes))


def _is_unborn_child(compared: ObjectComparison) -> bool:
    # An application of applications is not ill because a child has not been looked at yet.
    return (
        compared.key.group_kind == _APPLICATION
        and compared.health is not None
        and compared.health.status in (HealthCode.MISSING, HealthCode.UNKNOWN)
    )


def _blamed(causes: Sequence[ResourceKey]) -> str:
    if not causes:
        return ""
    shown = ", ".join(_short(key) for key in causes[:_CAUSES_SHOWN])
    more = len(causes) - _CAUSES_SHOWN
    return f"Caused by {shown} and {more} more" if more > 0 else f"Caused by {shown}"


def _short(key: ResourceKey) -> str:
    where = f"{key.namespace}/{key.name}" if key.namespace else key.name
    return f"{key.group_kind}:{where}"


def resource_statuses(comparison: Comparison, *, with_health: bool) -> tuple[ResourceStatus, ...]:
    """`status.resources`, in an order that only depends on what is in it."""
    return tuple(
        ResourceStatus(
            group=each.key.group,
            version=each.version,
            kind=each.key.kind,
            namespace=each.key.namespace,
            name=each.key.name,
            status=each.code,
            health=each.health if with_health else None,
            hook=each.hook,
            requires_pruning=each.requires_pruning,
            sync_wave=each.sync_wave,
            requires_deletion_confirmation=each.requires_deletion_confirmation,
        )
        for each in sorted(comparison.objects, key=lambda each: each.key)
        if each.live is not None or not each.hook
    )
