"""The images of objects, whatever shape they have."""

from typing import Any

import pytest

from gitops.manifest.images import images_of

PODS: dict[str, Any] = {"containers": [{"image": "b:1"}, {"image": "a:1"}], "initContainers": [{"image": "c:1"}]}


@pytest.mark.parametrize(
    ("manifest", "images"),
    [
        ({"spec": PODS}, ("b:1", "a:1")),
        ({"spec": {"template": {"spec": PODS}}}, ("b:1", "a:1")),
        ({"spec": {"jobTemplate": {"spec": {"template": {"spec": PODS}}}}}, ("b:1", "a:1")),
        ({"spec": {"containers": "none"}}, ()),
        ({"spec": {"containers": [None, {"image": 1}, {}]}}, ()),
        ({"spec": [1]}, ()),
        ({}, ()),
    ],
)
def test_images_of_containers_in_their_order(manifest: dict[str, Any], images: tuple[str, ...]) -> None:
    assert images_of(manifest) == images
