"""The mark that says which application owns an object: an annotation, a label, or both.

The annotation also names the object it was made for. One that was copied onto another object (by a
controller that copies annotations to its children, say) therefore proves nothing.
"""

import re
from typing import Any, NamedTuple

import msgspec

from gitops.manifest.annotations import (
    INSTALLATION_ID,
    INSTANCE_LABEL,
    TRACKING_ID,
    annotation,
    is_custom_resource_definition,
)
from gitops.model.application import AppName
from gitops.model.resource import Manifest, annotations_of, group_of, kind_of, labels_of

_LONGEST_LABEL = 63
_LABEL_END = re.compile(r"[A-Za-z0-9]$")


class TrackingMethod:
    ANNOTATION = "annotation"
    LABEL = "label"
    ANNOTATION_AND_LABEL = "annotation+label"

    ALL = frozenset({ANNOTATION, LABEL, ANNOTATION_AND_LABEL})


class TrackingId(NamedTuple):
    app_instance: str
    group: str
    kind: str
    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{self.app_instance}:{self.group}/{self.kind}:{self.namespace}/{self.name}"


class Tracking(msgspec.Struct, frozen=True):
    """How this installation marks what it owns."""

    method: str = TrackingMethod.ANNOTATION
    label_key: str = INSTANCE_LABEL
    installation_id: str = ""

    def stamp(self, manifest: Manifest, app_instance: str, destination_namespace: str) -> Manifest:
        """The manifest with the mark of its application; CRDs belong to nobody and stay as they are."""
        if is_custom_resource_definition(manifest):
            return manifest
        metadata: dict[str, Any] = dict(manifest["metadata"])
        if self.method != TrackingMethod.LABEL:
            annotations = dict(metadata.get("annotations") or {})
            # A cluster-scoped object carries the application's namespace instead of its own.
            namespace = metadata.get("namespace") or destination_namespace
            name = metadata.get("name") or ""
            mark = TrackingId(app_instance, group_of(manifest), kind_of(manifest), namespace, name)
            annotations[TRACKING_ID] = str(mark)
            if self.installation_id:
                annotations[INSTALLATION_ID] = self.installation_id
            else:
                annotations.pop(INSTALLATION_ID, None)
            metadata["annotations"] = annotations
        if self.method != TrackingMethod.ANNOTATION:
            value = app_instance if self.method == TrackingMethod.LABEL else truncated_label(app_instance)
            metadata["labels"] = {**(metadata.get("labels") or {}), self.label_key: value}
        return {**manifest, "metadata": metadata}

    def owner_of(self, manifest: Manifest) -> str | None:
        """The instance name of the application that owns this very object, if one does."""
        if self.method == TrackingMethod.LABEL:
            if is_custom_resource_definition(manifest):
                return None
            return labels_of(manifest).get(self.label_key) or None
        annotations = annotations_of(manifest)
        text = annotations.get(TRACKING_ID)
        if not text or annotations.get(INSTALLATION_ID, "") != self.installation_id:
            return None
        mark = parse_tracking_id(text)
        return mark.app_instance if mark and names(mark, manifest) else None

    def immaterial(self, desired: Manifest, live: Manifest) -> tuple[tuple[str, ...], ...]:
        """Paths in which the two do not differ: of an object that was last written when labels were the marks.

        As in Argo CD the annotation it lacks and the label it has too many are no difference. Nor do they make
        it the application's: it is, once it has been written with its mark.
        """
        if self.method == TrackingMethod.LABEL or is_custom_resource_definition(live):
            return ()
        if not labels_of(live).get(self.label_key):
            return ()
        lacking = () if TRACKING_ID in annotations_of(live) else (TRACKING_ID, INSTALLATION_ID)
        paths = [("metadata", "annotations", key) for key in lacking]
        if not labels_of(desired).get(self.label_key):
            paths.append(("metadata", "labels", self.label_key))
        return tuple(paths)

    def other_installation_of(self, manifest: Manifest) -> str | None:
        """The id of another installation, one of whose applications owns this very object."""
        if self.method == TrackingMethod.LABEL:
            return None
        annotations = annotations_of(manifest)
        installation = annotations.get(INSTALLATION_ID) or self.installation_id
        mark = parse_tracking_id(annotations.get(TRACKING_ID) or "")
        other = mark is not None and names(mark, manifest) and installation != self.installation_id
        return installation if other else None


def stamp(
    manifest: Manifest,
    app_instance: str,
    destination_namespace: str,
    method: str = TrackingMethod.ANNOTATION,
) -> Manifest:
    return Tracking(method).stamp(manifest, app_instance, destination_namespace)


def owner_of(manifest: Manifest, method: str = TrackingMethod.ANNOTATION) -> str | None:
    return Tracking(method).owner_of(manifest)


def parse_tracking_id(text: str) -> TrackingId | None:
    """None when the text is not a tracking id."""
    parts = text.split(":", 2)
    if len(parts) != 3:
        return None
    group, slash, kind = parts[1].partition("/")
    namespace, other_slash, name = parts[2].partition("/")
    if not (parts[0] and slash and other_slash) or "/" in kind or "/" in name:
        return None
    return TrackingId(parts[0], group, kind, namespace, name)


def names(mark: TrackingId, manifest: Manifest) -> bool:
    """Whether the mark was made for this object.

    Argo CD marks hooks with `generateName` before they have a name, and leaves that field in them.
    """
    metadata = manifest.get("metadata") or {}
    namespace = metadata.get("namespace") or ""
    return (
        (mark.name == metadata.get("name") or (not mark.name and bool(metadata.get("generateName"))))
        and mark.kind == manifest.get("kind")
        and mark.group == group_of(manifest)
        and namespace in ("", mark.namespace)
    )


def named(manifest: Manifest, name: str) -> Manifest:
    """The manifest under the name it gets only now (`generateName`); a mark made before it had one follows."""
    metadata: dict[str, Any] = {**manifest["metadata"], "name": name}
    mark = parse_tracking_id(annotation(manifest, TRACKING_ID))
    if mark is not None and not mark.name:
        metadata["annotations"] = {**annotations_of(manifest), TRACKING_ID: str(mark._replace(name=name))}
    return {**manifest, "metadata": metadata}


def truncated_label(value: str) -> str:
    """At most as long as a label value may be, and ending as one must."""
    shortened = value[:_LONGEST_LABEL]
    if shortened == value:
        return value
    while shortened and not _LABEL_END.search(shortened):
        shortened = shortened[:-1]
    return shortened


def app_instance_name(app: AppName, control_namespace: str) -> str:
    """The name an application goes by in marks: plain in the control namespace, else `namespace_name`."""
    if not app.namespace or app.namespace == control_namespace:
        return app.name
    return f"{app.namespace}_{app.name}"


def app_name_of_instance(instance: str, control_namespace: str) -> AppName:
    # Neither namespaces nor application names may hold an underscore.
    namespace, underscore, name = instance.partition("_")
    return AppName(namespace, name) if underscore else AppName(control_namespace, instance)
