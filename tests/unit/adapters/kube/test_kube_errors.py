"""What a user reads when an API server says no."""

from typing import Any

import orjson
import pytest

from adapters.kube import requests
from adapters.kube.errors import refusal
from adapters.kube.requests import Request
from gitops.model.errors import AlreadyExists, ClusterRefused, Conflict, GitOpsError, KindNotServed, NotFound
from gitops.model.resource import ResourceType

DEPLOYMENTS = ResourceType("apps", "v1", "Deployment", "deployments", namespaced=True)
SECRETS = ResourceType("", "v1", "Secret", "secrets", namespaced=True)


def applying(type: ResourceType) -> Request:
    return requests.apply(type, {"metadata": {"name": "web", "namespace": "dev"}}, manager="m")


def answered(code: int, reason: str, message: str, **details: Any) -> GitOpsError:
    body = {"kind": "Status", "code": code, "reason": reason, "message": message, "details": details}
    return refusal(applying(DEPLOYMENTS), code, orjson.dumps(body))


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        pytest.param(answered(404, "NotFound", "no web", kind="deployments", name="web"), NotFound, id="no object"),
        pytest.param(answered(404, "NotFound", "no resource"), KindNotServed, id="no kind"),
        pytest.param(refusal(applying(DEPLOYMENTS), 404, b"404 page not found\n"), KindNotServed, id="no group"),
        pytest.param(answered(409, "AlreadyExists", "there"), AlreadyExists, id="exists"),
        pytest.param(answered(409, "Conflict", "changed"), Conflict, id="conflict"),
        pytest.param(answered(403, "Forbidden", "may not"), ClusterRefused, id="forbidden"),
        pytest.param(answered(422, "Invalid", "wrong"), ClusterRefused, id="invalid"),
        pytest.param(refusal(applying(DEPLOYMENTS), 503, b"service unavailable"), ClusterRefused, id="plain text"),
        pytest.param(refusal(applying(DEPLOYMENTS), 502, b"\xff\xfe<html>"), ClusterRefused, id="proxy"),
    ],
)
def test_each_answer_is_its_own_error(error: GitOpsError, kind: type[GitOpsError]) -> None:
    assert type(error) is kind
    assert str(error).startswith("apply Deployment dev/web: ")


def test_causes_name_their_fields() -> None:
    causes = [{"field": "spec.replicas", "message": "Invalid value: -1: must be at least 0"}]
    error = answered(422, "Invalid", "Deployment web is invalid", causes=causes)
    assert "spec.replicas: Invalid value: -1: must be at least 0" in str(error)


def test_causes_that_the_message_tells_already_are_not_told_twice() -> None:
    message = "web is invalid: spec.replicas: must be at least 0"
    error = answered(422, "Invalid", message, causes=[{"field": "spec.replicas", "message": "must be at least 0"}])
    assert str(error).count("must be at least 0") == 1


def test_the_status_and_the_reason_stay_readable_for_programs() -> None:
    error = answered(403, "Forbidden", "may not")
    assert isinstance(error, ClusterRefused)
    assert (error.status, error.api_reason) == (403, "Forbidden")
    assert "lacks this permission" in str(error)


@pytest.mark.parametrize("code", [400, 422, 500])
def test_a_secret_is_never_quoted(code: int) -> None:
    body = {
        "kind": "Status",
        "reason": "Invalid",
        "message": 'Secret "web" is invalid: data[key]: Invalid value: "hunter2"',
        "details": {"causes": [{"field": "data[key]", "reason": "FieldValueInvalid", "message": 'Invalid "hunter2"'}]},
    }
    told = str(refusal(applying(SECRETS), code, orjson.dumps(body)))
    assert "hunter2" not in told
    assert "data[key]: FieldValueInvalid" in told
    assert "hunter2" not in str(refusal(applying(SECRETS), code, b"cannot read hunter2"))


def test_a_missing_namespace_says_what_to_do() -> None:
    error = answered(404, "NotFound", 'namespaces "dev" not found', kind="namespaces", name="dev")
    assert "CreateNamespace=true" in str(error)


def test_an_endless_message_is_cut() -> None:
    assert len(str(answered(422, "Invalid", "x" * 100_000))) < 3_000
