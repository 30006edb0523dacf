"""The dashboard in a real browser before the real API server: many tabs, narrow screens, long lists."""

import asyncio
import json
import os
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Browser, BrowserContext, Page, async_playwright, expect

from adapters.store.kinds import APPSETS
from tests.fixtures.browser import launch_options
from tests.integration.api.api_world import PASSWORD, World, an_application
from tiphys.local import dashboard as pages
from tiphys.local.layout import cache_folder

TABS = 8
PHONES = (390, 360)
LONG = "a-rather-long-name-of-a-service-in-production"


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


# --- narrow screens ----------------------------------------------------------------------------------

# Whatever is seen and can be pressed or filled in, and reaches over an edge; what scrolls by itself aside.
OVER_THE_EDGE = """() => {
  const scrolls = '.graph, .code, pre';
  const seen = (one) => one.checkVisibility({ opacityProperty: true, visibilityProperty: true });
  const found = [...document.querySelectorAll('a[href], button, input, select, summary')]
    .filter((one) => seen(one) && !one.closest(scrolls) && !one.closest('.skip'))
    .filter((one) => {
      const { left, right, width } = one.getBoundingClientRect();
      return width > 0 && (left < -0.5 || right > window.innerWidth + 0.5);
    })
    .map((one) => one.outerHTML.slice(0, 160));
  const wide = document.documentElement.scrollWidth;
  return wide > window.innerWidth ? [`the page is ${wide} px wide`, ...found] : found;
}"""


async def fits(page: Page, what: str, *widths: int) -> None:
    for width in widths:
        await page.set_viewport_size({"width": width, "height": 800})
        # A panel that slides in is over the edge for the time it takes.
        for _ in range(30):
            over = await page.evaluate(OVER_THE_EDGE)
            if not over:
                break
            await page.wait_for_timeout(50)
        assert over == [], f"{what} at {width} px"


@pytest.fixture
async def busy(world: World) -> World:
    """One application with everything a page can show."""
    await world.add_app(LONG, project="dev")
    resources = [
        {"group": "apps", "version": "v1", "kind": "Deployment", "namespace": "dev", "name": LONG}
        | {"status": "OutOfSync", "health": {"status": "Degraded", "message": "ImagePullBackOff " * 8}},
        {"version": "v1", "kind": "ConfigMap", "namespace": "dev", "name": f"{LONG}-settings"}
        | {"status": "OutOfSync", "requiresPruning": True},
    ]
    await world.store.applications.write_status(
        world.name(LONG),
        {
            "sync": {"status": "OutOfSync", "revision": "b" * 40},
            "health": {"status": "Degraded"},
            "resources": resources,
            "conditions": [
                {"type": "ComparisonError", "message": "services/app/deployment.yaml line 14: " + "x" * 300},
                {"type": "OrphanedResourceWarning", "message": "3 objects"},
            ],
            "history": [{"id": number, "revision": f"{number}" * 40} for number in range(1, 4)],
            "operationState": {
                "phase": "Failed",
                "message": "one or more objects failed to apply: " + "reason " * 30,
                "operation": {"sync": {"revision": "b" * 40}, "initiatedBy": {"username": "kim"}},
                "syncResult": {
                    "revision": "b" * 40,
                    "resources": [{**each, "status": "SyncFailed", "message": "no " * 60} for each in resources],
                },
            },
        },
    )
    uid = "u1"
    tree = {
        **{key: resources[0][key] for key in ("group", "version", "kind", "namespace", "name")},
        "uid": uid,
    }
    pods = [
        {"kind": "Pod", "version": "v1", "namespace": "dev", "name": f"{LONG}-6d9c7f5b9c-{tail}", "uid": tail}
        | {"parentRefs": [{"uid": uid, "kind": "Deployment", "name": LONG}], "health": {"status": "Degraded"}}
        for tail in ("x2x1z", "x2x1y")
    ]
    world.controller.trees[LONG] = {"nodes": [tree, *pods]}
    live = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": LONG}, "spec": {"replicas": 1}}
    wanted = {**live, "spec": {"replicas": 3, "note": "y" * 200}}
    states = {"liveState": json.dumps(live), "targetState": json.dumps(wanted)}
    world.controller.resources[LONG] = [{**resources[0], **states}]
    world.controller.objects[LONG] = live
    return world


