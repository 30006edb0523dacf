"""About the server itself: version, settings, health."""

from typing import Annotated, Any

from fastapi import APIRouter, Query
from starlette.responses import PlainTextResponse, Response

from api_server.access import KnownUser, Served
from api_server.answers import json_answer
from api_server.metrics import VERSION

router = APIRouter(tags=["about"])


@router.get("/api/version", summary="The version, and nothing else about the build")
async def version() -> Response:
    return json_answer({"Version": VERSION})


@router.get("/api/v1/settings", summary="What clients need to know; without a session only what the login page shows")
async def settings(services: Served, user: KnownUser) -> Response:
    known = services.store.settings()
    public: dict[str, Any] = {
        "url": known.url,
        "statusBadgeEnabled": known.status_badge_enabled,
        "userLoginsDisabled": not any(
            each.enabled and "login" in each.capabilities for each in known.accounts.values()
        ),
    }
    if user is None:
        return json_answer(public)
    private = {
        "appLabelKey": known.instance_label_key,
        "trackingMethod": known.tracking_method,
        "controllerNamespace": services.namespace,
        "passwordPattern": known.password_pattern,
        "execEnabled": False,
        "appsInAnyNamespaceEnabled": False,
        "hydratorEnabled": False,
        "problems": list(known.problems),
    }
    return json_answer({**public, **private})


@router.get("/healthz", summary="Whether the server works; with full=true, whether its cluster answers too")
async def health(services: Served, full: Annotated[bool, Query()] = False) -> Response:
    if full:
        trouble = next((each.error for each in services.store.mirrors if each.error is not None), None)
        if trouble is not None or not await services.store.client.is_alive(within=10.0):
            return PlainTextResponse(f"not well: {trouble or 'the management cluster does not answer'}\n", 503)
    return PlainTextResponse("ok\n")
