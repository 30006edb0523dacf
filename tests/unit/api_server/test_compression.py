import gzip
from collections.abc import AsyncIterator

import httpx
import pytest
from starlette.responses import Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from api_server.answers import json_answer, raw_answer, token_answer
from api_server.compression import GZIP_AT_ONCE, GZIP_FROM, Compression, packed


async def answered(answer: Response, accepts: str = "gzip") -> httpx.Response:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await answer(scope, receive, send)

    async with httpx.AsyncClient(transport=httpx.ASGITransport(Compression(app)), base_url="http://x") as client:
        return await client.get("/", headers={"accept-encoding": accepts})


@pytest.mark.parametrize("size", [GZIP_FROM, GZIP_AT_ONCE, 2 * GZIP_AT_ONCE])
async def test_an_answer_of_any_size_is_compressed_for_who_asks(size: int) -> None:
    body = b'["' + b"a" * (size - 4) + b'"]'
    for made in (raw_answer(body), json_answer(["a" * (size - 4)])):
        answer = await answered(made)
        assert answer.content == body
        assert (answer.headers["content-encoding"], answer.headers["vary"]) == ("gzip", "Accept-Encoding")
        assert int(answer.headers["content-length"]) < size / 2
    plain = await answered(raw_answer(body), "identity")
    assert plain.content == body
    assert "content-encoding" not in plain.headers


@pytest.mark.parametrize(
    ("accepts", "taken"),
    [
        ("gzip, deflate, br", True),
        ("GZIP;q=0.5", True),
        ("*", True),
        ("gzip;q=0", False),
        ("gzip; q=0.0, *", False),
        ("gzip;q=much", False),
        ("x-gzipped", False),
        ("", False),
    ],
)
async def test_only_who_takes_gzip_gets_it(accepts: str, taken: bool) -> None:
    answer = await answered(json_answer("a" * GZIP_FROM), accepts)
    assert ("content-encoding" in answer.headers) == taken
    assert answer.json() == "a" * GZIP_FROM


async def test_a_small_answer_stays_as_it_is() -> None:
    assert "content-encoding" not in (await answered(json_answer({}))).headers


async def test_an_answer_with_a_token_is_never_compressed() -> None:
    answer = await answered(token_answer("t" * GZIP_FROM))
    assert "content-encoding" not in answer.headers
    assert "no-store" in answer.headers["cache-control"]


@pytest.mark.parametrize("media_type", ["application/json", "text/event-stream"])
async def test_a_stream_passes_untouched_and_at_once(media_type: str) -> None:
    """ndjson is called application/json, too."""
    sent: list[str] = []

    async def lines() -> AsyncIterator[bytes]:
        assert sent == ["http.response.start"]  # whoever connects is told so before anything happens
        yield b"{}" * GZIP_FROM

    async def receive() -> dict[str, str]:
        return {"type": "http.request"}

    async def send(message: dict[str, object]) -> None:
        sent.append(str(message["type"]))
        assert b"content-encoding" not in dict(message.get("headers", ()))  # type: ignore[call-overload]

    scope = {"type": "http", "headers": [(b"accept-encoding", b"gzip")], "asgi": {"spec_version": "2.4"}}
    stream = StreamingResponse(lines(), media_type=media_type)
    await Compression(stream)(scope, receive, send)  # type: ignore[arg-type]
    assert len(sent) == 3


def test_equal_answers_have_different_lengths() -> None:
    every = [packed(b"a" * 5_000) for _ in range(50)]
    assert len({len(each) for each in every}) > 5
    assert {gzip.decompress(each) for each in every} == {b"a" * 5_000}