async def test_on_a_phone_nothing_reaches_over_the_edge_on_any_page(busy: World, open_as: OpenAs) -> None:
    context = await open_as("admin", viewport={"width": 390, "height": 800}, has_touch=True)
    page = context.pages[0]
    await page.get_by_test_id(f"app-row-{LONG}").wait_for()
    await fits(page, "the list", *PHONES)
    await page.get_by_test_id("button-filters").click()
    await page.get_by_test_id("sort-by").wait_for()
    await fits(page, "filters", *PHONES)
    await page.get_by_role("button", name="Close").click()
    await page.get_by_test_id("pages-menu").click()
    await fits(page, "the menu of pages", *PHONES)
    await page.get_by_test_id("page-Clusters").click()
    for place in ("clusters", "projects", "repositories"):
        await page.goto(f"{busy.url}/{place}")
        await page.get_by_role("heading", level=1).wait_for()
        await fits(page, place, *PHONES)
    await page.get_by_test_id("user-menu").click()
    await fits(page, "the user's menu", *PHONES)
    app = f"{busy.url}/applications/{LONG}"
    node = f"apps/Deployment/dev/{LONG}"
    for view in ("list", "graph"):
        await page.goto(f"{app}?view={view}")
        await page.get_by_test_id("condition-ComparisonError").wait_for()
        await fits(page, f"the application as {view}", *PHONES)
        await page.get_by_test_id("operation-details").click()
        await fits(page, "the last sync's details", *PHONES)
        await page.get_by_test_id("refresh-menu").click()
        await fits(page, "the menu of refreshes", *PHONES)
        await page.keyboard.press("Escape")
        await page.get_by_test_id("tree-kinds").click()
        await fits(page, "the kinds", *PHONES)
    for tab in ("summary", "live", "desired", "diff", "events"):
        await page.goto(f"{app}?node={node}&tab={tab}")
        await page.get_by_test_id(f"panel-tab-{tab}").wait_for()
        await fits(page, f"a resource's {tab}", *PHONES)
    for tab in ("summary", "manifest", "parameters", "events"):
        await page.goto(f"{app}?node=app&tab={tab}")
        await page.get_by_test_id(f"panel-tab-{tab}").wait_for()
        await fits(page, f"the application's {tab}", *PHONES)
    for panel, shown in (("sync", "sync-panel"), ("history", "history-panel"), ("delete", "delete-dialog")):
        await page.goto(f"{app}?panel={panel}")
        await page.get_by_test_id(shown).wait_for()
        await fits(page, panel, *PHONES)
    await page.goto(f"{app}?panel=history")
    await page.get_by_test_id("rollback-1").click()
    await page.get_by_test_id("rollback-dialog").wait_for()
    await fits(page, "the rollback dialog", *PHONES)
    await context.clear_cookies()
    await page.goto(busy.url)
    await page.get_by_test_id("login-submit").wait_for()
    await fits(page, "the login", *PHONES)
    await context.close()


async def test_a_tablet_fits_too(busy: World, open_as: OpenAs) -> None:
    context = await open_as("admin", viewport={"width": 820, "height": 1100})
    page = context.pages[0]
    await page.get_by_test_id(f"app-row-{LONG}").wait_for()
    await fits(page, "the list", 820)
    for query in ("", "?view=list", f"?node=apps/Deployment/dev/{LONG}&tab=diff", "?panel=sync"):
        await page.goto(f"{busy.url}/applications/{LONG}{query}")
        await page.get_by_test_id("operation").wait_for()
        await fits(page, query, 820)
    await context.close()


# --- what a person may do, and the way back ----------------------------------------------------------


async def test_every_step_into_an_application_is_undone_by_back(busy: World, open_as: OpenAs) -> None:
    context = await open_as("admin")
    page = context.pages[0]
    await page.get_by_test_id(f"app-row-{LONG}").get_by_role("link").click()
    await page.get_by_test_id(f"tree-node-Deployment-{LONG}").click()
    panel = page.get_by_test_id("resource-panel")
    await page.get_by_test_id("panel-tab-diff").click()
    await expect(page.get_by_test_id("panel-diff")).to_contain_text("replicas: 3")
    await page.get_by_test_id("button-history").click()
    await page.get_by_test_id("history-panel").wait_for()
    await page.go_back()
    await expect(page.get_by_test_id("history-panel")).to_have_count(0)
    await expect(page.get_by_test_id("panel-diff")).to_be_visible()
    await page.go_back()
    await expect(page.get_by_test_id("panel-tab-summary")).to_have_attribute("aria-selected", "true")
    await page.go_back()
    await expect(panel).to_have_count(0)
    await expect(page.get_by_test_id("app-name")).to_be_visible()
    # What was opened and closed again leaves no step behind.
    await page.get_by_test_id("button-sync").click()
    await page.get_by_test_id("sync-panel").get_by_role("button", name="Close").click()
    await expect(page.get_by_test_id("sync-panel")).to_have_count(0)
    await page.go_back()
    await page.get_by_test_id(f"app-row-{LONG}").wait_for()
    await context.close()


