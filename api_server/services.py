"""What every route works with, made once at the start and handed to the app as one value."""

import asyncio
from dataclasses import dataclass, field

from adapters.clock import Clock
from adapters.live_client import LiveClient
from adapters.repo_client import RepoClient
from adapters.store.store import Store
from api_server.announcements import Announcements
from api_server.audit import Audit
from api_server.auth.passwords import Passwords
from api_server.auth.records import AuthRecords
from api_server.auth.sessions import Sessions
from api_server.connections import Connections
from api_server.deletions import Deletions
from api_server.metrics import Metrics
from api_server.policy import Policy
from api_server.stranger_bodies import StrangerBodies


@dataclass(frozen=True)
class Services:
    store: Store
    records: AuthRecords
    sessions: Sessions
    passwords: Passwords
    policy: Policy
    repo: RepoClient
    live: LiveClient
    connections: Connections
    announcements: Announcements
    audit: Audit
    metrics: Metrics
    deletions: Deletions
    clock: Clock
    namespace: str
    secure: bool = False  # TLS ends here, or in front of us: cookies may only travel on it
    stranger_bodies: StrangerBodies = field(default_factory=StrangerBodies)
    closing: asyncio.Event = field(default_factory=asyncio.Event)
