"""From a push to real clusters, in the order a team meets it: dev follows, stage follows, prod waits."""

import re

import pytest

from tests.e2e.trio import Trio, eventually, stays

pytestmark = pytest.mark.e2e

VALUES = "deployments/{}/around-api/values-{}.yaml"


def image_of(trio: Trio, cluster: str) -> str:
    found = trio.live(cluster, "deployment", "around-api", "around-api")
    return found["spec"]["template"]["spec"]["containers"][0]["image"] if found else ""


def set_tag(trio: Trio, environment: str, tag: str) -> str:
    path = VALUES.format(environment, environment)
    changed = re.sub(r"tag: .*", f"tag: {tag}", trio.read(path))
    assert changed != trio.read(path)
    return trio.push(f"around-api {tag} in {environment}", {path: changed})


def ensure_prod(trio: Trio, service: str = "around-api") -> None:
    """prod never syncs by itself: an operator does it once."""
    name = f"{service}-prod"
    if trio.admin.app(name)["status"]["sync"]["status"] != "Synced":
        answer = trio.as_user("operator").sync(name, prune=True)
        assert answer.status_code == 200, answer.text
        trio.wait_operation(name)
    trio.wait_app(name, sync="Synced", health="Healthy")


@pytest.mark.parametrize("environment", ["dev", "stage"])
@pytest.mark.parametrize("service", ["around-api", "privacy-api", "batch-service"])
def test_automated_environments_come_up_by_themselves(trio: Trio, service: str, environment: str) -> None:
    trio.wait_app(f"{service}-{environment}", sync="Synced", health="Healthy")


def test_prod_waits_for_a_person(trio: Trio) -> None:
    for service in ("around-api", "privacy-api", "batch-service"):
        app = trio.wait_app(f"{service}-prod", sync="OutOfSync")
        assert "operationState" not in app["status"]


def test_a_commit_is_live_in_dev_and_only_that_application_is_rendered(trio: Trio) -> None:
    ensure_prod(trio)
    trio.wait_app("around-api-dev", sync="Synced", health="Healthy")
    before = trio.metric("repo_server", "tiphys_render_total")
    revision = set_tag(trio, "dev", "1.27.4-alpine")
    eventually(lambda: image_of(trio, "dev").endswith(":1.27.4-alpine"), "the new image in dev")
    trio.wait_app("around-api-dev", sync="Synced", health="Healthy", revision=revision)
    # The others moved to the new commit as well, and nothing of them was rendered for it.
    for name in ("privacy-api-dev", "batch-service-stage", "around-api-prod"):
        trio.wait_app(name, revision=revision)
    assert trio.metric("repo_server", "tiphys_render_total") - before == 1
    assert trio.metric("repo_server", "tiphys_render_total", path="deployments/dev/around-api") >= 1


def test_a_commit_for_prod_waits_and_says_so(trio: Trio) -> None:
    ensure_prod(trio)
    image = image_of(trio, "prod")
    set_tag(trio, "prod", "1.27.5-alpine")
    trio.wait_app("around-api-prod", sync="OutOfSync")
    stays(lambda: image_of(trio, "prod") == image, "prod as it was", seconds=3)
    changed = trio.admin.get("/api/v1/applications/around-api-prod/managed-resources")["items"]
    (deployment,) = [each for each in changed if each["kind"] == "Deployment"]
    assert "1.27.5-alpine" in deployment["predictedLiveState"]
    assert "1.27.5-alpine" not in deployment["liveState"]


def test_only_an_operator_may_sync_prod(trio: Trio) -> None:
    ensure_prod(trio)
    set_tag(trio, "prod", "1.27.6-alpine")
    trio.wait_app("around-api-prod", sync="OutOfSync")
    for user in ("readonly", "developer"):
        refused = trio.as_user(user).sync("around-api-prod")
        assert refused.status_code == 403, refused.text
        assert "permission denied" in refused.json()["message"]
    assert not image_of(trio, "prod").endswith(":1.27.6-alpine")
    assert trio.as_user("operator").sync("around-api-prod").status_code == 200
    state = trio.wait_operation("around-api-prod")
    assert state["phase"] == "Succeeded"
    assert state["operation"]["initiatedBy"] == {"username": "operator"}
    assert image_of(trio, "prod").endswith(":1.27.6-alpine")
    trio.wait_app("around-api-prod", sync="Synced", health="Healthy")


