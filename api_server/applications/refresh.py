"""Asking the controller to look at an application again, and waiting until it has."""

import asyncio
from datetime import timedelta

from api_server.errors import TimedOut
from api_server.services import Services
from gitops.manifest.annotations import REFRESH, annotation
from gitops.model.application import AppName
from gitops.model.errors import InvalidRequest, NotFound
from gitops.model.resource import Manifest, name_of, namespace_of

PATIENCE = timedelta(seconds=60)
DEPTHS = frozenset({"normal", "hard"})


async def refreshed(services: Services, name: AppName, depth: str, *, patience: timedelta = PATIENCE) -> Manifest:
    """The application after the controller has answered the request by removing it."""
    if depth not in DEPTHS and depth != "true":
        raise InvalidRequest("query parameter refresh: normal or hard is expected")
    asked = depth if depth in DEPTHS else "normal"
    applications = services.store.applications

    def is_it(app: Manifest) -> bool:
        return name_of(app) == name.name and namespace_of(app) == name.namespace

    with applications.changes(is_it) as feed:
        await applications.set_annotations(name, {REFRESH: asked})
        try:
            async with asyncio.timeout(patience.total_seconds()):
                while True:
                    app = applications.raw(name)
                    if app is None:
                        raise NotFound(f"application `{name.name}` was deleted meanwhile")
                    if not annotation(app, REFRESH):
                        return app
                    await anext(feed)
        except TimeoutError:
            raise TimedOut(
                f"the controller has not refreshed `{name.name}` within {patience.total_seconds():.0f} s; "
                "is it running? The request stays on record"
            ) from None
