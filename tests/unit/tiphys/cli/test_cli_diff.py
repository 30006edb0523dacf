"""`app diff`: against live, and between commits."""

import json
from typing import Any

import pytest
from cli_remote import Remote, Run, application


def deployment(image: str, **metadata: Any) -> dict[str, Any]:
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "api", "namespace": "n", **metadata},
        "spec": {"image": image},
    }


def managed(live: Any, target: Any, predicted: Any = None, **more: Any) -> dict[str, Any]:
    states = {"liveState": live, "normalizedLiveState": live, "targetState": target, "predictedLiveState": predicted}
    texts = {key: json.dumps(value) for key, value in states.items()}
    return {"group": "apps", "kind": "Deployment", "namespace": "n", "name": "api", **texts, **more}


@pytest.fixture
def dev(remote: Remote) -> Remote:
    remote.add(application("dev", status__history=[{"id": 0, "revision": "a" * 40}]))
    return remote


def test_live_against_what_a_sync_would_make_of_it(tiphys: Run, dev: Remote) -> None:
    live = deployment("api:1", resourceVersion="7", managedFields=[{}])
    dev.managed = [managed(live, deployment("api:2"), deployment("api:2", resourceVersion="8"))]
    ran = tiphys("app", "diff", "dev")
    assert ran.code == 1
    assert ran.out == (
        "===== apps/Deployment n/api: would change =====\n"
        "--- live\n"
        "+++ desired\n"
        "@@ -4,4 +4,4 @@\n"
        "   name: api\n"
        "   namespace: n\n"
        " spec:\n"
        "-  image: api:1\n"
        "+  image: api:2\n"
    )


def test_no_difference_is_0_and_prints_nothing(tiphys: Run, dev: Remote) -> None:
    dev.managed = [managed(deployment("api:1"), deployment("api:1"), deployment("api:1", uid="u"))]
    ran = tiphys("app", "diff", "dev")
    assert (ran.code, ran.out, ran.err) == (0, "", "dev: no difference\n")


@pytest.mark.parametrize(
    ("resource", "title"),
    [
        (managed(None, deployment("api:1")), "would be created"),
        (managed(deployment("api:1"), None), "not in Git; deleted by a sync with prune"),
    ],
)
def test_what_comes_and_what_goes(tiphys: Run, dev: Remote, resource: dict[str, Any], title: str) -> None:
    dev.managed = [resource]
    assert tiphys("app", "diff", "dev").out.startswith(f"===== apps/Deployment n/api: {title} =====\n")


def test_hooks_are_no_difference(tiphys: Run, dev: Remote) -> None:
    dev.managed = [managed(None, deployment("api:1"), hook=True)]
    assert tiphys("app", "diff", "dev").code == 0


def test_another_commit_against_the_last_synced_one(tiphys: Run, dev: Remote) -> None:
    service = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "api", "namespace": "n"}}
    dev.manifests = {"a" * 40: [deployment("api:1")], "pull/7": [deployment("api:2"), service]}
    ran = tiphys("app", "diff", "dev", "--revision", "pull/7")
    assert ran.code == 1
    assert [line for line in ran.out.splitlines() if line.startswith("=====")] == [
        "===== Service n/api: would be created =====",
        "===== apps/Deployment n/api: would change =====",
    ]
    assert "--- aaaaaaa\n+++ pull/7\n" in ran.out
    dev.manifests["pull/8"] = [deployment("api:1")]
    assert tiphys("app", "diff", "dev", "--revision", "pull/8").code == 0


def test_an_error_is_more_than_1(tiphys: Run, dev: Remote) -> None:
    dev.answers["GET", "/api/v1/applications/dev/managed-resources"] = (503, {"message": "the controller is away"})
    ran = tiphys("app", "diff", "dev")
    assert ran.code >= 2
    assert ran.out == ""
