"""Whatever is wrong, the message names it, nothing is changed because of it, and nobody else notices."""

import json
from typing import Any

import pytest

from tests.e2e.trio import Trio, eventually, stopped

pytestmark = pytest.mark.e2e

GOOD = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: settings\ndata:\n  a: b\n"

BROKEN: dict[str, tuple[dict[str, str], list[str]]] = {
    "yaml": (
        {"settings.yaml": GOOD, "broken.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: [unclosed\n"},
        ["broken.yaml:5", "not valid YAML"],
    ),
    "chart": (
        {
            "Chart.yaml": "apiVersion: v2\nname: bad\nversion: 0.1.0\n",
            "templates/cm.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {{ .Values.name.first }}\n",
        },
        ["templates/cm.yaml"],
    ),
    "kustomize": (
        {"kustomization.yaml": "resources: [missing.yaml]\n"},
        ["missing.yaml"],
    ),
    "jsonnet": (
        {"main.jsonnet": "{ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: nope } }\n"},
        ["main.jsonnet", "nope"],
    ),
    "unknown-kind": (
        {"thing.yaml": "apiVersion: example.com/v1\nkind: Thing\nmetadata:\n  name: thing\n"},
        ["Thing", "example.com/v1"],
    ),
}


def conditions(trio: Trio, name: str) -> str:
    app = trio.admin.app(name)
    return "\n".join(f"{each['type']}: {each['message']}" for each in app["status"].get("conditions", []))


@pytest.mark.parametrize("case", sorted(BROKEN))
def test_bad_content_is_named_and_changes_nothing(trio: Trio, case: str) -> None:
    folder = f"deployments/dev/bad-{case}"
    app = f"bad-{case}-dev"
    trio.push("good at first", {f"{folder}/settings.yaml": GOOD})
    trio.wait_app_exists(app)
    trio.wait_app(app, sync="Synced", health="Healthy")
    files, named = BROKEN[case]
    changes: dict[str, str | None] = {f"{folder}/{path}": text for path, text in files.items()}
    if "settings.yaml" not in files and case not in ("chart", "kustomize"):
        changes[f"{folder}/settings.yaml"] = GOOD
    trio.push("broken", changes)
    told = eventually(lambda: conditions(trio, app), f"a condition on {app}")
    assert told.startswith("ComparisonError"), told
    for word in named:
        assert word in told
    assert trio.admin.app(app)["status"]["sync"]["status"] != "Synced"
    assert trio.live("dev", "configmap", f"bad-{case}", "settings") is not None
    assert "ComparisonError" not in conditions(trio, "around-api-dev")
    trio.push("gone", {folder: None})
    eventually(lambda: trio.admin.call("GET", f"/api/v1/applications/{app}").status_code != 200, f"{app} gone")


def an_application(name: str, **spec: Any) -> dict[str, Any]:
    source = {
        "repoURL": spec.pop("repo"),
        "path": spec.pop("path", "services"),
        "targetRevision": spec.pop("revision", "main"),
    }
    return {
        "metadata": {"name": name, "namespace": "argocd"},
        "spec": {
            "project": "default",
            "source": source,
            "destination": {"name": spec.pop("cluster", "dev"), "namespace": "default"},
            **spec,
        },
    }


@pytest.mark.parametrize(
    ("name", "spec", "named"),
    [
        ("no-path", {"path": "no/such/path"}, ["no/such/path"]),
        ("no-revision", {"revision": "no-such-branch"}, ["no-such-branch"]),
        ("no-cluster", {"cluster": "nowhere"}, ["nowhere"]),
        ("no-repo", {"repo": "http://127.0.0.1:9/none.git"}, ["127.0.0.1:9"]),
    ],
)
def test_a_wrong_application_says_what_is_wrong(trio: Trio, name: str, spec: dict[str, Any], named: list[str]) -> None:
    wanted = an_application(name, **{"repo": trio.status["repo"]["url"], **spec})
    trio.kubectl(
        "mgmt",
        "apply",
        "-f",
        "-",
        stdin=json.dumps({"apiVersion": "argoproj.io/v1alpha1", "kind": "Application", **wanted}),
    )
    try:
        told = eventually(lambda: conditions(trio, name), f"a condition on {name}")
        for word in named:
            assert word in told
        assert trio.admin.app(name)["status"]["sync"]["status"] == "Unknown"
    finally:
        trio.kubectl("mgmt", "-n", "argocd", "delete", "application", name)


def test_a_cluster_that_hangs_is_shown_as_such_and_others_go_on(trio: Trio) -> None:
    trio.wait_app("around-api-stage", sync="Synced", health="Healthy")
    with stopped([trio.api_server_pid("stage")]):
        eventually(
            lambda: trio.admin.app("around-api-stage")["status"]["health"]["status"] == "Unknown",
            "stage shown as unknown",
        )
        assert "stage" in conditions(trio, "around-api-stage")
        trio.wait_app("around-api-dev", sync="Synced")
        app = trio.admin.app("around-api-dev", refresh="normal")
        assert app["status"]["sync"]["status"] == "Synced"
    trio.wait_app("around-api-stage", sync="Synced", health="Healthy")


def test_the_api_names_what_it_does_not_understand(trio: Trio) -> None:
    wrong = trio.admin.call("POST", "/api/v1/session", json={"username": "admin", "password": "wrong"})
    assert wrong.status_code == 401
    assert wrong.json()["message"] == "Invalid username or password"
    body = trio.admin.call("POST", "/api/v1/applications/around-api-dev/sync", json={"prune": "perhaps"})
    assert body.status_code == 400
    assert "prune" in body.json()["message"]
    nothing = trio.admin.call("GET", "/api/v1/applications/none", params={"project": "dev"})
    assert nothing.status_code == 404
    assert "none" in nothing.json()["message"]
    assert trio.admin.call("GET", "/api/v1/applications/none").status_code == 404  # who may see all is told


def test_an_empty_render_never_deletes_everything(trio: Trio) -> None:
    folder = "deployments/dev/emptied"
    trio.push("one object", {f"{folder}/settings.yaml": GOOD})
    trio.wait_app_exists("emptied-dev")
    trio.wait_app("emptied-dev", sync="Synced", health="Healthy")
    trio.push("none left", {f"{folder}/settings.yaml": None, f"{folder}/README.md": "nothing to deploy\n"})
    told = eventually(lambda: conditions(trio, "emptied-dev"), "a condition on emptied-dev")
    assert "auto-sync will wipe out all resources" in told
    assert trio.live("dev", "configmap", "emptied", "settings") is not None
    trio.push("gone", {folder: None})
