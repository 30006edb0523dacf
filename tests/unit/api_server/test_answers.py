import gzip

import httpx
import pytest
from starlette.requests import Request
from starlette.types import Receive, Scope, Send

from api_server.answers import GZIP_AT_ONCE, GZIP_FROM, packed, raw_answer


async def answered(body: bytes, accepts: str) -> httpx.Response:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await raw_answer(Request(scope), body)(scope, receive, send)

    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://x") as client:
        return await client.get("/", headers={"accept-encoding": accepts})


@pytest.mark.parametrize("size", [GZIP_FROM, GZIP_AT_ONCE, 2 * GZIP_AT_ONCE])
async def test_an_answer_of_any_size_is_compressed_for_who_asks(size: int) -> None:
    body = b'["' + b"a" * (size - 4) + b'"]'
    answer = await answered(body, "gzip")
    assert answer.content == body
    assert (answer.headers["content-encoding"], answer.headers["vary"]) == ("gzip", "Accept-Encoding")
    assert int(answer.headers["content-length"]) < size / 2
    plain = await answered(body, "identity")
    assert plain.content == body
    assert "content-encoding" not in plain.headers


async def test_a_small_answer_stays_as_it_is() -> None:
    assert "content-encoding" not in (await answered(b"{}", "gzip")).headers


def test_equal_answers_have_different_lengths() -> None:
    every = [packed(b"a" * 5_000) for _ in range(50)]
    assert len({len(each) for each in every}) > 5
    assert {gzip.decompress(each) for each in every} == {b"a" * 5_000}
