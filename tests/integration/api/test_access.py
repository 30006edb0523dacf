"""Who gets in, who may do what, and what nobody learns by asking."""

import asyncio
import json

import httpx
import jwt
import pytest

from api_server.auth.cookies import COOKIE
from tests.integration.api.api_world import PASSWORD, World, an_application

JSON = {"content-type": "application/json"}


async def test_a_login_gives_a_token_and_a_cookie_and_logging_out_ends_both(world: World) -> None:
    browser = world.client(headers={"x-client": "browser"})
    answer = await browser.post("/api/v1/session", json={"username": "admin", "password": PASSWORD})
    assert answer.status_code == 200
    token = answer.json()["token"]
    cookie = answer.headers["set-cookie"]
    assert f"{COOKIE}={token}" in cookie
    assert "httpOnly" in cookie
    assert "SameSite=lax" in cookie
    assert (await browser.get("/api/v1/session/userinfo")).json()["username"] == "admin"
    bearer = world.client(headers={"Authorization": f"Bearer {token}"})
    assert (await bearer.get("/api/v1/applications")).status_code == 200
    assert (await browser.delete("/api/v1/session", headers=JSON)).status_code == 200
    assert COOKIE not in browser.cookies
    # A29: the token is worthless now, for whoever kept a copy
    answer = await bearer.get("/api/v1/applications")
    assert answer.status_code == 401
    assert "revoked" in answer.json()["message"]


async def test_the_argocd_commands_logout_works_by_cookie_alone(world: World) -> None:
    answer = await world.client().post("/api/v1/session", json={"username": "rita", "password": PASSWORD})
    token = answer.json()["token"]
    async with httpx.AsyncClient(base_url=world.url) as bare:
        left = await bare.post("/auth/logout", headers={"Cookie": f"{COOKIE}={token}"})
        assert left.status_code == 303
        again = await bare.get("/api/v1/applications", headers={"Cookie": f"{COOKIE}={token}"})
    assert again.status_code == 401


async def test_A32_A30_a_refused_login_tells_nothing(world: World) -> None:
    told = set()
    for name, password in (("admin", "wrong"), ("nobody", "wrong"), ("ci", PASSWORD), ("x" * 40, "y")):
        answer = await world.client().post("/api/v1/session", json={"username": name, "password": password})
        told.add((answer.status_code, answer.text))
    assert told == {
        (
            401,
            json.dumps(
                {"error": "Invalid username or password", "code": 16, "message": "Invalid username or password"},
                separators=(",", ":"),
            ),
        )
    }


async def test_A41_many_guesses_at_once_lock_the_account(world: World) -> None:
    async def guess(number: int) -> int:
        body = {"username": "nina", "password": f"guess-{number}"}
        async with httpx.AsyncClient(base_url=world.url, timeout=60) as client:
            return (await client.post("/api/v1/session", json=body)).status_code

    async with asyncio.TaskGroup() as group:
        guesses = [group.create_task(guess(number)) for number in range(40)]
    assert {each.result() for each in guesses} == {401}
    right = await world.client().post("/api/v1/session", json={"username": "nina", "password": PASSWORD})
    assert right.status_code == 401
    # A43: it is on record in the cluster, for replicas and restarts
    recorded = [key for key in world.services.records.sessions if key == "failures.nina"]
    assert recorded


@pytest.mark.parametrize("path", ["/api/v1/applications", "/api/v1/projects", "/api/v1/clusters", "/api/v1/account"])
async def test_without_a_session_nothing_is_told(world: World, path: str) -> None:
    assert (await world.client().get(path)).status_code == 401


async def test_A35_forged_tokens_are_nobody(world: World) -> None:
    claims = {"iss": "argocd", "sub": "admin:login", "iat": 1, "nbf": 1, "exp": 9999999999, "jti": "x"}
    for forged in (jwt.encode(claims, "guessed-secret-guessed-secret-1234", "HS256"), jwt.encode(claims, "", "none")):
        client = world.client(headers={"Authorization": f"Bearer {forged}"})
        assert (await client.get("/api/v1/applications")).status_code == 401
        assert (await client.get("/api/v1/session/userinfo")).json() == {"loggedIn": False}


async def test_A34_A44_strangers_see_the_version_and_the_login_page_only(world: World) -> None:
    assert set((await world.client().get("/api/version")).json()) == {"Version"}
    public = (await world.client().get("/api/v1/settings")).json()
    assert set(public) == {"url", "statusBadgeEnabled", "userLoginsDisabled"}
    private = (await (await world.as_user("rita")).get("/api/v1/settings")).json()
    assert "trackingMethod" in private


async def test_roles_decide_what_is_seen_and_done(world: World) -> None:
    await world.add_app("web-dev", project="dev")
    await world.add_app("web-prod", project="prod")
    developer, readonly, admin = [await world.as_user(each) for each in ("dora", "rita", "admin")]
    for client in (developer, readonly, admin):
        listed = (await client.get("/api/v1/applications")).json()["items"]
        assert [each["metadata"]["name"] for each in listed] == ["web-dev", "web-prod"]
    for client, app, status in (
        (developer, "web-dev", 200),
        (developer, "web-prod", 403),
        (readonly, "web-prod", 403),
        (admin, "web-prod", 200),
    ):
        answer = await client.post(f"/api/v1/applications/{app}/sync", json={})
        assert answer.status_code == status, answer.text
    nobody = await world.as_user("nina")
    assert (await nobody.get("/api/v1/applications")).json()["items"] == []


