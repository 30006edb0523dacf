"""Whatever is asked of any route, by anybody: the answer is one of ours, and never a bug of the server."""

import asyncio
import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, urlencode

import httpx
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.integration.api.api_world import World, an_application

AWAY = {502, 503, 504}  # somebody else does not answer, as api_server/errors.py tells it
ENDS_SESSIONS = ("/api/v1/session", "/auth/logout")
CALLERS = ("", "rita", "admin", "admin")  # nobody, readonly, everything
AT_ONCE = 40

known = st.sampled_from(
    ["web", "dev", "ci", "admin", "in-cluster", "https://kubernetes.default.svc", "main", "v1", "*"]
)
odd = st.sampled_from(
    ["", ".", "..", "/", "\0", "a/b", "%", "%2f", "~", "-", "http://[::1", "ssh://u:p@h:99999/x", "x" * 5_000, "é",
     "0", "-1", "99999999999999999999", "1e999", "true", "null", "[]", "{}", "a=b,!c", "a in (", "(?P<", "\r\n", "\x7f"]
)  # fmt: skip
texts = known | odd | st.text(max_size=20).filter(lambda text: text.isprintable() or len(text) < 9)
encoded = st.one_of(texts.map(lambda text: text.encode("utf-8", "replace")), st.binary(max_size=8))
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=6,
)
HEADERS = ("Accept", "Accept-Encoding", "Content-Type", "Origin", "Sec-Fetch-Site", "Last-Event-ID", "X-GitHub-Event",
           "X-Gitlab-Event", "Cookie", "Authorization", "X-Forwarded-For", "If-None-Match", "Range")  # fmt: skip
headers = st.dictionaries(
    st.sampled_from(HEADERS), st.text(st.characters(codec="latin-1", exclude_categories=["C", "Z"]))
)
sound = an_application("web")


def of_schema(schema: Mapping[str, Any], parts: Mapping[str, Any], depth: int = 0) -> st.SearchStrategy[Any]:
    """What the document says would fit, and now and then something else."""
    if depth > 4:
        return values
    if "$ref" in schema:
        return of_schema(parts[schema["$ref"].rpartition("/")[2]], parts, depth)
    if "anyOf" in schema:
        return st.one_of([of_schema(each, parts, depth + 1) for each in schema["anyOf"]])
    if properties := schema.get("properties"):
        fitting = {name: of_schema(each, parts, depth + 1) for name, each in properties.items()}
        needed = {name: fitting.pop(name) for name in schema.get("required", ()) if name in fitting}
        return st.fixed_dictionaries(needed, optional=fitting)
    if schema.get("type") == "array":
        return st.lists(of_schema(schema.get("items", {}), parts, depth + 1), max_size=3)
    plain = {"string": texts, "integer": st.integers(), "boolean": st.booleans(), "number": st.floats()}
    fits = plain.get(str(schema.get("type")), values)
    return st.one_of(fits, fits, fits, values)


@st.composite
def requests(draw: st.DrawFn, document: Mapping[str, Any]) -> tuple[str, httpx.Request]:
    path = draw(st.sampled_from(sorted(document["paths"])))
    method = draw(st.sampled_from(sorted(document["paths"][path])))
    told = document["paths"][path][method]
    target, query = path, []
    for each in told.get("parameters", ()):
        if each["in"] == "path":
            target = target.replace(
                "{" + each["name"] + "}", quote(draw(encoded), safe=draw(st.sampled_from(["", "/.%"])))
            )
        elif draw(st.booleans()):
            query.append((each["name"], draw(encoded)))
    content, sent = b"", draw(st.just({}) | headers)
    if "requestBody" in told or method in ("post", "put", "patch"):
        schema = told.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema", {})
        fitting = of_schema(schema, document.get("components", {}).get("schemas", {}))
        content = json.dumps(draw(st.one_of(fitting, fitting, values, st.just(sound)))).encode()
        sent = {"Content-Type": "application/json", **sent}
    target = target.encode("ascii").replace(b"\\", b"%5C") + (b"?" + urlencode(query).encode() if query else b"")
    caller = "" if path in ENDS_SESSIONS else draw(st.sampled_from(CALLERS))
    url = httpx.URL("http://x").copy_with(raw_path=target)
    raw = {name.encode(): value.encode("latin-1") for name, value in sent.items()}
    return caller, httpx.Request(method.upper(), url, headers=raw, content=content)


@pytest.fixture
async def document(world: World) -> dict[str, Any]:
    for name in ("web", "v1", "main"):
        await world.add_app(name)
    told: dict[str, Any] = (await world.client().get("/swagger.json")).json()
    assert len(told["paths"]) > 40
    return told


async def answer_to(world: World, caller: str, request: httpx.Request) -> tuple[int, str]:
    client = await world.as_user(caller) if caller else world.client()
    url = httpx.URL(world.url).copy_with(raw_path=request.url.raw_path)
    ours = {} if "authorization" in request.headers else dict(client.headers)
    merged = httpx.Headers(
        [*httpx.Headers(ours).raw, *(each for each in request.headers.raw if each[0].lower() != b"host")]
    )
    again = httpx.Request(request.method, url, headers=merged, content=request.content)
    answer = await client.send(again, stream=True)
    try:
        return answer.status_code, "" if answer.status_code < 500 else (await answer.aread()).decode()
    finally:
        await answer.aclose()


@settings(
    max_examples=15,
    derandomize=True,
    database=None,
    deadline=None,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)
@given(data=st.data())
async def test_no_request_ends_in_a_bug(world: World, document: dict[str, Any], data: st.DataObject) -> None:
    asked = data.draw(st.lists(requests(document), min_size=AT_ONCE, max_size=AT_ONCE))
    for name in CALLERS[1:]:
        await world.as_user(name)
    async with asyncio.TaskGroup() as group:
        answering = [group.create_task(answer_to(world, *each)) for each in asked]
    answers = [each.result() for each in answering]
    for (caller, request), (status, text) in zip(asked, answers, strict=True):
        if status >= 500:
            who = (caller, request.method, request.url.raw_path, request.headers.raw, request.content)
            assert status in AWAY, (who, status, text)
            assert json.loads(text)["code"] in (4, 14), (who, status, text)
