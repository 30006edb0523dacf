from pathlib import Path

import httpx
import pytest

from api_server.static import Dashboard

SCRIPT = "assets/index-BX3k9fQz.js"
CODE = "export const colour = 'blue';\n" * 500


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "dist"
    (root / "assets").mkdir(parents=True)
    (root / "index.html").write_text("<title>Tiphys</title>" * 100)
    (root / SCRIPT).write_text(CODE)
    (root / "assets" / "sans-BX3k9fQz.woff2").write_bytes(b"font" * 1_000)
    return root


def served(root: Path) -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=httpx.ASGITransport(Dashboard(root)), base_url="http://x")


async def test_scripts_and_the_page_are_sent_compressed_to_who_takes_it(root: Path) -> None:
    async with served(root) as client:
        for path, kept, kind in (
            (SCRIPT, "immutable", "text/javascript"),
            ("index.html", "no-cache", "text/html"),
            ("applications/web", "no-cache", "text/html"),
        ):
            small = await client.get(path, headers={"accept-encoding": "gzip, br"})
            plain = await client.get(path, headers={"accept-encoding": "br, gzip;q=0"})
            assert small.headers["content-encoding"] == "gzip"
            assert "content-encoding" not in plain.headers
            assert small.content == plain.content
            assert int(small.headers["content-length"]) * 4 < int(plain.headers["content-length"])
            assert small.headers["etag"] != plain.headers["etag"]  # other bytes
            for answer in (small, plain):
                assert answer.headers["vary"] == "Accept-Encoding"
                assert kept in answer.headers["cache-control"]
                assert answer.headers["content-type"].startswith(kind)
                assert "last-modified" in answer.headers


async def test_what_is_compressed_already_is_sent_as_it_is(root: Path) -> None:
    async with served(root) as client:
        answer = await client.get("assets/sans-BX3k9fQz.woff2", headers={"accept-encoding": "gzip"})
    assert "content-encoding" not in answer.headers
    assert answer.headers["content-type"] == "font/woff2"


async def test_head_tells_what_get_would_and_a_part_is_one_of_the_file_itself(root: Path) -> None:
    async with served(root) as client:
        head = await client.head(SCRIPT, headers={"accept-encoding": "gzip"})
        assert head.headers["content-encoding"] == "gzip"
        part = await client.get(SCRIPT, headers={"accept-encoding": "gzip", "range": "bytes=0-5"})
    assert (part.status_code, part.text) == (206, "export")


async def test_a_file_that_changed_after_the_start_is_never_answered_from_memory(root: Path) -> None:
    async with served(root) as client:
        (root / SCRIPT).write_text("export {}")
        answer = await client.get(SCRIPT, headers={"accept-encoding": "gzip"})
    assert answer.text == "export {}"


async def test_links_that_lead_outside_are_not_even_read(root: Path, tmp_path: Path) -> None:
    (tmp_path / "secret.txt").write_text("outside")
    (root / "link.txt").symlink_to(tmp_path / "secret.txt")
    async with served(root) as client:
        assert (await client.get("link.txt", headers={"accept-encoding": "gzip"})).status_code == 404
