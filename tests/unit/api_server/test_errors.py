import json
from collections.abc import AsyncIterator
from typing import Annotated

import httpx
import pytest
from fastapi import Body, FastAPI
from pydantic import BaseModel, ConfigDict

from adapters.live_client import ControllerUnavailable
from api_server.errors import ANSWERS, add_error_handlers, answer_to, stream_error
from gitops.model import errors
from gitops.model.errors import ClusterRefused, GitOpsError


class Wish(BaseModel):
    model_config = ConfigDict(extra="forbid")

    count: int
    names: list[str] = []


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    app = FastAPI()
    add_error_handlers(app)
    raised: dict[str, Exception] = {
        "missing": errors.NotFound("no such thing"),
        "bug": RuntimeError("password=hunter2"),
        "conflict": ClusterRefused("changed meanwhile", status=409),
    }

    @app.get("/raise/{name}")
    async def fail(name: str) -> None:
        raise raised[name]

    @app.post("/wish")
    async def wish(_: Annotated[Wish, Body()]) -> None: ...

    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://tiphys") as client:
        yield client


def test_every_error_of_the_model_has_an_answer() -> None:
    known = [each for each in vars(errors).values() if isinstance(each, type) and issubclass(each, GitOpsError)]
    assert len(known) > 15
    for each in known:
        answer = answer_to(each("x"))
        assert 400 <= answer.status < 600
    assert answer_to(errors.RevisionNotFound("x")).status == 400
    assert answer_to(errors.RepoServerUnavailable("x")).status == 503
    assert answer_to(ControllerUnavailable("x")).status == 503
    assert ANSWERS[errors.NotPermitted] == (403, 7)


@pytest.mark.parametrize(
    ("status", "answered"),
    [
        *[(403, 403), (404, 404), (409, 409), (422, 400), (413, 413), (429, 429), (405, 400), (410, 409), (415, 400)],
        *[(500, 503), (502, 503), (503, 503), (504, 504), (401, 500), (0, 500)],
    ],
)
def test_the_clusters_own_refusals_keep_their_meaning(status: int, answered: int) -> None:
    assert answer_to(ClusterRefused("no", status=status)).status == answered


async def test_an_error_is_told_three_times_as_argo_cds_clients_expect(client: httpx.AsyncClient) -> None:
    answer = await client.get("/raise/missing")
    assert answer.status_code == 404
    assert answer.json() == {"error": "no such thing", "code": 5, "message": "no such thing"}


async def test_a_bug_tells_nothing_of_itself(client: httpx.AsyncClient) -> None:
    answer = await client.get("/raise/bug")
    assert answer.status_code == 500
    assert "hunter2" not in answer.text
    assert answer.json()["code"] == 13


async def test_an_unknown_route_is_plain_text(client: httpx.AsyncClient) -> None:
    answer = await client.get("/nowhere")
    assert (answer.status_code, answer.text) == (404, "Not Found")


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ('{"count": "many"}', "body count: Input should be a valid integer"),
        ('{"names": []}', "body count: this is required"),
        ('{"count": 1, "names": ["a", 2]}', "body names[1]: Input should be a valid string"),
        ('{"count": 1, "cuont": 2}', "body cuont: there is no such field"),
        ('{"count": 1,', "the body is not valid JSON"),
        ("[]", "body"),
    ],
)
async def test_a_wrong_body_is_a_400_that_names_the_field(client: httpx.AsyncClient, body: str, told: str) -> None:
    answer = await client.post("/wish", content=body, headers={"content-type": "application/json"})
    assert answer.status_code == 400
    assert told in answer.json()["message"]


def test_an_error_inside_a_stream_carries_both_codes() -> None:
    told = json.loads(stream_error(errors.NotPermitted("no")))["error"]
    assert told == {"grpc_code": 7, "http_code": 403, "message": "no", "http_status": "Forbidden"}
