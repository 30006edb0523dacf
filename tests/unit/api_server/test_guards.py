from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.types import Receive, Scope, Send

from api_server.guards import BODY_LIMIT, STRANGERS_BODY_LIMIT, RawPaths, RequestGuard, SecurityHeaders
from api_server.static import Dashboard

JSON = {"content-type": "application/json"}
COOKIE = {"cookie": "argocd.token=x"}


async def echo(scope: Scope, receive: Receive, send: Send) -> None:
    """Answers with the path it was given and the size of the body."""
    body = await Request(scope, receive).body()
    await PlainTextResponse(f"{scope['path']} {len(body)}")(scope, receive, send)


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    guarded = RequestGuard(
        RawPaths(echo),
        own_origins=lambda: ["https://public.example", "http://[::1"],
        is_known=lambda scope: b"authorization" in dict(scope["headers"]),
    )
    transport = httpx.ASGITransport(SecurityHeaders(guarded, tls=True))
    async with httpx.AsyncClient(transport=transport, base_url="http://tiphys.local") as client:
        yield client


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
@pytest.mark.parametrize(
    "content_type", ["", "text/plain", "multipart/form-data", "application/x-www-form-urlencoded", "application/json;x"]
)
async def test_A67_a_write_with_the_cookie_must_be_json(
    client: httpx.AsyncClient, method: str, content_type: str
) -> None:
    headers = COOKIE | ({"content-type": content_type} if content_type else {})
    answer = await client.request(method, "/api/v1/applications/x", content=b"{}", headers=headers)
    assert answer.status_code == 415
    assert (await client.request(method, "/api/v1/applications/x", content=b"{}", headers=COOKIE | JSON)).is_success


async def test_A67_a_delete_without_body_needs_json_too_unless_a_bearer_token_shows_it_was_meant(
    client: httpx.AsyncClient,
) -> None:
    assert (await client.delete("/api/v1/applications/x", headers=COOKIE)).status_code == 415
    assert (await client.delete("/api/v1/applications/x", headers={"authorization": "Bearer t"})).is_success


@pytest.mark.parametrize(
    ("headers", "allowed"),
    [
        ({}, True),
        ({"origin": "http://tiphys.local"}, True),
        ({"origin": "https://public.example"}, True),
        ({"sec-fetch-site": "same-origin"}, True),
        ({"sec-fetch-site": "none"}, True),
        ({"origin": "https://evil.example"}, False),
        ({"origin": "http://tiphys.local.evil.example"}, False),
        ({"origin": "null"}, False),
        ({"sec-fetch-site": "cross-site"}, False),
        ({"sec-fetch-site": "same-site"}, False),  # a sibling subdomain
    ],
)
async def test_A67_other_sites_cannot_write_nor_listen(
    client: httpx.AsyncClient, headers: dict[str, str], allowed: bool
) -> None:
    written = await client.post("/api/v1/session", content=b"{}", headers=JSON | headers)
    assert written.status_code == (200 if allowed else 403)
    heard = await client.get("/api/v1/stream/applications", headers=headers)
    assert heard.status_code == (200 if allowed else 403)


async def test_an_encoded_slash_stays_inside_its_segment(client: httpx.AsyncClient) -> None:
    answer = await client.get("/api/v1/clusters/https%3A%2F%2Fk8s.example%3A6443?x=1")
    assert answer.text == "/api/v1/clusters/https%3A%2F%2Fk8s.example%3A6443 0"
    assert (await client.get("/assets/a%20b.js")).text == "/assets/a b.js 0"


async def test_a_body_is_cut_at_the_limit_announced_or_not(client: httpx.AsyncClient) -> None:
    announced = await client.post("/api/v1/session", content=b" " * (BODY_LIMIT + 1), headers=JSON)
    assert announced.status_code == 413

    async def endless() -> AsyncIterator[bytes]:
        for _ in range(BODY_LIMIT // 65_536 + 2):
            yield b" " * 65_536

    with pytest.raises(Exception, match="413"):
        await client.post("/api/v1/session", content=endless(), headers=JSON)


async def test_a_stranger_may_not_send_more_than_a_login_takes(client: httpx.AsyncClient) -> None:
    async def parts(size: int) -> AsyncIterator[bytes]:
        for _ in range(size // 1024):
            yield b" " * 1024

    known = {**JSON, "authorization": "Bearer t"}
    small, large = STRANGERS_BODY_LIMIT, STRANGERS_BODY_LIMIT + 1024
    for headers, size, passes in ((JSON, small, True), (JSON, large, False), (known, large, True)):
        announced = await client.post("/api/v1/session", content=b" " * size, headers=headers)
        assert announced.is_success == passes
        if passes:
            assert (await client.post("/api/v1/session", content=parts(size), headers=headers)).is_success
        else:
            assert announced.status_code == 413
            with pytest.raises(Exception, match="413"):
                await client.post("/api/v1/session", content=parts(size), headers=headers)


@pytest.mark.parametrize("origin", ["http://[::1", "http://", "null", "[", "\u00fc"])
async def test_an_origin_that_is_no_address_is_nobodys(client: httpx.AsyncClient, origin: str) -> None:
    headers = {**JSON, "origin": origin.encode()}
    assert (await client.post("/api/v1/session", content=b"{}", headers=headers)).status_code == 403


async def test_A63_every_answer_carries_the_headers_that_keep_browsers_safe(client: httpx.AsyncClient) -> None:
    for answer in (await client.get("/api/version"), await client.post("/api/v1/session")):
        policy = answer.headers["content-security-policy"]
        assert "default-src 'self'" in policy
        assert "frame-ancestors 'none'" in policy
        assert "unsafe" not in policy
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["referrer-policy"] == "same-origin"
        assert "max-age" in answer.headers["strict-transport-security"]
        assert answer.headers["cache-control"] == "no-store"


@pytest.fixture
async def page(tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    root = tmp_path / "dist"
    (root / "assets").mkdir(parents=True)
    (root / "index.html").write_text("<title>Tiphys</title>")
    (root / "assets" / "index-BX3k9fQz.js").write_text("export {}")
    (tmp_path / "secret.txt").write_text("outside")
    (root / "link.txt").symlink_to(tmp_path / "secret.txt")
    async with httpx.AsyncClient(transport=httpx.ASGITransport(Dashboard(root)), base_url="http://x") as client:
        yield client


async def test_client_routes_get_the_page_and_missing_files_do_not(page: httpx.AsyncClient) -> None:
    for route in ("/", "/applications/around-api-dev", "/login"):
        answer = await page.get(route)
        assert answer.status_code == 200
        assert "Tiphys" in answer.text
        assert answer.headers["cache-control"] == "no-cache"
    for missing in ("/assets/gone-12345678.js", "/favicon.ico", "/api/v1/none"):
        assert (await page.get(missing)).status_code == 404


async def test_hashed_assets_are_kept_for_good(page: httpx.AsyncClient) -> None:
    answer = await page.get("/assets/index-BX3k9fQz.js")
    assert "immutable" in answer.headers["cache-control"]
    assert answer.headers["content-type"].startswith("text/javascript")


@pytest.mark.parametrize("path", ["/link.txt", "/../secret.txt", "/%2e%2e/secret.txt", "/assets/..%2f..%2fsecret.txt"])
async def test_nothing_outside_the_folder_is_served(page: httpx.AsyncClient, path: str) -> None:
    assert "outside" not in (await page.get(path)).text
