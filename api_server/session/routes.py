"""Login, logout, and who is logged in."""

from fastapi import APIRouter, Request
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import RedirectResponse, Response

from api_server.access import CurrentUser, KnownUser, Served, token_of
from api_server.answers import json_answer, token_answer
from api_server.auth.cookies import cleared_cookies, set_cookies
from api_server.auth.sessions import Subject
from api_server.auth.tokens import ISSUER
from api_server.services import Services
from gitops.model.errors import Unauthenticated

router = APIRouter(tags=["session"])


class LoginRequest(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)

    username: str = Field(min_length=1, max_length=1024)
    password: str = Field(min_length=1, max_length=4096, repr=False)


@router.post("/api/v1/session", summary="Log in; the token is also set as a cookie")
async def log_in(services: Served, login: LoginRequest) -> Response:
    try:
        token = await services.sessions.log_in(login.username, login.password)
    except Unauthenticated:
        services.metrics.logins.labels("failure").inc()
        services.audit.record(Subject(login.username[:64]), "session/create", "session", result="refused")
        raise
    services.metrics.logins.labels("success").inc()
    services.audit.record(services.sessions.subject_of(token), "session/create", "session")
    answer = token_answer(token)
    for cookie in set_cookies(token, path="/", secure=services.secure):
        answer.headers.append("Set-Cookie", cookie)
    return answer


@router.delete("/api/v1/session", summary="Log out: the token ends on every replica")
async def log_out(request: Request, services: Served, user: CurrentUser) -> Response:
    await _ended(services, user)
    return _forgotten(request, services, json_answer({}))


@router.get("/api/v1/session/userinfo", summary="Who is logged in")
async def user_info(user: KnownUser) -> Response:
    if user is None or user.is_anonymous:
        return json_answer({"loggedIn": False})
    return json_answer({"loggedIn": True, "username": user.name, "iss": ISSUER, "groups": list(user.groups)})


@router.post("/auth/logout", summary="Log out, as the argocd command and browsers do")
async def leave(request: Request, services: Served, user: KnownUser) -> Response:
    if user is not None and token_of(request):
        await _ended(services, user)
    return _forgotten(request, services, RedirectResponse("/login", status_code=303))


async def _ended(services: Services, user: Subject) -> None:
    if user.claims is not None:
        await services.sessions.revoke(user.claims)
        services.audit.record(user, "session/delete", "session")


def _forgotten(request: Request, services: Services, answer: Response) -> Response:
    for cookie in cleared_cookies(request.cookies, path="/", secure=services.secure):
        answer.headers.append("Set-Cookie", cookie)
    return answer
