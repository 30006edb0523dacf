"""The same work at the terminal and in the browser, as an operator and as those who may not."""

import os
import subprocess
import sys

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.test_delivery import ensure_prod, image_of, set_tag
from tests.e2e.trio import Trio, eventually

pytestmark = pytest.mark.e2e

REFUSED = 3  # the exit code for a refusal, see docs/cli.md
DIFFERS = 1


def tiphys(trio: Trio, user: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "TIPHYS_SERVER": trio.url, "TIPHYS_AUTH_TOKEN": trio.as_user(user).token}
    return subprocess.run(
        [sys.executable, "-m", "tiphys", *arguments],
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def log_in(trio: Trio, page: Page, user: str) -> None:
    page.goto(trio.url)
    page.get_by_test_id("login-username").fill(user)
    page.get_by_test_id("login-password").fill(trio.password(user))
    page.get_by_test_id("login-submit").click()
    page.get_by_test_id("app-row-around-api-prod").wait_for()


def new_commit_for_prod(trio: Trio, tag: str) -> str:
    ensure_prod(trio)
    revision = set_tag(trio, "prod", tag)
    trio.wait_app("around-api-prod", sync="OutOfSync", revision=revision)
    return revision


# --- at the terminal ---------------------------------------------------------------------------------


def test_an_operator_syncs_prod_from_the_terminal_and_a_developer_does_not(trio: Trio) -> None:
    new_commit_for_prod(trio, "1.30.1-alpine")
    diff = tiphys(trio, "developer", "app", "diff", "around-api-prod")
    assert diff.returncode == DIFFERS, diff.stderr
    assert "1.30.1-alpine" in diff.stdout
    for user in ("developer", "readonly"):
        refused = tiphys(trio, user, "app", "sync", "around-api-prod")
        assert refused.returncode == REFUSED, refused.stderr
        assert "permission denied" in refused.stderr
    done = tiphys(trio, "operator", "app", "sync", "around-api-prod")
    assert done.returncode == 0, done.stderr
    assert image_of(trio, "prod").endswith(":1.30.1-alpine")
    assert tiphys(trio, "readonly", "app", "diff", "around-api-prod").returncode == 0
    waited = tiphys(trio, "readonly", "app", "wait", "around-api-prod", "--sync", "--health")
    assert waited.returncode == 0, waited.stderr
    history = tiphys(trio, "readonly", "app", "history", "around-api-prod")
    assert "operator" in history.stdout


def test_an_operator_rolls_prod_back_from_the_terminal(trio: Trio) -> None:
    ensure_prod(trio)
    old = image_of(trio, "prod")
    new_commit_for_prod(trio, "1.30.2-alpine")
    assert tiphys(trio, "operator", "app", "sync", "around-api-prod").returncode == 0
    assert image_of(trio, "prod") != old
    back = tiphys(trio, "operator", "app", "rollback", "around-api-prod")
    assert back.returncode == 0, back.stderr
    assert image_of(trio, "prod") == old


def test_the_terminal_lists_what_the_api_lists(trio: Trio) -> None:
    listed = tiphys(trio, "readonly", "app", "list", "-o", "name")
    assert listed.returncode == 0, listed.stderr
    names = [each.rpartition("/")[2] for each in listed.stdout.split()]
    assert {"around-api-dev", "privacy-api-stage", "batch-service-prod"} <= set(names)
    clusters = tiphys(trio, "readonly", "cluster", "list")
    assert {"dev", "stage", "prod"} <= set(clusters.stdout.split())


# --- in the browser ----------------------------------------------------------------------------------


def test_an_operator_syncs_prod_in_the_browser_and_sees_it_happen(trio: Trio, page: Page) -> None:
    new_commit_for_prod(trio, "1.30.3-alpine")
    log_in(trio, page, "operator")
    row = page.get_by_test_id("app-row-around-api-prod")
    expect(row.get_by_test_id("app-sync-status")).to_contain_text("OutOfSync")
    page.goto(f"{trio.url}/applications/around-api-prod")
    page.get_by_test_id("tree-node-Deployment-around-api").first.click()
    page.get_by_role("tab", name="Diff").click()
    expect(page.get_by_test_id("panel-diff")).to_contain_text("1.30.3-alpine")
    page.keyboard.press("Escape")
    page.get_by_test_id("button-sync").click()
    page.get_by_test_id("sync-submit").click()
    expect(page.get_by_test_id("app-sync-status").first).to_contain_text("Synced")
    eventually(lambda: image_of(trio, "prod").endswith(":1.30.3-alpine"), "the new image in prod")
    state = trio.wait_operation("around-api-prod")
    assert state["operation"]["initiatedBy"] == {"username": "operator"}


def test_those_who_may_not_are_told_so_in_the_browser(trio: Trio, page: Page) -> None:
    ensure_prod(trio)
    log_in(trio, page, "readonly")
    page.goto(f"{trio.url}/applications/around-api-prod")
    page.get_by_test_id("tree-node-Deployment-around-api").first.wait_for()
    expect(page.get_by_test_id("button-sync")).to_be_disabled()


def test_the_list_moves_by_itself(trio: Trio, page: Page) -> None:
    ensure_prod(trio)
    log_in(trio, page, "readonly")
    status = page.get_by_test_id("app-row-around-api-prod").get_by_test_id("app-sync-status")
    expect(status).to_contain_text("Synced")
    set_tag(trio, "prod", "1.30.4-alpine")
    expect(status).to_contain_text("OutOfSync")


def test_a_wrong_password_is_refused_in_words(trio: Trio, page: Page) -> None:
    page.goto(trio.url)
    page.get_by_test_id("login-username").fill("operator")
    page.get_by_test_id("login-password").fill("not-the-password")
    page.get_by_test_id("login-submit").click()
    expect(page.get_by_text("Invalid username or password")).to_be_visible()