NAMED: tuple[tuple[str, str, object], ...] = (
    ("GET", "", None),
    ("GET", "?refresh=normal", None),
    ("PUT", "", an_application("web-prod", project="prod")),
    ("PUT", "/spec", an_application("web-prod")["spec"]),
    ("PATCH", "", {"patch": "{}", "patchType": "merge"}),
    ("DELETE", "", None),
    ("POST", "/sync", {}),
    ("POST", "/rollback", {"id": 0}),
    ("DELETE", "/operation", None),
    ("GET", "/manifests", None),
    ("GET", "/managed-resources", None),
    ("GET", "/resource-tree", None),
    ("GET", "/events", None),
    ("GET", "/syncwindows", None),
    ("GET", "/resource?kind=Pod&resourceName=x", None),
    ("DELETE", "/resource?kind=Pod&resourceName=x", None),
    ("GET", "/revisions/abc/metadata", None),
)


@pytest.mark.parametrize(("method", "rest", "body"), NAMED)
async def test_A47_an_application_that_is_forbidden_answers_like_one_that_is_not_there(
    world: World, method: str, rest: str, body: object
) -> None:
    await world.add_app("web-prod", project="prod")
    dan = await world.as_user("dan")  # may do everything, in dev
    answers = []
    for name in ("web-prod", "web-nono"):
        answer = await dan.request(method, f"/api/v1/applications/{name}{rest}", json=body)
        answers.append((answer.status_code, answer.text.replace(name, "NAME")))
    assert answers[0] == answers[1]
    assert answers[0][0] == 403
    assert "permission denied" in answers[0][1]


async def test_A47_streams_and_lists_keep_quiet_as_well(world: World) -> None:
    await world.add_app("web-prod", project="prod")
    dan = await world.as_user("dan")
    told = set()
    for name in ("web-prod", "web-nono"):
        for path in (f"/api/v1/stream/applications?name={name}", f"/api/v1/stream/applications/{name}/resource-tree"):
            answer = await dan.get(path)
            told.add((answer.status_code, answer.text.replace(name, "NAME")))
    assert len(told) == 1
    listed = await dan.get("/api/v1/applications", params={"name": "web-prod", "projects": "prod"})
    assert listed.json()["items"] == []


async def test_naming_the_project_tells_who_may_look_into_it_that_something_is_missing(world: World) -> None:
    await world.add_app("web-prod", project="prod")
    dan = await world.as_user("dan")
    assert (await dan.get("/api/v1/applications/web-nono?project=dev")).status_code == 404
    assert (await dan.get("/api/v1/applications/web-prod?project=dev")).status_code == 404
    assert (await dan.get("/api/v1/applications/web-nono?project=prod")).status_code == 403
    assert (await dan.get("/api/v1/applications/web-prod?project=prod")).status_code == 403


async def test_who_may_see_everything_is_told_that_an_application_is_missing(world: World) -> None:
    await world.add_app("web-prod", project="prod")
    rita, dora = await world.as_user("rita"), await world.as_user("dora")  # both may see all
    for client in (rita, dora):
        for method, rest in (("GET", ""), ("GET", "?project=ghost"), ("DELETE", ""), ("GET", "/resource-tree")):
            answer = await client.request(method, f"/api/v1/applications/web-nono{rest}", headers=JSON)
            assert (answer.status_code, answer.json()["code"]) == (404, 5), answer.text
            assert "`web-nono`" in answer.json()["message"]
    elsewhere = (await rita.get("/api/v1/applications/web-prod?project=dev")).json()["message"]
    assert elsewhere == "application `web-prod` is not in project `dev`"
    # what he may see and not do is no riddle
    refused = await rita.delete("/api/v1/applications/web-prod", headers=JSON)
    assert refused.status_code == 403
    assert refused.json()["message"] == "permission denied: applications, delete, prod/web-prod, sub: rita"


async def test_A47_a_single_hidden_name_is_enough_to_keep_quiet_about_what_is_missing(world: World) -> None:
    await world.add_policy("p, dora, applications, get, */secret-*, deny\n")
    await world.add_app("web-dev")
    dora = await world.as_user("dora")
    assert (await dora.get("/api/v1/applications/web-nono")).status_code == 404
    assert (await dora.get("/api/v1/applications/secret-one")).status_code == 403
    await world.add_app("secret-one")
    hidden = await dora.get("/api/v1/applications/secret-one")
    nowhere = await dora.get("/api/v1/applications/secret-two")
    assert hidden.status_code == nowhere.status_code == 403
    assert hidden.text.replace("secret-one", "") == nowhere.text.replace("secret-two", "")


