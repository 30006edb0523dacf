"""The dashboard in a real browser before the real API server: many tabs, narrow screens, long lists."""

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Browser, BrowserContext, Page, async_playwright, expect

from tests.fixtures.browser import launch_options
from tests.integration.api.api_world import PASSWORD, World
from tiphys.local import dashboard as pages
from tiphys.local.layout import cache_folder

TABS = 8


@pytest.fixture
def dashboard() -> Path:
    return pages.ensure(cache_folder(os.environ), os.environ, lambda _: None)


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        running = await playwright.chromium.launch(**launch_options(playwright.chromium.executable_path))
        yield running
        await running.close()


OpenAs = Callable[..., Awaitable[BrowserContext]]


@pytest.fixture
async def open_as(world: World, browser: Browser) -> OpenAs:
    """A browser of its own, logged in."""

    async def opened(user: str, **options: Any) -> BrowserContext:
        context = await browser.new_context(**{"viewport": {"width": 1440, "height": 900}, **options})
        context.set_default_timeout(15_000)
        page = await context.new_page()
        await page.goto(world.url)
        await page.get_by_test_id("login-username").fill(user)
        await page.get_by_test_id("login-password").fill(PASSWORD)
        await page.get_by_test_id("login-submit").click()
        await page.get_by_test_id("app-count").wait_for()
        return context

    return opened


def streams(world: World) -> float:
    """How many connections tell of changes right now."""
    return float(next(iter(world.services.metrics.streams.collect())).samples[0].value)


async def until(holds: Callable[[], object]) -> None:
    async with asyncio.timeout(20):
        while not holds():
            await asyncio.sleep(0.02)


async def set_status(world: World, name: str, sync: str) -> None:
    await world.store.applications.write_status(world.name(name), {"sync": {"status": sync}})


def status_in(page: Page) -> Any:
    return page.get_by_test_id("app-sync-status").first


# --- many tabs ---------------------------------------------------------------------------------------


@pytest.fixture
async def apps(world: World) -> World:
    for number in range(TABS - 1):
        await world.add_app(f"web-{number}")
        world.controller.trees[f"web-{number}"] = {"nodes": []}
        await set_status(world, f"web-{number}", "Synced")
    return world


async def test_eight_tabs_share_one_stream_and_none_hangs_whatever_becomes_of_the_others(
    apps: World, open_as: OpenAs
) -> None:
    context = await open_as("admin")
    listing = context.pages[0]
    tabs = [await context.new_page() for _ in range(TABS - 1)]
    for number, tab in enumerate(tabs):
        await tab.goto(f"{apps.url}/applications/web-{number}")
        await expect(status_in(tab)).to_have_text("Synced")
        await expect(tab.get_by_test_id("error-banner")).to_have_count(0)
    await until(lambda: streams(apps) == 1)
    for number, tab in enumerate(tabs):
        await set_status(apps, f"web-{number}", "OutOfSync")
        await expect(status_in(tab)).to_have_text("OutOfSync")
        row = listing.get_by_test_id(f"app-row-web-{number}")
        await expect(row.get_by_test_id("app-sync-status")).to_have_text("OutOfSync")

    closed, crashed, frozen, *others = tabs
    await closed.close()
    with pytest.raises(Exception, match="crash"):
        await crashed.goto("chrome://crash")
    session = await context.new_cdp_session(frozen)
    await session.send("Page.setWebLifecycleState", {"state": "frozen"})
    await set_status(apps, "web-2", "Synced")
    for number, tab in enumerate(others, 3):
        await set_status(apps, f"web-{number}", "Synced")
        await expect(status_in(tab)).to_have_text("Synced")
    assert streams(apps) == 1
    await session.send("Page.setWebLifecycleState", {"state": "active"})
    await expect(status_in(frozen)).to_have_text("Synced")

    await apps.http.stop()
    for tab in (listing, *others):
        await expect(tab.get_by_test_id("error-banner")).to_contain_text("Connection lost")
    await apps.store.applications.delete(apps.name("web-0"))
    await set_status(apps, "web-3", "OutOfSync")
    await apps.http.start()
    await expect(status_in(others[0])).to_have_text("OutOfSync")
    await expect(listing.get_by_test_id("app-row-web-0")).to_have_count(0)
    for tab in (listing, *others):
        await expect(tab.get_by_test_id("error-banner")).to_have_count(0)
    await until(lambda: streams(apps) == 1)

    # One tab ends the session: no other goes on showing what it knows.
    await others[0].get_by_test_id("user-menu").click()
    await others[0].get_by_test_id("logout").click()
    for tab in (listing, frozen, *others):
        await tab.get_by_test_id("login-submit").wait_for()
    await until(lambda: streams(apps) == 0)
    await context.close()


async def test_a_browser_without_shared_workers_has_one_stream_a_tab_and_works(apps: World, open_as: OpenAs) -> None:
    context = await open_as("admin")
    await context.add_init_script("delete window.SharedWorker")
    page = await context.new_page()
    await page.goto(f"{apps.url}/applications/web-1")
    await expect(status_in(page)).to_have_text("Synced")
    await until(lambda: streams(apps) == 2)  # this tab's, and the one of the worker behind the first tab
    await set_status(apps, "web-1", "OutOfSync")
    await expect(status_in(page)).to_have_text("OutOfSync")
    await context.close()
