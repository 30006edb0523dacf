"""From bytes to manifests: YAML as people and tools write it, JSON as the repository server sends it.

YAML is read event by event, never by constructing what its tags ask for. Every error names file and line.
Size is bounded where a few bytes could become gigabytes: aliases, depth.
"""

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import orjson
import yaml

from gitops.manifest.intent import has_all_marks, is_meant, misspelt, other_purpose, text_is_meant
from gitops.manifest.text import Problem, text_of
from gitops.manifest.yaml_values import COLLECTION_TAGS, TAGGED_SCALARS, Scalar, key_text, plain_scalar
from gitops.model.errors import ManifestInvalid
from gitops.model.resource import Manifest

MAX_DEPTH = 100
MAX_ALIASED_VALUES = 100_000  # values that stand in the result only because an alias repeats them


class Decoded(NamedTuple):
    """One file of a plain directory: its objects, and why something in it, or all of it, is none."""

    objects: list[Manifest]
    skipped: str = ""


def decode_file(data: bytes | str, file: str) -> Decoded:
    """A file that may hold manifests: lists expanded, in the order written.

    What was meant as a manifest and is not one is an error that names the line. Passing it over would mean
    that the object it used to be is no longer wanted.
    """
    try:
        text = text_of(data)  # what is no text may have been anything, so it is an error in any case
    except Problem as problem:
        raise _invalid(file, problem) from None
    try:
        documents = _documents(text)
    except Problem as problem:
        if text_is_meant(text):
            raise _invalid(file, problem) from None
        return Decoded([], f"line {problem.line}: {problem}; nothing in it looks like a manifest")
    objects: list[Manifest] = []
    skipped: list[str] = []
    faults: list[tuple[Problem, bool]] = []
    for line, document in documents:
        if purpose := other_purpose(document, file):
            skipped.append(f"line {line}: {purpose}")
        elif document is not None:
            try:
                objects.extend(_objects(document, line))
            except Problem as problem:
                faults.append((problem, is_meant(document)))
    meant = next((problem for problem, is_sure in faults if is_sure), None)
    if faults and (meant or objects or has_all_marks(text)):
        raise _invalid(file, meant or faults[0][0])
    if not objects and not skipped:
        skipped.append("holds no manifest" if faults else "is empty, or holds comments only")
    return Decoded(objects, "; ".join(skipped))


def decode_yaml(text: bytes | str, file: str) -> list[Manifest]:
    """The objects of a file that may hold manifests."""
    return decode_file(text, file).objects


def decode_rendered(text: bytes | str, file: str) -> list[Manifest]:
    """What a tool printed: manifests and nothing else."""
    try:
        documents = _documents(text_of(text))
        return [each for line, document in documents if document is not None for each in _objects(document, line)]
    except Problem as problem:
        raise ManifestInvalid(f"{file}: line {problem.line} of what it renders to: {problem}") from None


def decode_text(data: bytes, file: str) -> str:
    """The text of a file, its byte order mark read and removed."""
    try:
        return text_of(data)
    except Problem as problem:
        raise _invalid(file, problem) from None


def decode_documents(text: bytes | str, file: str) -> list[Any]:
    """The documents of a YAML file that holds no manifests (Chart.yaml, kustomization.yaml …), as plain values."""
    try:
        return [document for _, document in _documents(text_of(text))]
    except Problem as problem:
        raise _invalid(file, problem) from None


def decode_json(data: bytes) -> list[Manifest]:
    """The repository server's answer: a JSON array of objects."""
    try:
        decoded = orjson.loads(data)
    except orjson.JSONDecodeError as error:
        raise ManifestInvalid(f"the rendered manifests are not JSON: {error}") from None
    if not isinstance(decoded, list):
        raise ManifestInvalid("the rendered manifests are not a JSON array")
    for number, each in enumerate(decoded, start=1):
        if fault := _fault(each):
            raise ManifestInvalid(f"rendered manifest {number}: {fault}")
    return decoded


def encode_json(manifests: list[Manifest]) -> bytes:
    """What `decode_json` reads."""
    return orjson.dumps(manifests)


def _invalid(file: str, problem: Problem) -> ManifestInvalid:
    return ManifestInvalid(f"{file}:{problem.line}: {problem}")


def _objects(document: Any, line: int) -> list[Manifest]:
    if isinstance(document, dict) and "items" in document:
        kind, items = document.get("kind"), document["items"]
        if isinstance(kind, str) and kind.endswith("List") and (items is None or isinstance(items, list)):
            return [each for item in items or () for each in _objects(item, line)]
    if fault := _fault(document):
        raise Problem(line, fault)
    return [document]


def _fault(value: Any) -> str:
    """What keeps a value from being a Kubernetes object; empty when nothing does."""
    if not isinstance(value, dict):
        return "this is not a Kubernetes object but a list or a single value"
    kind, api_version, metadata = value.get("kind"), value.get("apiVersion"), value.get("metadata")
    if not isinstance(kind, str) or not kind:
        return f"the object has no `kind`{_hint(value, 'kind')}"
    if not isinstance(api_version, str) or not api_version:
        return f"the {kind} has no `apiVersion`{_hint(value, 'apiVersion')}"
    if not isinstance(metadata, dict):
        return f"the {kind} has no `metadata`{_hint(value, 'metadata')}"
    name = metadata.get("name") or metadata.get("generateName")
    if not isinstance(name, str):
        return f"the {kind} has no `metadata.name` (a name that looks like a number needs quotes)"
    return ""


