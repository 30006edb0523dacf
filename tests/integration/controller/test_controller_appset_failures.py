"""What is wrong with an ApplicationSet shows in its conditions, never only in a log."""

import json
from typing import Any

import pytest

from tests.integration.controller.controller_world import World, eventually


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("{{ range .number }}x{{ end }}", "`range` cannot go over 1.5"),
        ("{{ range 1000000000 }}{{ end }}", "does too much"),
        ("{{ index .number 1 }}", "refuses its arguments"),
        ("{{ nosuch }}", "is not supported"),
    ],
)
async def test_a_template_that_cannot_be_filled_in_is_told(world: World, name: str, told: str) -> None:
    template: dict[str, Any] = {"metadata": {"name": name}, "spec": {"project": "default"}}
    body = {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "ApplicationSet",
        "metadata": {"name": "set", "namespace": world.namespace},
        "spec": {"goTemplate": True, "generators": [{"list": {"elements": [{"number": 1.5}]}}], "template": template},
    }
    await world.kubectl("create", "-f", "-", stdin=json.dumps(body))

    async def message() -> str | None:
        found = await world.get("applicationset.argoproj.io", "set")
        conditions = ((found or {}).get("status") or {}).get("conditions") or []
        return next(
            (each["message"] for each in conditions if (each["type"], each["status"]) == ("ErrorOccurred", "True")),
            None,
        )

    assert told in str(await eventually(message, "the set says what is wrong with it"))
