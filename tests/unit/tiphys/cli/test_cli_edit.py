"""Making and changing applications: flags to specification."""

from pathlib import Path
from typing import Any

import pytest
from cli_remote import Remote, Run, application

from tiphys.cli.specs import SpecFlags, edited_spec

SPEC: dict[str, Any] = {
    "project": "dev",
    "source": {"repoURL": "r", "path": "p", "targetRevision": "main", "helm": {"releaseName": "x"}},
    "destination": {"server": "https://a", "namespace": "n"},
    "ignoreDifferences": [{"kind": "Deployment", "jsonPointers": ["/spec/replicas"]}],
    "syncPolicy": {"syncOptions": ["CreateNamespace=true"], "retry": {"limit": 2}},
}


@pytest.mark.parametrize(
    ("flags", "path", "value"),
    [
        (SpecFlags(revision="v2"), "source.targetRevision", "v2"),
        (SpecFlags(values=("v.yaml",)), "source.helm", {"releaseName": "x", "valueFiles": ["v.yaml"]}),
        (SpecFlags(dest_name="prod"), "destination", {"name": "prod", "namespace": "n"}),
        (SpecFlags(dest_namespace="m"), "destination", {"server": "https://a", "namespace": "m"}),
        (SpecFlags(project="prod"), "project", "prod"),
        (SpecFlags(automated=True), "syncPolicy.automated", {}),
        (SpecFlags(automated=True, prune=True), "syncPolicy.automated", {"prune": True}),
        (SpecFlags(self_heal=True), "syncPolicy.automated", {"selfHeal": True, "enabled": False}),
        (
            SpecFlags(sync_options=("CreateNamespace=false", "PruneLast=true")),
            "syncPolicy.syncOptions",
            ["CreateNamespace=false", "PruneLast=true"],
        ),
    ],
)
def test_a_flag_changes_its_field_and_nothing_else(flags: SpecFlags, path: str, value: object) -> None:
    edited = edited_spec(SPEC, flags)
    *steps, last = path.split(".")
    target = edited
    for step in steps:
        target = target[step]
    assert target[last] == value
    untouched = set(SPEC) - {path.split(".")[0]}
    assert {key: edited[key] for key in untouched} == {key: SPEC[key] for key in untouched}
    assert edited["syncPolicy"]["retry"] == {"limit": 2}


@pytest.mark.parametrize(
    ("before", "flags", "after"),
    [
        ({"selfHeal": True}, SpecFlags(automated=False), {"enabled": False, "selfHeal": True}),
        ({"prune": True}, SpecFlags(automated=False), None),
        ({"enabled": False, "selfHeal": True}, SpecFlags(automated=True), {"selfHeal": True}),
        ({"enabled": False, "selfHeal": True}, SpecFlags(self_heal=False), None),
        ({"prune": True}, SpecFlags(prune=False), {"prune": False}),
    ],
)  # fmt: skip
def test_manual_with_self_heal_is_a_policy_of_its_own(before: Any, flags: SpecFlags, after: Any) -> None:
    edited = edited_spec({**SPEC, "syncPolicy": {"automated": before}}, flags)
    assert edited["syncPolicy"].get("automated") == after


def test_create_from_flags(tiphys: Run, remote: Remote) -> None:
    ran = tiphys(
        *("app", "create", "web", "--repo", "http://git/r.git", "--path", "web", "--dest-name", "dev"),
        *("--dest-namespace", "web", "--project", "dev", "--sync-policy", "auto", "--self-heal"),
    )
    assert (ran.code, ran.out) == (0, "web: created\n")
    assert remote.asked("POST")[0][1] == {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "Application",
        "metadata": {"name": "web"},
        "spec": {
            "project": "dev",
            "source": {"repoURL": "http://git/r.git", "path": "web"},
            "destination": {"name": "dev", "namespace": "web"},
            "syncPolicy": {"automated": {"selfHeal": True}},
        },
    }
    again = tiphys("app", "create", "web", "--repo", "r", "--path", "w", "--dest-name", "dev")
    assert again.code == 2
    assert "use upsert flag" in again.err


def test_create_from_a_file_or_stdin(tiphys: Run, remote: Remote, tmp_path: Path) -> None:
    text = "\n---\n".join(f"kind: Application\nmetadata: {{name: {name}}}\nspec: {{project: dev}}" for name in "ab")
    (tmp_path / "apps.yaml").write_text(text)
    assert tiphys("app", "create", "-f", str(tmp_path / "apps.yaml")).out == "a: created\nb: created\n"
    assert tiphys("app", "create", "-f", "-", "--upsert", stdin=text).out == "a: applied\nb: applied\n"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("kind: Deployment", "but holds Deployment"),
        ("- a", "but holds list"),
        ("", "but holds nothing"),
        ("kind: [", "is not YAML"),
    ],
)
def test_a_file_of_something_else_creates_nothing(tiphys: Run, remote: Remote, text: str, said: str) -> None:
    ran = tiphys("app", "create", "-f", "-", stdin=text)
    assert ran.code == 2
    assert said in ran.err
    assert remote.asked("POST") == []


def test_set_sends_the_whole_changed_spec(tiphys: Run, remote: Remote) -> None:
    remote.add(application("web", spec=SPEC))
    assert tiphys("app", "set", "web", "--revision", "v2", "--project", "prod").out == "web: changed\n"
    source = {**SPEC["source"], "targetRevision": "v2"}
    assert remote.asked("PUT") == [("/api/v1/applications/web/spec", {**SPEC, "project": "prod", "source": source})]


def test_several_sources_are_not_edited_by_flags(tiphys: Run, remote: Remote) -> None:
    remote.add(application("web", spec__sources=[{"repoURL": "r"}]))
    ran = tiphys("app", "set", "web", "--revision", "v2")
    assert ran.code == 2
    assert "several sources" in ran.err
