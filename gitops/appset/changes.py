"""From the Applications a set asks for and those that exist to what has to be created, changed and deleted."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec

from gitops.manifest.annotations import HYDRATE, POST_DELETE_FINALIZER, PRE_DELETE_FINALIZER, REFRESH
from gitops.model.appset import AppSet
from gitops.model.errors import InvalidSpec
from gitops.model.resource import Manifest, annotations_of, is_deleting, labels_of, name_of

ALWAYS_PRESERVED = ("notified.notifications.argoproj.io", REFRESH, HYDRATE)


class Update(msgspec.Struct, frozen=True):
    """`after` is the whole object: status, operation and fields others own are as in `before`."""

    before: Manifest
    after: Manifest


class Changes(msgspec.Struct, frozen=True):
    create: tuple[Manifest, ...] = ()
    update: tuple[Update, ...] = ()
    delete: tuple[Manifest, ...] = ()
    withheld: tuple[str, ...] = ()  # names not deleted though no longer generated, see `warning`
    warning: str = ""


class _Policy(msgspec.Struct, frozen=True):
    updates: bool
    deletes: bool


_POLICIES: Mapping[str, _Policy] = {
    "": _Policy(True, True),
    "sync": _Policy(True, True),
    "create-only": _Policy(False, False),
    "create-update": _Policy(True, False),
    "create-delete": _Policy(False, True),
}


def plan_changes(
    appset: AppSet,
    desired: Iterable[Manifest],
    existing: Iterable[Manifest],
    *,
    complete: bool = True,
    allow_empty: bool = False,
) -> Changes:
    """`existing` are all Applications of the set's namespace.

    Without `complete` (a generator failed) nothing is deleted; neither is everything at once, unless
    `allow_empty`: a generator that suddenly finds nothing is more often broken than right.
    """
    policy = _policy(appset)
    wanted = {name_of(each): each for each in desired}
    present = {name_of(each): each for each in existing}
    _check_owned(appset, [present[name] for name in wanted if name in present])
    obsolete = [each for name, each in present.items() if name not in wanted and _may_go(each, appset)]
    updates = (_updated(appset, present[name], each) for name, each in wanted.items() if name in present)
    warning = _objection(appset, wanted, obsolete, complete=complete, allow_empty=allow_empty)
    return Changes(
        create=tuple(each for name, each in wanted.items() if name not in present),
        update=tuple(each for each in updates if each.before != each.after) if policy.updates else (),
        delete=tuple(obsolete) if policy.deletes and not warning else (),
        withheld=tuple(sorted(name_of(each) for each in obsolete)) if policy.deletes and warning else (),
        warning=warning if policy.deletes else "",
    )


def is_owned(application: Manifest, appset: AppSet) -> bool:
    owners = (application.get("metadata") or {}).get("ownerReferences") or ()
    return any(owner.get("controller") and owner.get("uid") == appset.uid for owner in owners)


def _policy(appset: AppSet) -> _Policy:
    name = appset.spec.sync_policy.applications_sync
    if name not in _POLICIES:
        known = ", ".join(filter(None, _POLICIES))
        raise InvalidSpec(f"ApplicationSet {appset.name}: applicationsSync `{name}` is not one of {known}")
    return _POLICIES[name]


def _may_go(application: Manifest, appset: AppSet) -> bool:
    return is_owned(application, appset) and not is_deleting(application)


def _check_owned(appset: AppSet, claimed: Iterable[Manifest]) -> None:
    """An Application without a controller is adopted; one that another set controls is not."""
    for application in claimed:
        owners = (application.get("metadata") or {}).get("ownerReferences") or ()
        other = next((each for each in owners if each.get("controller") and each.get("uid") != appset.uid), None)
        if other:
            raise InvalidSpec(
                f"ApplicationSet {appset.name} generates {name_of(application)}, "
                f"which {other.get('kind')} {other.get('name')} controls; rename one of them"
            )


def _objection(
    appset: AppSet, wanted: Mapping[str, Manifest], obsolete: list[Manifest], *, complete: bool, allow_empty: bool
) -> str:
    if not obsolete:
        return ""
    if not complete:
        return f"ApplicationSet {appset.name}: a generator failed, so no Application is deleted"
    if not wanted and not allow_empty:
        return (
            f"ApplicationSet {appset.name}: its generators find nothing any more; its {len(obsolete)} Applications "
            'are kept; if they are to go, annotate the set with tiphys.io/allow-empty: "true", or delete it'
        )
    return ""


# --- one Application --------------------------------------------------------------------------------------


def _updated(appset: AppSet, before: Manifest, desired: Manifest) -> Update:
    preserved = appset.spec.preserved_fields
    metadata: Mapping[str, Any] = desired["metadata"]
    annotations = {
        **_kept(annotations_of(before), (*ALWAYS_PRESERVED, *preserved.annotations)),
        **annotations_of(desired),
    }
    labels = {**_kept(labels_of(before), preserved.labels), **labels_of(desired)}
    generated = {
        "annotations": annotations,
        "labels": labels,
        "finalizers": _finalizers(before, metadata.get("finalizers") or ()),
        "ownerReferences": _owners(before, metadata["ownerReferences"]),
    }
    after = {**before["metadata"], **generated}
    return Update(
        before,
        {
            **before,
            "spec": desired["spec"],
            "metadata": {name: value for name, value in after.items() if value or name not in generated},
        },
    )


def _kept(present: Mapping[str, str], names: Iterable[str]) -> dict[str, str]:
    return {name: present[name] for name in names if name in present}


def _finalizers(before: Manifest, generated: Sequence[str]) -> list[str]:
    """Those of deletion hooks come and go with the hooks, not with the template."""
    of_hooks = (PRE_DELETE_FINALIZER, POST_DELETE_FINALIZER)
    present = before["metadata"].get("finalizers") or ()
    kept = [each for each in present if each.startswith(of_hooks)]
    return [*generated, *(each for each in kept if each not in generated)]


def _owners(before: Manifest, generated: list[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    ours = {owner["uid"] for owner in generated}
    others = [each for each in before["metadata"].get("ownerReferences") or () if each.get("uid") not in ours]
    return [*others, *generated]
