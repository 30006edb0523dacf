"""What annotations say, and what a typo in one says: nothing."""

from typing import Any

import pytest

from gitops.manifest import annotations
from gitops.manifest.annotations import DeletePolicy, HookType


def marked(**found: Any) -> dict[str, Any]:
    keys = {"hook": annotations.HOOK, "helm": annotations.HELM_HOOK, "wave": annotations.SYNC_WAVE}
    named = {keys.get(name, name): value for name, value in found.items()}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a", "annotations": named}}


@pytest.mark.parametrize(
    ("found", "wave"),
    [
        ({}, 0),
        ({"wave": "3"}, 3),
        ({"wave": "-5"}, -5),
        ({"wave": "x"}, 0),
        ({annotations.HELM_HOOK_WEIGHT: "7"}, 7),
        ({"wave": "x", annotations.HELM_HOOK_WEIGHT: "7"}, 7),
        ({"wave": "1", annotations.HELM_HOOK_WEIGHT: "7"}, 1),
        ({"wave": 2}, 0),
    ],
)
def test_waves(found: dict[str, Any], wave: int) -> None:
    assert annotations.sync_wave(marked(**found)) == wave


@pytest.mark.parametrize(
    ("found", "types", "hook"),
    [
        ({}, set(), False),
        ({"hook": "PreSync, PostSync"}, {HookType.PRE_SYNC, HookType.POST_SYNC}, True),
        ({"hook": "Sync", "helm": "post-delete"}, {HookType.SYNC}, True),
        ({"helm": "pre-install,pre-upgrade"}, {HookType.PRE_SYNC}, True),
        ({"helm": "post-delete"}, {HookType.POST_DELETE}, True),
        ({"helm": "test"}, set(), True),
        ({"helm": "crd-install"}, set(), False),
        ({"hook": "Skip"}, {HookType.SKIP}, False),
        ({"hook": "Skip,PreSync"}, {HookType.SKIP, HookType.PRE_SYNC}, True),
        ({"hook": "Presync"}, set(), True),
    ],
)
def test_hooks(found: dict[str, Any], types: set[str], hook: bool) -> None:
    assert annotations.hook_types(marked(**found)) == types
    assert annotations.is_hook(marked(**found)) is hook


def test_delete_policies_default_to_before_the_next_run() -> None:
    assert annotations.hook_delete_policies(marked(hook="Sync")) == {DeletePolicy.BEFORE_HOOK_CREATION}
    helm = marked(**{annotations.HELM_HOOK_DELETE_POLICY: "hook-succeeded,hook-failed"})
    assert annotations.hook_delete_policies(helm) == {DeletePolicy.HOOK_SUCCEEDED, DeletePolicy.HOOK_FAILED}


def test_other_marks() -> None:
    manifest = marked(
        **{
            annotations.SYNC_OPTIONS: "Prune=false, Validate=false",
            annotations.COMPARE_OPTIONS: "IgnoreExtraneous",
            annotations.IGNORE_HEALTHCHECK: "true",
            annotations.REFRESH: "sometimes",
            annotations.DELETION_APPROVED: "2026-11-23T10:00:00Z",
            annotations.MANIFEST_GENERATE_PATHS: ".;/charts ;",
            "link.argocd.argoproj.io/docs": "https://example.com",
        }
    )
    assert annotations.sync_options(manifest) == {"Prune=false", "Validate=false"}
    assert annotations.ignores_extraneous(manifest)
    assert annotations.ignores_healthcheck(manifest)
    assert annotations.requested_refresh(manifest) == "normal"
    approved = annotations.deletion_approved_at(manifest)
    assert approved is not None
    assert approved.hour == 10
    assert annotations.manifest_generate_paths(manifest) == (".", "/charts")
    assert annotations.external_links(manifest) == ("https://example.com",)


def test_an_unreadable_approval_approves_nothing() -> None:
    for text in ("yes", "0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-23:59"):
        assert annotations.deletion_approved_at(marked(**{annotations.DELETION_APPROVED: text})) is None


@pytest.mark.parametrize("text", ["²", "9" * 20, "1_0", " 1", "1e3"])
def test_a_wave_that_go_would_not_read_is_none(text: str) -> None:
    assert annotations.sync_wave(marked(**{annotations.SYNC_WAVE: text})) == 0


def test_metadata_of_the_wrong_shape_says_nothing() -> None:
    for broken in ({"metadata": None}, {"metadata": {"annotations": ["a"]}}, {}):
        assert annotations.sync_wave(broken) == 0
        assert not annotations.is_hook(broken)
