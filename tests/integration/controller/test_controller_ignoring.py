"""ignoreDifferences with jq, by a real controller on a real API server."""

import json
from typing import Any

from tests.integration.controller.controller_world import World, config_map, eventually, yaml

ENDLESS = ".data | select(last(range(1e12)) > 0)"


def ignoring(expression: str) -> dict[str, Any]:
    return {"ignoreDifferences": [{"kind": "ConfigMap", "jqPathExpressions": [expression]}]}


async def changed_behind_git_s_back(world: World, name: str, **data: str) -> None:
    await world.kubectl(
        "patch", "configmap", name, "-n", world.namespace, "--type=merge", "-p", json.dumps({"data": data})
    )


async def test_fields_that_an_expression_leads_to_are_neither_compared_nor_healed(world: World) -> None:
    world.commit({"app/all.yaml": yaml(config_map("a", colour="red", shape="round", size="1"))})
    app = await world.add_app(
        automated={"selfHeal": True},
        options=("RespectIgnoreDifferences=true",),
        **ignoring(".data | .colour, .size | select(. != null)"),  # `,` binds tighter than `|`
    )
    await world.wait_sync(app, "Synced")
    await changed_behind_git_s_back(world, "a", colour="blue", size="2", shape="flat")

    async def is_healed() -> bool:
        return await world.data("a") == {"colour": "blue", "size": "2", "shape": "round"}

    await eventually(is_healed, "only what is not ignored is healed")
    await world.wait_sync(app, "Synced")


async def test_an_expression_that_runs_away_is_named_and_holds_up_only_its_own_application(world: World) -> None:
    world.commit({"app/all.yaml": yaml(config_map("a", colour="red")), "other/all.yaml": yaml(config_map("b", x="1"))})
    bad = await world.add_app("bad", automated={"selfHeal": True}, **ignoring(ENDLESS))
    good = await world.add_app("good", path="other", automated={"selfHeal": True}, **ignoring(".data.y"))
    await world.wait_sync(bad, "Synced")  # there is nothing to ignore, so jq is not asked
    await world.wait_sync(good, "Synced")
    await changed_behind_git_s_back(world, "a", colour="blue")
    told = await world.wait_condition(bad, "ComparisonError", ENDLESS)
    assert "more than 1 s" in told
    await changed_behind_git_s_back(world, "b", x="2", y="3")

    async def is_healed() -> bool:
        return await world.data("b") == {"x": "1", "y": "3"}

    await eventually(is_healed, "the other application is compared and healed")
    assert (await world.status(bad))["sync"]["status"] == "Unknown"
    assert await world.data("a") == {"colour": "blue"}
    await world.patch_app(bad, {"spec": {"ignoreDifferences": None}})
    await world.wait_sync(bad, "Synced")
    assert await world.data("a") == {"colour": "red"}


async def test_what_is_not_jq_is_told_before_anything_is_compared(world: World) -> None:
    world.commit({"app/all.yaml": yaml(config_map("a", colour="red"))})
    app = await world.add_app(automated={}, **ignoring(".data | nosuch(1)"))
    told = await world.wait_condition(app, "InvalidSpecError", "nosuch")
    assert "`.data | nosuch(1)` is not a jq expression" in told
    assert await world.data("a") is None
