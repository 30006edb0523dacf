"""The Application's kustomize options, written into a kustomization as `kustomize edit` would."""

import re
from collections.abc import Callable, Mapping
from typing import Any

from gitops.model.application import KustomizeReplica, KustomizeSource
from gitops.model.errors import InvalidSpec, RenderFailed
from repo_server.inputs.environment import substituted

Document = Mapping[str, Any]

_TAGGED = re.compile(r"(.*):([a-zA-Z0-9._-]*|\*)")


def edited(
    document: Document, options: KustomizeSource, environment: Mapping[str, str], exists: Callable[[str], bool]
) -> Document:
    """A new kustomization; `exists` tells whether a component directory is there."""
    changed = dict(document)
    for field, value in (
        ("namePrefix", options.name_prefix),
        ("nameSuffix", options.name_suffix),
        ("namespace", options.namespace),
    ):
        if value:
            changed[field] = substituted(value, environment)
    if options.images:
        images = [_image(substituted(each, environment)) for each in options.images]
        changed["images"] = _merged_images(document.get("images") or [], images)
    if options.replicas:
        changed["replicas"] = _merged_replicas(document.get("replicas") or [], options.replicas)
    if options.common_labels:
        changed.update(_labelled(document, options, environment))
    if options.common_annotations:
        added = options.common_annotations
        if options.common_annotations_envsubst:
            added = {key: substituted(value, environment) for key, value in added.items()}
        old = document.get("commonAnnotations") or {}
        changed["commonAnnotations"] = _added(old, added, options.force_common_annotations, "annotation")
    if options.patches:
        changed["patches"] = [*(document.get("patches") or []), *options.patches]
    if options.components:
        wanted = [each for each in options.components if not options.ignore_missing_components or exists(each)]
        old_components = document.get("components") or []
        changed["components"] = [*old_components, *(each for each in wanted if each not in old_components)]
    return changed


def _image(written: str) -> dict[str, str]:
    """`name:tag`, `name@digest`, `name=new`, `name=new:tag@digest` …"""
    name, renamed, target = written.partition("=")
    text, at, digest = (target if renamed else written).partition("@")
    tagged = _TAGGED.fullmatch(text)
    image, tag = (tagged[1], tagged[2]) if tagged else (text, "")
    if not written or not image or (not renamed and not tag and not at):
        raise InvalidSpec(f"kustomize.images: `{written}` is not like name:tag, name@digest or name=new:tag")
    parts = {"name": name if renamed else image, "newName": image if renamed else "", "newTag": tag, "digest": digest}
    return {key: value for key, value in parts.items() if value}


def _merged_images(old: list[dict[str, str]], new: list[dict[str, str]]) -> list[dict[str, str]]:
    by_name = {each["name"]: each for each in new}
    for each in old:
        asked = by_name.get(str(each.get("name")), each)
        # `*` keeps what the file says.
        kept = {key: each.get(key, "") if value == "*" else value for key, value in asked.items()}
        by_name[str(each.get("name"))] = kept
    cleaned = ({key: value for key, value in each.items() if value not in ("*", "")} for each in by_name.values())
    return sorted(cleaned, key=lambda image: image["name"])


def _merged_replicas(old: list[dict[str, Any]], new: tuple[KustomizeReplica, ...]) -> list[dict[str, Any]]:
    by_name = {str(each.get("name")): each for each in old}
    for each in new:
        if not str(each.count).isdigit():
            raise InvalidSpec(f"kustomize.replicas: the count of `{each.name}` is not a number")
        by_name[each.name] = {"name": each.name, "count": int(each.count)}
    return sorted(by_name.values(), key=lambda replica: str(replica["name"]))


def _labelled(document: Document, options: KustomizeSource, environment: Mapping[str, str]) -> dict[str, Any]:
    pairs = {key: substituted(value, environment) for key, value in options.common_labels.items()}
    if not options.label_without_selector:
        old = document.get("commonLabels") or {}
        return {"commonLabels": _added(old, pairs, options.force_common_labels, "label")}
    entries = [dict(each) for each in document.get("labels") or []]
    fitting = (
        each
        for each in entries
        if not each.get("includeSelectors") and bool(each.get("includeTemplates")) is options.label_include_templates
    )
    entry = next(fitting, None)
    if entry is None:
        entry = {"includeTemplates": True} if options.label_include_templates else {}
        entries.append(entry)
    entry["pairs"] = _added(entry.get("pairs") or {}, pairs, options.force_common_labels, "label")
    return {"labels": entries}


def _added(old: Mapping[str, str], new: Mapping[str, str], force: bool, what: str) -> dict[str, str]:
    twice = sorted(old.keys() & new.keys())
    if twice and not force:
        raise RenderFailed(
            f"kustomize: the {what} `{twice[0]}` is already in the kustomization; "
            f"remove one, or set forceCommon{what.capitalize()}s"
        )
    return {**old, **new}