def test_a_developer_may_sync_dev(trio: Trio) -> None:
    trio.wait_operation("around-api-dev")
    answer = trio.as_user("developer").sync("around-api-dev")
    assert answer.status_code == 200, answer.text
    assert trio.wait_operation("around-api-dev")["phase"] == "Succeeded"


def test_a_removed_object_is_pruned_in_dev_and_kept_in_prod(trio: Trio) -> None:
    ensure_prod(trio, "privacy-api")
    base = "services/privacy-api/base/"
    kustomization = trio.read(base + "kustomization.yaml")
    notice = trio.read(base + "notice.yaml")
    trio.push(
        "no notice",
        {base + "kustomization.yaml": kustomization.replace("  - notice.yaml\n", ""), base + "notice.yaml": None},
    )
    eventually(
        lambda: trio.live("dev", "configmap", "privacy-api", "privacy-notice") is None, "privacy-notice pruned in dev"
    )
    trio.wait_app("privacy-api-dev", sync="Synced", health="Healthy")
    app = trio.wait_app("privacy-api-prod", sync="OutOfSync")
    shown = [each for each in app["status"]["resources"] if each["name"] == "privacy-notice"]
    assert [each.get("requiresPruning") for each in shown] == [True]
    stays(
        lambda: trio.live("prod", "configmap", "privacy-api", "privacy-notice") is not None,
        "privacy-notice in prod",
        seconds=2,
    )
    trio.push("the notice again", {base + "kustomization.yaml": kustomization, base + "notice.yaml": notice})
    trio.wait_app("privacy-api-prod", sync="Synced")


def test_a_git_revert_restores_the_old_state(trio: Trio) -> None:
    trio.wait_app("around-api-dev", sync="Synced", health="Healthy")
    old = image_of(trio, "dev")
    set_tag(trio, "dev", "1.27.9-alpine")
    eventually(lambda: image_of(trio, "dev").endswith(":1.27.9-alpine"), "the new image in dev")
    trio.git("revert", "--no-edit", "HEAD")
    trio.git("push", "-q", "origin", "HEAD:main")
    eventually(lambda: image_of(trio, "dev") == old, "the old image in dev")
    trio.wait_app("around-api-dev", sync="Synced", health="Healthy", revision=trio.git("rev-parse", "HEAD"))


def test_a_rollback_restores_a_history_entry_and_stays_there(trio: Trio) -> None:
    ensure_prod(trio)
    operator = trio.as_user("operator")
    before = trio.admin.app("around-api-prod")["status"]["history"][-1]
    old = image_of(trio, "prod")
    set_tag(trio, "prod", "1.27.10-alpine")
    trio.wait_app("around-api-prod", sync="OutOfSync")
    assert operator.sync("around-api-prod").status_code == 200
    eventually(lambda: image_of(trio, "prod").endswith(":1.27.10-alpine"), "the new image in prod")
    trio.wait_operation("around-api-prod")
    refused = trio.as_user("developer").call(
        "POST", "/api/v1/applications/around-api-prod/rollback", json={"id": before["id"]}
    )
    assert refused.status_code == 403
    answer = operator.call(
        "POST", "/api/v1/applications/around-api-prod/rollback", json={"name": "around-api-prod", "id": before["id"]}
    )
    assert answer.status_code == 200, answer.text
    state = trio.wait_operation("around-api-prod")
    assert state["phase"] == "Succeeded", state["message"]
    assert state["syncResult"]["revision"] == before["revision"]
    assert image_of(trio, "prod") == old
    app = trio.wait_app("around-api-prod", sync="OutOfSync")
    assert app["status"]["history"][-1]["revision"] == before["revision"]
    # Drift after a rollback goes back to what was rolled back to, not to the newer commit.
    trio.kubectl("prod", "-n", "around-api", "scale", "deployment/around-api", "--replicas=7")
    eventually(
        lambda: (trio.live("prod", "deployment", "around-api", "around-api") or {})["spec"]["replicas"] != 7,
        "prod's drift healed",
    )
    assert image_of(trio, "prod") == old