async def test_A51_an_application_of_another_namespace_is_out_of_reach(world: World) -> None:
    await world.add_app("web-dev")
    admin = await world.as_user("admin")
    assert (await admin.get("/api/v1/applications/web-dev?appNamespace=kube-system")).status_code == 403
    assert (await admin.get(f"/api/v1/applications/web-dev?appNamespace={world.namespace}")).status_code == 200


async def test_A49_moving_an_application_needs_the_right_in_both_projects(world: World) -> None:
    await world.add_app("web-dev", project="dev")
    dan = await world.as_user("dan")
    moved = an_application("web-dev", project="prod")
    for method, path, body in (
        ("PUT", "", moved),
        ("PUT", "/spec", moved["spec"]),
        ("PATCH", "", {"patch": '{"spec":{"project":"prod"}}', "patchType": "merge"}),
        ("PATCH", "", {"patch": '[{"op":"replace","path":"/spec/project","value":"prod"}]', "patchType": "json"}),
    ):
        answer = await dan.request(method, f"/api/v1/applications/web-dev{path}?validate=false", json=body)
        assert answer.status_code == 403, answer.text
    created = await dan.post("/api/v1/applications?validate=false", json=an_application("new", project="prod"))
    assert created.status_code == 403
    upserted = await dan.post("/api/v1/applications?validate=false&upsert=true", json=moved)
    assert upserted.status_code == 403
    stored = world.store.applications.raw(world.name("web-dev"))
    assert stored
    assert stored["spec"]["project"] == "dev"


async def test_api_keys_work_until_they_are_deleted(world: World) -> None:
    admin = await world.as_user("admin")
    assert (await admin.post("/api/v1/account/dora/token", json={})).status_code == 400  # has not the capability
    made = await admin.post("/api/v1/account/ci/token", json={"id": "nightly", "expiresIn": "3600"})
    key = made.json()["token"]
    ci = world.client(headers={"Authorization": f"Bearer {key}"})
    assert (await ci.get("/api/v1/session/userinfo")).json()["username"] == "ci"
    listed = (await admin.get("/api/v1/account/ci")).json()["tokens"]
    assert [each["id"] for each in listed] == ["nightly"]
    assert key not in (await admin.get("/api/v1/account")).text
    assert (await (await world.as_user("dora")).delete("/api/v1/account/ci/token/nightly")).status_code == 403
    assert (await admin.delete("/api/v1/account/ci/token/nightly")).status_code == 200
    assert (await ci.get("/api/v1/applications")).status_code == 401


async def test_A29_a_new_password_ends_the_sessions_of_the_old_one(world: World) -> None:
    dora = await world.as_user("dora")
    change = {"name": "dora", "currentPassword": "wrong", "newPassword": "a new one 123"}
    assert (await dora.put("/api/v1/account/password", json=change)).status_code == 400
    change["currentPassword"] = PASSWORD
    assert (await dora.put("/api/v1/account/password", json={**change, "newPassword": "short"})).status_code == 400
    assert (await dora.put("/api/v1/account/password", json={**change, "name": "admin"})).status_code == 403
    assert (await dora.put("/api/v1/account/password", json=change)).status_code == 200
    assert (await dora.get("/api/v1/applications")).status_code == 401
    old, new = [
        await world.client().post("/api/v1/session", json={"username": "dora", "password": password})
        for password in (PASSWORD, "a new one 123")
    ]
    assert (old.status_code, new.status_code) == (401, 200)


async def test_can_i_answers_yes_or_no(world: World) -> None:
    dora = await world.as_user("dora")
    for path, value in (("applications/sync/dev/x", "yes"), ("applications/sync/prod/x", "no")):
        assert (await dora.get(f"/api/v1/account/can-i/{path}")).json() == {"value": value}


async def test_many_questions_of_what_one_may_do_are_answered_in_their_order(world: World) -> None:
    assert (await world.client().post("/api/v1/account/can-i", json={"questions": []})).status_code == 401
    dora = await world.as_user("dora")
    questions = [{"resource": "applications", "action": "sync", "object": f"{each}/x"} for each in ("dev", "prod")]
    answer = await dora.post("/api/v1/account/can-i", json={"questions": questions})
    assert answer.json() == {"values": ["yes", "no"]}
    assert (await dora.post("/api/v1/account/can-i", json={"questions": questions * 101})).status_code == 400


async def test_policies_take_effect_at_once_and_a_broken_one_changes_nothing(world: World) -> None:
    await world.add_app("web-prod", project="prod")
    dora = await world.as_user("dora")
    assert (await dora.post("/api/v1/applications/web-prod/sync", json={})).status_code == 403
    await world.store.settings.patch_config({"policy.csv": "p, dora, applications"}, name="argocd-rbac-cm")
    assert (await dora.get("/api/v1/applications/web-prod")).status_code == 200
    more = "p, dora, applications, *, */*, allow"
    await world.store.settings.patch_config({"policy.csv": more}, name="argocd-rbac-cm")
    assert (await dora.post("/api/v1/applications/web-prod/sync", json={})).status_code == 200
