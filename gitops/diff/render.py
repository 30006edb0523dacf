"""Objects and differences as people see them: Secrets masked, the rest as lines of YAML."""

import difflib
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
import orjson
import yaml

from gitops.diff.ignore import NO_RULES
from gitops.diff.verdict import FieldChange, comparable
from gitops.manifest.annotations import LAST_APPLIED
from gitops.model.resource import Manifest, annotations_of, group_of

_MASK = "++++++++"
_LONGER = "++++"
_SECRET_FIELDS = ("data", "stringData")
_SECRET_PATHS = tuple(f".{field}" for field in _SECRET_FIELDS)

NO_ANNOTATIONS: frozenset[str] = frozenset()


class _Masks:
    """The mask of each value of one field: equal values share one, others get a longer one.

    The length tells equal from different and nothing else: not the value's length, not whether two
    fields hold the same.
    """

    def __init__(self) -> None:
        self._by_value: dict[bytes, str] = {}

    def of(self, value: Any) -> str:
        known = orjson.dumps(value, option=orjson.OPT_SORT_KEYS)
        return self._by_value.setdefault(known, _MASK + _LONGER * len(self._by_value))


def is_secret(manifest: Manifest | None) -> bool:
    return manifest is not None and manifest.get("kind") == "Secret" and group_of(manifest) == ""


def masked(
    desired: Manifest | None,
    live: Manifest | None,
    predicted: Manifest | None,
    hidden_annotations: frozenset[str] = NO_ANNOTATIONS,
) -> tuple[Manifest | None, Manifest | None, Manifest | None]:
    """The three sides of one object, fit to be shown. What is no Secret passes unchanged, but for annotations."""
    masks: dict[tuple[str, str], _Masks] = {}
    sides = [_mask_object(each, masks, hidden_annotations) for each in (desired, live, predicted)]
    return sides[0], sides[1], sides[2]


def masked_one(manifest: Manifest, hidden_annotations: frozenset[str] = NO_ANNOTATIONS) -> Manifest:
    return _mask_object(manifest, {}, hidden_annotations) or {}


def masked_changes(manifest: Manifest, changes: Sequence[FieldChange]) -> tuple[FieldChange, ...]:
    """The changes of one object, fit to be shown."""
    if not is_secret(manifest):
        return tuple(changes)
    return tuple(_masked_change(each) if each.path.startswith(_SECRET_PATHS) else each for each in changes)


def _masked_change(change: FieldChange) -> FieldChange:
    masks: dict[str, _Masks] = {}
    return FieldChange(change.path, _masked_side(change.live, masks), _masked_side(change.predicted, masks))


def _masked_side(value: Any, masks: dict[str, _Masks]) -> Any:
    if value is msgspec.UNSET:
        return value
    if isinstance(value, Mapping):
        return {key: masks.setdefault(key, _Masks()).of(entry) for key, entry in value.items()}
    return masks.setdefault("", _Masks()).of(value)


def _mask_object(
    manifest: Manifest | None, masks: dict[tuple[str, str], _Masks], hidden_annotations: frozenset[str]
) -> Manifest | None:
    if manifest is None:
        return None
    secret = is_secret(manifest)
    annotations = annotations_of(manifest)
    hides = (secret and LAST_APPLIED in annotations) or not hidden_annotations.isdisjoint(annotations)
    if not secret and not hides:
        return manifest
    shown = dict(manifest)
    for field in _SECRET_FIELDS if secret else ():
        if field in shown:
            shown[field] = _masked_map(shown[field], field, masks)
    if hides:
        shown["metadata"] = {
            **manifest["metadata"],
            "annotations": _masked_annotations(annotations, secret, masks, hidden_annotations),
        }
    return shown


def _masked_annotations(
    annotations: Mapping[str, str], secret: bool, masks: dict[tuple[str, str], _Masks], hidden: frozenset[str]
) -> dict[str, str]:
    shown = dict(annotations)
    for key in hidden & shown.keys():
        shown[key] = masks.setdefault(("annotation", key), _Masks()).of(shown[key])
    # The record of the last apply repeats the whole object, values and all.
    if secret and LAST_APPLIED in shown and LAST_APPLIED not in hidden:
        try:
            recorded = orjson.loads(shown[LAST_APPLIED])
        except orjson.JSONDecodeError:
            recorded = None
        known = isinstance(recorded, dict) and is_secret(recorded)
        shown[LAST_APPLIED] = orjson.dumps(_mask_object(recorded, masks, hidden)).decode() if known else _MASK
    return shown


def _masked_map(value: Any, field: str, masks: dict[tuple[str, str], _Masks]) -> Any:
    if not isinstance(value, Mapping):
        return value if value is None else masks.setdefault((field, ""), _Masks()).of(value)
    return {key: masks.setdefault((field, key), _Masks()).of(entry) for key, entry in value.items()}


class _PlainDumper(yaml.CSafeDumper):
    def ignore_aliases(self, data: object) -> bool:
        return True  # parts of an object may be shared in memory; what is shown is written out


def yaml_text(manifest: Manifest) -> str:
    text: str = yaml.dump(
        dict(manifest),
        Dumper=_PlainDumper,
        sort_keys=True,
        default_flow_style=False,
        width=1_000_000,
        allow_unicode=True,
    )
    return text


def diff_lines(live: Manifest | None, predicted: Manifest | None, context: int = 3) -> list[str]:
    """A unified diff of the parts that count; mask Secrets first. Empty when nothing differs."""
    before, after = _lines(live), _lines(predicted)
    return list(difflib.unified_diff(before, after, "live", "desired", lineterm="", n=context))


def _lines(manifest: Manifest | None) -> list[str]:
    if manifest is None:
        return []
    return yaml_text(comparable(manifest, manifest, NO_RULES)).splitlines()
