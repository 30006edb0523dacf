"""Many things to watch over one connection: what one browser follows for all of its tabs."""

import hashlib
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from datetime import timedelta
from typing import Annotated, Literal

from fastapi import APIRouter, Request
from pydantic import BaseModel, ConfigDict, Field, field_validator
from pydantic.alias_generators import to_camel
from starlette.responses import Response

from api_server.access import CurrentUser, Served, allowed_app, may, recognised
from api_server.applications.selection import Selection
from api_server.applications.stream import Shape, application_events, trees, version_asked
from api_server.auth.sessions import Subject
from api_server.services import Services
from api_server.streaming import Followed, ManyStreamsResponse, Told
from gitops.model.application import AppName
from gitops.model.resource import resource_version_of

router = APIRouter(prefix="/api/v1/stream", tags=["streams"])

MOST_TOPICS = 200
# Often enough that a page can say within seconds that it hears nothing.
KEEP_ALIVE = timedelta(seconds=5)

Mark = Annotated[str, Field(pattern=r"^[0-9a-f]{0,32}$")]
Events = AsyncGenerator[Told, None]


class Topic(BaseModel):
    """Something to follow. `id` names its events; `mark` is the id of the last event the client has of it."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, extra="forbid", frozen=True)

    id: Annotated[str, Field(pattern=r"^[A-Za-z0-9_.-]{1,64}$")]
    kind: Literal["applications", "application", "tree"]
    name: Annotated[str, Field(max_length=253)] = ""
    app_namespace: Annotated[str, Field(max_length=253)] = ""
    fields: Annotated[str, Field(max_length=8192)] = ""
    mark: Mark = ""


class Topics(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    topics: Annotated[tuple[Topic, ...], Field(min_length=1, max_length=MOST_TOPICS)]

    @field_validator("topics")
    @classmethod
    def _each_under_its_own_name(cls, topics: tuple[Topic, ...]) -> tuple[Topic, ...]:
        if len({each.id for each in topics}) < len(topics):
            raise ValueError("two topics have the same id, so their events could not be told apart")
        return topics


@router.post("", summary="Follow many things over one connection: server-sent events named by topic")
async def stream_topics(request: Request, services: Served, user: CurrentUser, wanted: Topics) -> Response:
    """A change of topics is a new request; the marks say from where to go on, so nothing is told twice."""

    def now() -> Subject:
        return recognised(request, services)

    return ManyStreamsResponse(
        {topic.id: KINDS[topic.kind](services, user, now, topic) for topic in wanted.topics},
        check=now,
        keep_alive=KEEP_ALIVE,
        closing=services.closing,
        counter=services.metrics.streams,
    )


Now = Callable[[], Subject]


def _applications(services: Services, user: Subject, _: Now, topic: Topic) -> Followed:
    # The policy is asked anew for every event.
    return Followed(_all_applications(services, user, topic), lambda: None)


async def _all_applications(services: Services, user: Subject, topic: Topic) -> Events:
    since = version_asked(topic.mark) if topic.mark else 0
    selected = Selection(namespace=topic.app_namespace)
    async with aclosing(application_events(services, user, selected, since, Shape(topic.fields))) as events:
        async for event in events:
            yield event


def _application(services: Services, user: Subject, now: Now, topic: Topic) -> Followed:
    key = AppName(topic.app_namespace or services.namespace, topic.name)

    def still() -> None:
        # One that was deleted is still followed: it may come back.
        app = services.store.applications.raw(key)
        if app is not None and not may(services, now(), "get", app):
            allowed_app(services, now(), "get", key.name, namespace=key.namespace)

    return Followed(_one_application(services, user, key, topic), still)


async def _one_application(services: Services, user: Subject, key: AppName, topic: Topic) -> Events:
    """Begins with the application unless the client has just this version; then what becomes of it."""
    since = version_asked(topic.mark) if topic.mark else 0
    gone = since and any(each.name == key for each in services.deletions.since(since))
    if not gone:
        asked = allowed_app(services, user, "get", key.name, namespace=key.namespace)
        if resource_version_of(asked.manifest) != topic.mark:
            since = 0
    selected = Selection(name=key.name, namespace=key.namespace)
    async with aclosing(application_events(services, user, selected, since, Shape(topic.fields))) as events:
        async for event in events:
            yield event


def _tree(services: Services, user: Subject, now: Now, topic: Topic) -> Followed:
    key = AppName(topic.app_namespace or services.namespace, topic.name)

    def still() -> None:
        allowed_app(services, now(), "get", key.name, namespace=key.namespace)

    return Followed(_one_tree(services, user, key, topic.mark), still)


async def _one_tree(services: Services, user: Subject, key: AppName, mark: str) -> Events:
    """The tree whenever it is another than the client has."""
    allowed_app(services, user, "get", key.name, namespace=key.namespace)
    async with aclosing(trees(services, key)) as told:
        async for tree in told:
            digest = hashlib.blake2b(tree, digest_size=8).hexdigest()
            if digest != mark:
                mark = digest
                yield Told(tree, digest)


KINDS: dict[str, Callable[[Services, Subject, Now, Topic], Followed]] = {
    "applications": _applications,
    "application": _application,
    "tree": _tree,
}
