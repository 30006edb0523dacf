"""A Git host says that something was pushed: the controller is told, and looks for itself."""

from collections.abc import Iterator

import structlog
from fastapi import APIRouter, Request
from starlette.responses import PlainTextResponse, Response

from api_server.access import Served
from api_server.errors import BodyTooLarge
from api_server.guards import announced_length
from api_server.repositories.views import shown_url
from api_server.services import Services
from api_server.stranger_bodies import MIB, Held
from api_server.webhook_payloads import Provider, Push, proof_of, provider_of, push_of, same_repository
from gitops.model.resource import Manifest

router = APIRouter(tags=["webhook"])
log = structlog.get_logger("webhook")

LARGEST_MB = 25  # what GitHub itself sends at most


@router.post("/api/webhook", summary="Push events of GitHub, GitLab, Gitea, Gogs and Bitbucket")
async def webhook(request: Request, services: Served) -> Response:
    """200 as soon as the push is understood: should the controller be away, it is told when it is back."""
    provider = provider_of(request.headers)
    with services.stranger_bodies.receiving() as held, services.metrics.webhooks_in_flight.track_inprogress():
        push = await _received(request, services, provider, held)
    if push is None:
        return PlainTextResponse("the event concerns nobody")
    urls = _known_urls(services, push)
    for url in urls:
        services.metrics.webhooks.labels(shown_url(url)).inc()
        await services.announcements.announce(url, ref=push.ref, revision=push.revision)
    log.info("push announced", provider=provider.name, ref=push.ref, repositories=[shown_url(each) for each in urls])
    return PlainTextResponse("ok")


async def _received(request: Request, services: Services, provider: Provider, held: Held) -> Push | None:
    """What the body says, which nobody looks at before its signature holds."""
    settings = services.store.settings()
    proof = proof_of(provider, request.headers, settings.secrets)
    limit = min(settings.max_webhook_payload_mb, LARGEST_MB) * MIB
    if announced_length(request.headers) > limit:
        raise BodyTooLarge(f"the webhook's body is larger than {limit} bytes")
    body = await services.stranger_bodies.read(held, request.stream(), limit=limit, seen=proof.update)
    proof.check()
    return push_of(provider, request.headers, body)


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
