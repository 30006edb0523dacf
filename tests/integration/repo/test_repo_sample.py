"""The sample repository, as its applications see it."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.integration

SAMPLE = Path(__file__).parents[3] / "examples" / "gitops-repo"
SERVICES = ("around-api", "batch-service", "privacy-api")
STAGES = ("dev", "stage", "prod")


def sample_files() -> dict[str, str]:
    return {str(each.relative_to(SAMPLE)): each.read_text() for each in SAMPLE.rglob("*") if each.is_file()}


async def test_a_new_image_tag_in_dev_renders_one_application(ask: Callable[..., Any]) -> None:
    asker = await ask(REPO_SERVER_WORKERS="2")
    files = sample_files()
    asker.repo.commit(files)
    paths = [f"deployments/{stage}/{service}" for stage in STAGES for service in SERVICES]

    async def all_rendered(known: dict[str, str]) -> dict[str, Any]:
        return {path: await asker.render(path, known=known.get(path, "")) for path in paths}

    before = await all_rendered({})
    assert {each.source_type for each in before.values()} == {"Helm", "Kustomize", "Directory"}
    assert all(each.rendered and len(each.manifests) > 300 for each in before.values())
    values = "deployments/dev/around-api/values-dev.yaml"
    asker.repo.commit({values: files[values] + "\n# touched\n"})
    after = await all_rendered({path: each.render_key for path, each in before.items()})
    assert [path for path, each in after.items() if not each.unchanged] == ["deployments/dev/around-api"]
    assert asker.server.metric("tiphys_render_total") == len(paths) + 1
    assert asker.server.metric("tiphys_render_total", path="deployments/dev/around-api") == 2


async def test_every_object_of_the_sample_is_one_kubernetes_would_take(ask: Callable[..., Any]) -> None:
    asker = await ask()
    asker.repo.commit(sample_files())
    for service in SERVICES:
        kinds = {each["kind"] for each in await asker.objects(f"deployments/dev/{service}")}
        assert kinds & {"Deployment", "CronJob", "Job"}