def _hint(value: dict[str, Any], wanted: str) -> str:
    written = misspelt(value, wanted)
    return f"; `{written}` looks like a misspelling of it" if written else ""


def _documents(text: str) -> list[tuple[int, Any]]:
    # A parser of events only: no constructor is ever called, whatever tags the text carries.
    try:
        loader = yaml.CSafeLoader(text)
    except UnicodeEncodeError:
        raise Problem(1, "the text holds half a character (a lone surrogate)") from None
    try:
        return _Reader(loader).documents()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        problem = ", ".join(part for part in (error.context, error.problem) if part)
        raise Problem(mark.line + 1 if mark else 1, f"not valid YAML: {problem}") from None
    except yaml.reader.ReaderError as error:
        line = text.encode()[: error.position].count(b"\n") + 1
        raise Problem(line, f"not valid YAML: {error.reason}") from None
    except yaml.YAMLError as error:
        raise Problem(1, f"not valid YAML: {error}") from None
    finally:
        loader.dispose()


class _Reader:
    """Builds plain values from parser events, of one stream."""

    def __init__(self, loader: yaml.CSafeLoader) -> None:
        self._next: Callable[[], Any] = loader.get_event
        self._anchors: dict[str, tuple[Any, int]] = {}
        self._values = 0
        self._aliased = 0

    def documents(self) -> list[tuple[int, Any]]:
        found: list[tuple[int, Any]] = []
        while not isinstance(event := self._next(), yaml.StreamEndEvent):
            if isinstance(event, yaml.DocumentStartEvent):
                self._anchors.clear()
                first = self._next()
                found.append((_line(first), self._value(first, 0)))
        return found

    def _value(self, event: Any, depth: int) -> Any:
        self._values += 1
        kind = type(event)
        if kind is yaml.ScalarEvent:
            return self._anchored(event, _scalar(event), self._values)
        if kind is yaml.AliasEvent:
            return self._alias(event)
        if depth >= MAX_DEPTH:
            raise Problem(_line(event), f"nested deeper than {MAX_DEPTH} levels")
        if event.tag is not None and event.tag not in COLLECTION_TAGS:
            raise Problem(_line(event), f"the tag `{event.tag}` is not allowed here")
        before = self._values
        built = self._mapping(depth) if kind is yaml.MappingStartEvent else self._sequence(depth)
        return self._anchored(event, built, before)

    def _anchored(self, event: Any, value: Any, before: int) -> Any:
        if event.anchor is not None:
            self._anchors[event.anchor] = (value, self._values - before + 1)
        return value

    def _alias(self, event: Any) -> Any:
        line = _line(event)
        if event.anchor not in self._anchors:
            raise Problem(line, f"the alias `*{event.anchor}` has no anchor before it, or stands inside it")
        value, size = self._anchors[event.anchor]
        self._values += size
        self._aliased += size
        if self._aliased > MAX_ALIASED_VALUES:
            raise Problem(line, "aliases blow this file up to more than it is worth; write the values out")
        return value

    def _sequence(self, depth: int) -> list[Any]:
        items: list[Any] = []
        while type(event := self._next()) is not yaml.SequenceEndEvent:
            items.append(self._value(event, depth + 1))
        return items

    def _mapping(self, depth: int) -> dict[str, Any]:
        entries: dict[str, Any] = {}
        merged: list[dict[str, Any]] = []
        while type(event := self._next()) is not yaml.MappingEndEvent:
            if type(event) is yaml.ScalarEvent and event.implicit[0] and event.value == "<<":
                merged.extend(_mergeable(self._value(self._next(), depth + 1), _line(event)))
                continue
            key = self._key(event, depth)
            if key in entries:
                raise Problem(_line(event), f"the key `{key}` stands twice in one mapping")
            entries[key] = self._value(self._next(), depth + 1)
        for source in merged:
            for key, value in source.items():
                entries.setdefault(key, value)
        return entries

    def _key(self, event: Any, depth: int) -> str:
        if type(event) is yaml.ScalarEvent and event.tag is None and event.anchor is None:
            value: Any = plain_scalar(event.value) if event.implicit[0] else event.value
        else:
            value = self._value(event, depth + 1)
        if isinstance(value, dict | list):
            raise Problem(_line(event), "a mapping key must be a single value")
        return key_text(value)


def _line(event: Any) -> int:
    line: int = event.start_mark.line
    return line + 1


def _mergeable(value: Any, line: int) -> list[dict[str, Any]]:
    sources = value if isinstance(value, list) else [value]
    if not all(isinstance(each, dict) for each in sources):
        raise Problem(line, "`<<` takes a mapping or a list of mappings")
    return sources


def _scalar(event: Any) -> Scalar:
    if event.tag is not None and not event.implicit[0]:
        reader = TAGGED_SCALARS.get(event.tag)
        if reader is None:
            raise Problem(_line(event), f"the tag `{event.tag}` is not allowed here")
        try:
            value = reader(event.value)
        except ValueError as error:
            raise Problem(_line(event), str(error)) from None
    else:
        value = plain_scalar(event.value) if event.implicit[0] else event.value
    if isinstance(value, float) and not math.isfinite(value):
        raise Problem(_line(event), f"`{event.value}` is no number that Kubernetes can hold")
    return value
