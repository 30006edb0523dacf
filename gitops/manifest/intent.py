"""Whether something that is no Kubernetes object was meant as one.

What was meant as a manifest and is not one must stop a render: passed over, the object it used to be would
be pruned. So the signs are read generously (misspelt keys, other case), and only a document that shows
none of them counts as some other YAML that lies around in a repository.
"""

import re
from collections.abc import Mapping
from typing import Any

_API_VERSION = re.compile(r"(?:[a-z0-9][a-z0-9.-]*/)?v[0-9]+(?:(?:alpha|beta)[0-9]+)?")
_KIND = re.compile(r"[A-Z][A-Za-z0-9]+")
_KEY = re.compile(r"""^[\s\-{\["']*([A-Za-z][\w-]{2,14})["']?\s*:""", re.MULTILINE)
_QUOTED_KEY = re.compile(r'"(?:apiVersion|kind)"\s*:')
_MARKS = ("apiVersion:", "kind:", "metadata:")  # a text that has all three counts as a manifest in Argo CD too

_KUSTOMIZE_GROUP = "kustomize.config.k8s.io/"
_KUSTOMIZE_KINDS = frozenset({"Kustomization", "Component"})

_SURE, _SIGN = 2, 1  # two signs make it sure


def is_meant(document: Any) -> bool:
    """Whether a document (no empty one) was to be a Kubernetes object, or several."""
    if isinstance(document, Mapping):
        return sum(_weight(key, value) for key, value in document.items()) >= _SURE
    if isinstance(document, list):
        return any(is_meant(each) for each in document if isinstance(each, Mapping))
    # Nobody keeps a bare text in a YAML file; a link or a large file that was checked out as its pointer looks so.
    return True


def text_is_meant(text: str) -> bool:
    """The same of a text that cannot be parsed, by what its lines begin with."""
    if all(mark in text for mark in _MARKS) or _QUOTED_KEY.search(text):
        return True
    for key in _KEY.findall(text):
        plain = _plain(key)
        if key == "metadata" or plain == "kind" or (plain != "appversion" and _is_near(plain, "apiversion", 2)):
            return True
    return False


def has_all_marks(text: str) -> bool:
    return all(mark in text for mark in _MARKS)


def misspelt(document: Mapping[str, Any], wanted: str) -> str:
    """The key that was to be `wanted`, if one looks so."""
    target, distance = _plain(wanted), 1 if len(wanted) < 6 else 2
    return next((key for key in document if key != wanted and _is_near(_plain(key), target, distance)), "")


def other_purpose(document: Any, file: str) -> str:
    """What a document is that belongs to another tool, though it looks like a manifest; empty if nothing known."""
    if not isinstance(document, Mapping):
        return ""
    kind, api_version = document.get("kind"), document.get("apiVersion")
    if kind in _KUSTOMIZE_KINDS and str(api_version or _KUSTOMIZE_GROUP).startswith(_KUSTOMIZE_GROUP):
        if api_version or "metadata" not in document:
            return f"a {kind} of Kustomize, which a plain directory does not build"
        return ""
    is_chart = file.rpartition("/")[2] == "Chart.yaml" and not document.keys() & {"kind", "metadata", "spec"}
    if is_chart and document.keys() >= {"apiVersion", "name", "version"}:
        return "the description of a Helm chart, which a plain directory does not render"
    return ""


def _weight(key: str, value: Any) -> int:
    if key in ("apiVersion", "kind"):
        return _SURE
    plain = _plain(key)
    if isinstance(value, str):
        if _is_near(plain, "apiversion", 2) and _API_VERSION.fullmatch(value):
            # `appVersion: v1` stands in many values files.
            return _SURE if plain != "appversion" or "/" in value else 0
        if plain == "kind" and _KIND.fullmatch(value):
            return _SURE
        return _SIGN if _is_near(plain, "kind", 1) and _KIND.fullmatch(value) else 0
    if isinstance(value, Mapping):
        if _is_near(plain, "metadata", 2):
            return _SURE if value.keys() & {"name", "generateName"} else _SIGN
        return _SIGN if plain == "spec" else 0
    return 0


def _plain(key: str) -> str:
    return re.sub(r"[^a-z0-9]", "", key.lower())


def _is_near(word: str, wanted: str, limit: int) -> bool:
    """Whether at most `limit` letters are wrong, missing, too many or swapped with their neighbour."""
    if abs(len(word) - len(wanted)) > limit:
        return False
    before: list[int] = []
    row = list(range(len(wanted) + 1))
    for at, letter in enumerate(word):
        following = [at + 1]
        for to, other in enumerate(wanted):
            cost = min(row[to] + (letter != other), row[to + 1] + 1, following[to] + 1)
            if at and to and letter == wanted[to - 1] and word[at - 1] == other:
                cost = min(cost, before[to - 1] + 1)
            following.append(cost)
        before, row = row, following
    return row[-1] <= limit
