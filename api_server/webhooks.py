"""A Git host says that something was pushed: the controller is told, and looks for itself."""

import asyncio
from collections.abc import Iterator

import structlog
from fastapi import APIRouter, Request
from starlette.responses import PlainTextResponse, Response

from api_server.access import Served
from api_server.errors import BodyTooLarge, TooManyRequests
from api_server.repositories.views import shown_url
from api_server.services import Services
from api_server.webhook_payloads import Push, provider_of, push_of, same_repository
from gitops.model.resource import Manifest

router = APIRouter(tags=["webhook"])
log = structlog.get_logger("webhook")

MOST_AT_ONCE = 16  # bodies held in memory
LARGEST_MB = 50
READ_WITHIN_SECONDS = 30.0


@router.post("/api/webhook", summary="Push events of GitHub, GitLab, Gitea, Gogs and Bitbucket")
async def webhook(request: Request, services: Served) -> Response:
    """200 as soon as the push is understood: should the controller be away, it is told when it is back."""
    if services.metrics.in_flight >= MOST_AT_ONCE:
        raise TooManyRequests("too many webhook requests at once; send it again")
    with services.metrics.reading_webhook():
        provider = provider_of(request.headers)
        body = await _body(request, min(services.store.settings().max_webhook_payload_mb, LARGEST_MB) * 1024 * 1024)
        secret = services.store.settings().secrets.get(provider.secret_key, "")
        push = push_of(provider, request.headers, body, secret.encode())
    if push is None:
        return PlainTextResponse("the event concerns nobody")
    urls = _known_urls(services, push)
    for url in urls:
        services.metrics.webhooks.labels(shown_url(url)).inc()
        await services.announcements.announce(url, ref=push.ref, revision=push.revision)
    log.info("push announced", provider=provider.name, ref=push.ref, repositories=[shown_url(each) for each in urls])
    return PlainTextResponse("ok")


async def _body(request: Request, limit: int) -> bytes:
    """Cut while it streams in: its announced length is not believed, nor waited for for long."""
    parts, total = [], 0
    try:
        async with asyncio.timeout(READ_WITHIN_SECONDS):
            async for part in request.stream():
                total += len(part)
                if total > limit:
                    raise BodyTooLarge(f"the webhook's body is larger than {limit} bytes")
                parts.append(part)
    except TimeoutError:
        raise BodyTooLarge("the webhook's body came too slowly") from None
    return b"".join(parts)


def _known_urls(services: Services, push: Push) -> list[str]:
    """The addresses under which our records know the repository; nobody else's is ever asked for."""
    known = dict.fromkeys(url for each in _records(services) for url in _urls_in(each.get("spec")))
    return [url for url in known if any(same_repository(url, pushed) for pushed in push.urls)]


def _records(services: Services) -> Iterator[Manifest]:
    yield from services.store.applications.raws()
    yield from services.store.appsets.raws()


def _urls_in(value: object) -> Iterator[str]:
    """Every repoURL, however deep: generators hide theirs in lists and templates."""
    if isinstance(value, dict):
        for key, inner in value.items():
            if key == "repoURL" and isinstance(inner, str) and "{{" not in inner:
                yield inner
            else:
                yield from _urls_in(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _urls_in(inner)
