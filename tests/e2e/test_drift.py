"""What people change by hand goes back; in prod to the last synced revision, even while a newer commit waits."""

import pytest

from tests.e2e.test_delivery import ensure_prod, image_of, set_tag
from tests.e2e.trio import Trio, eventually

pytestmark = pytest.mark.e2e


def replicas(trio: Trio, cluster: str) -> int:
    found = trio.live(cluster, "deployment", "around-api", "around-api")
    return int(found["spec"]["replicas"]) if found else -1


def test_scaling_dev_by_hand_is_reverted(trio: Trio) -> None:
    trio.wait_app("around-api-dev", sync="Synced", health="Healthy")
    wanted = replicas(trio, "dev")
    trio.kubectl("dev", "-n", "around-api", "scale", "deployment/around-api", "--replicas=5")
    eventually(lambda: replicas(trio, "dev") == wanted, "the replicas of dev again")
    trio.wait_app("around-api-dev", sync="Synced", health="Healthy")


def test_an_edited_field_and_a_deleted_object_come_back_in_dev(trio: Trio) -> None:
    trio.wait_app("around-api-dev", sync="Synced", health="Healthy")
    image = image_of(trio, "dev")
    trio.kubectl("dev", "-n", "around-api", "set", "image", "deployment/around-api", "*=example.local/evil:1")
    eventually(lambda: image_of(trio, "dev") == image, "the image of dev again")
    trio.wait_app("around-api-dev", sync="Synced")
    service = trio.live("dev", "service", "around-api", "around-api")
    assert service is not None
    trio.kubectl("dev", "-n", "around-api", "delete", "service", "around-api")

    def back() -> bool:
        found = trio.live("dev", "service", "around-api", "around-api")
        return found is not None and found["metadata"]["uid"] != service["metadata"]["uid"]

    eventually(back, "the deleted Service again")


def test_prod_heals_to_the_last_synced_revision_while_a_newer_commit_waits(trio: Trio) -> None:
    ensure_prod(trio)
    wanted, image = replicas(trio, "prod"), image_of(trio, "prod")
    deployed = trio.admin.app("around-api-prod")["status"]["history"][-1]["revision"]
    newer = set_tag(trio, "prod", "1.28.0-alpine")
    trio.wait_app("around-api-prod", sync="OutOfSync", revision=newer)
    trio.kubectl("prod", "-n", "around-api", "scale", "deployment/around-api", "--replicas=9")
    eventually(lambda: replicas(trio, "prod") == wanted, "the replicas of prod again")
    assert image_of(trio, "prod") == image
    state = trio.wait_operation("around-api-prod")
    assert state["phase"] == "Succeeded"
    assert state["operation"]["initiatedBy"] == {"automated": True}
    assert state["syncResult"]["revision"] == deployed
    app = trio.wait_app("around-api-prod", sync="OutOfSync", revision=newer)
    assert app["status"]["history"][-1]["revision"] == deployed
