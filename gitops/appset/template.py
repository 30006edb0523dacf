"""Templates of an ApplicationSet: simple `{{name}}` placeholders or Go templates, over any JSON."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from gitops.appset import gotemplate
from gitops.appset.parameters import Generated, Parameters, overlaid
from gitops.manifest.annotations import RESOURCES_FINALIZER
from gitops.manifest.decode import decode_documents
from gitops.model.appset import AppSet
from gitops.model.errors import InvalidSpec
from gitops.model.merge import apply_merge_patch


def rendered_text(text: str, parameters: Parameters, appset: AppSet) -> str:
    if not appset.spec.go_template:
        return "".join(_filled(text, parameters))
    strict = "missingkey=error" in appset.spec.go_template_options
    return gotemplate.render(text, parameters, missing_is_error=strict)


def _filled(text: str, parameters: Parameters) -> Iterator[str]:
    """A name nobody knows is left as it stands, and so are braces that nothing closes."""
    at = 0
    while (opening := text.find("{{", at)) >= 0 and (closing := text.find("}}", opening + 2)) >= 0:
        value = parameters.get(text[opening + 2 : closing].strip())
        yield text[at:opening]
        yield value if isinstance(value, str) else text[opening : closing + 2]
        at = closing + 2
    yield text[at:]


def rendered(value: Any, parameters: Parameters, appset: AppSet) -> Any:
    """Every text in a tree of JSON, names of fields included."""
    if isinstance(value, str):
        return rendered_text(value, parameters, appset)
    if isinstance(value, Mapping):
        return {
            rendered_text(name, parameters, appset): rendered(each, parameters, appset) for name, each in value.items()
        }
    if isinstance(value, list | tuple):
        return [rendered(each, parameters, appset) for each in value]
    return value


def applications(appset: AppSet, generated: Iterable[Generated]) -> list[dict[str, Any]]:
    """The Applications the set asks for, as JSON. Two of one name are an error: one would undo the other."""
    made: dict[str, dict[str, Any]] = {}
    for each in generated:
        application = _application(appset, each)
        name = application["metadata"]["name"]
        if name in made:
            raise InvalidSpec(
                f"ApplicationSet {appset.name} generates {name} more than once; make the template's name unique"
            )
        made[name] = application
    return list(made.values())


def _application(appset: AppSet, generated: Generated) -> dict[str, Any]:
    template = overlaid(appset.spec.template, generated.template)
    filled = rendered(template, generated.parameters, appset)
    if appset.spec.template_patch:
        filled = _patched(filled, appset, generated.parameters)
    metadata: Mapping[str, Any] = filled.get("metadata") or {}
    if not metadata.get("name"):
        raise InvalidSpec(f"ApplicationSet {appset.name}: the template gives an Application no name")
    if not isinstance(filled.get("spec"), Mapping):
        raise InvalidSpec(f"ApplicationSet {appset.name}: the template has no spec")
    return {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "Application",
        "metadata": _metadata(appset, metadata),
        "spec": filled["spec"],
    }


def _metadata(appset: AppSet, template: Mapping[str, Any]) -> dict[str, Any]:
    keep = appset.spec.sync_policy.preserve_resources_on_deletion
    finalizers = template.get("finalizers") or ([] if keep else [RESOURCES_FINALIZER])
    optional = {
        "labels": template.get("labels"),
        "annotations": template.get("annotations"),
        "finalizers": finalizers,
    }
    return {
        "name": template["name"],
        "namespace": appset.namespace,
        **{name: value for name, value in optional.items() if value},
        "ownerReferences": [owner_reference(appset)],
    }


def owner_reference(appset: AppSet) -> dict[str, Any]:
    return {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "ApplicationSet",
        "name": appset.name,
        "uid": appset.uid,
        "controller": True,
        "blockOwnerDeletion": True,
    }


def _patched(filled: Mapping[str, Any], appset: AppSet, parameters: Parameters) -> dict[str, Any]:
    text = rendered_text(appset.spec.template_patch or "", parameters, appset)
    documents = decode_documents(text, "templatePatch")
    if len(documents) > 1 or not all(isinstance(each, Mapping) for each in documents):
        raise InvalidSpec(f"ApplicationSet {appset.name}: templatePatch must be one object")
    return apply_merge_patch(filled, documents[0]) if documents else dict(filled)
