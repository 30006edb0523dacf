"""A directory in Git is an Application; without the directory it is none."""

import pytest

from tests.e2e.trio import Trio, eventually

pytestmark = pytest.mark.e2e

CONFIG = """apiVersion: v1
kind: ConfigMap
metadata:
  name: greeting
data:
  text: hello
"""


def test_a_service_directory_makes_its_application_and_takes_it_along(trio: Trio) -> None:
    trio.push("greeter for dev", {"deployments/dev/greeter/greeting.yaml": CONFIG})
    eventually(lambda: trio.admin.call("GET", "/api/v1/applications/greeter-dev").status_code == 200, "greeter-dev")
    trio.wait_app("greeter-dev", sync="Synced", health="Healthy")
    assert trio.live("dev", "configmap", "greeter", "greeting") is not None
    assert trio.admin.call("GET", "/api/v1/applications/greeter-prod").status_code in (403, 404)

    trio.push("no greeter any more", {"deployments/dev/greeter": None})
    eventually(
        lambda: trio.admin.call("GET", "/api/v1/applications/greeter-dev").status_code in (403, 404),
        "greeter-dev gone",
    )
    eventually(lambda: trio.live("dev", "configmap", "greeter", "greeting") is None, "what greeter-dev deployed gone")
    assert trio.admin.call("GET", "/api/v1/applications/around-api-dev").status_code == 200