async def test_the_application_itself_opens_with_manifest_parameters_events_and_owner(
    world: World, open_as: OpenAs
) -> None:
    source = {"path": "app", "targetRevision": "main", "helm": {"parameters": [{"name": "image.tag", "value": "1.2"}]}}
    # A real owner: the cluster removes what belongs to one that does not exist.
    appset = {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "ApplicationSet",
        "metadata": {"name": "webs", "namespace": world.namespace},
        "spec": {"generators": [], "template": {"metadata": {"name": "x"}, "spec": an_application("x")["spec"]}},
    }
    owner = await world.store.client.create(APPSETS, appset)
    references = [
        {key: owner[key] for key in ("apiVersion", "kind")} | {"name": "webs", "uid": owner["metadata"]["uid"]}
    ]
    app = an_application("web-dev", source={"repoURL": "https://git.example.com/x.git", **source})
    await world.store.applications.create({**app, "metadata": {"name": "web-dev", "ownerReferences": references}})
    world.controller.trees["web-dev"] = {"nodes": [{"kind": "ConfigMap", "name": "a", "namespace": "dev"}]}
    context = await open_as("admin")
    page = context.pages[0]
    await page.goto(f"{world.url}/applications/web-dev")
    await page.get_by_test_id("tree-node-Application-web-dev").click()
    await expect(page.get_by_test_id("app-owner")).to_contain_text("ApplicationSet webs")
    await page.get_by_test_id("panel-tab-manifest").click()
    await expect(page.get_by_test_id("application-panel")).to_contain_text("targetRevision: main")
    await page.get_by_test_id("panel-tab-parameters").click()
    await expect(page.get_by_test_id("app-parameters")).to_contain_text("helm.parameters.image.tag")
    await page.get_by_test_id("panel-tab-events").click()
    await expect(page.get_by_test_id("application-panel")).to_contain_text("events", ignore_case=True)
    await page.get_by_test_id("button-delete").click()
    await expect(page.get_by_test_id("delete-set-notice")).to_contain_text("ApplicationSet webs will make it again")
    await context.close()


async def test_a_row_offers_sync_to_those_only_who_may_with_one_question_for_all(world: World, open_as: OpenAs) -> None:
    for project in ("dev", "prod"):
        for number in range(3):
            await world.add_app(f"{project}-{number}", project=project)
    context = await open_as("dora")  # sees all, syncs dev only
    page = context.pages[0]
    for number in range(3):
        await expect(page.get_by_test_id(f"row-sync-dev-{number}")).to_be_enabled()
        await expect(page.get_by_test_id(f"row-sync-prod-{number}")).to_be_disabled()
        await expect(page.get_by_test_id(f"row-sync-prod-{number}")).to_have_attribute("title", re.compile("may not"))
    await context.close()


# --- large applications ------------------------------------------------------------------------------


async def test_three_thousand_resources_are_a_screenful_of_rows_and_nodes(world: World, open_as: OpenAs) -> None:
    await world.add_app("web-dev")
    names = [f"settings-{number:04}" for number in range(3000)]
    found = [{"version": "v1", "kind": "ConfigMap", "namespace": "dev", "name": name} for name in names]
    states = [{**each, "status": "OutOfSync"} for each in found]
    await world.store.applications.write_status(
        world.name("web-dev"), {"sync": {"status": "OutOfSync"}, "resources": states}
    )
    world.controller.trees["web-dev"] = {"nodes": [{**each, "uid": each["name"]} for each in found]}
    body = json.dumps({"kind": "ConfigMap", "metadata": {"name": "x"}, "data": {"colour": "blue"}})
    world.controller.resources["web-dev"] = [{**each, "liveState": "null", "targetState": body} for each in found]
    context = await open_as("admin")
    page = context.pages[0]
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    await page.goto(f"{world.url}/applications/web-dev?view=list")
    await page.get_by_test_id("resource-row-ConfigMap-settings-0000").wait_for()
    assert await page.locator(".resource-row").count() < 80
    await page.locator(".resource-list").evaluate("list => list.scrollTo(0, list.scrollHeight)")
    await page.get_by_test_id("resource-row-ConfigMap-settings-2999").click()
    await page.get_by_test_id("panel-tab-desired").click()
    await expect(page.get_by_test_id("resource-panel")).to_contain_text("colour: blue")
    await page.goto(f"{world.url}/applications/web-dev?view=graph")
    await page.get_by_test_id("tree-node-ConfigMap-settings-0000").wait_for()
    assert await page.locator(".node").count() < 200
    assert await page.locator(".edge").count() < 200
    whole = [url for url in asked if "managed-resources" in url and "name=settings-" not in url]
    assert not whole
    assert len([url for url in asked if "managed-resources" in url]) == 1
    await context.close()
