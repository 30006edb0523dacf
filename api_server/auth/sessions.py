"""Logging in, being recognised, logging out."""

import asyncio
import secrets
from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Protocol

import msgspec
import structlog

from adapters.clock import Clock
from adapters.store.settings_values import Account
from api_server.auth import records as kept
from api_server.auth import tokens
from api_server.auth.accounts import LOGIN, lists_token, may_be_used_for
from api_server.auth.attempts import Attempts
from api_server.auth.passwords import Passwords
from api_server.auth.records import AuthRecords
from api_server.auth.refusals import refused, useless
from api_server.auth.tokens import Claims
from gitops.model.errors import GitOpsError, Unauthenticated

log = structlog.get_logger("session")

NAME_BYTES = 32
MOST_LOGINS_AT_ONCE = 50
# Every refusal takes at least the first and at most about the sum, whatever the cause was.
REFUSAL_DELAY = timedelta(milliseconds=500)
REFUSAL_NOISE = timedelta(milliseconds=500)
REFUSED = "Invalid username or password"


class Subject(msgspec.Struct, frozen=True):
    """Who asks: a local account, a project role's token, or nobody (empty name)."""

    name: str = ""
    groups: tuple[str, ...] = ()
    claims: Claims | None = None

    @property
    def is_anonymous(self) -> bool:
        return self.claims is None


class ProjectTokens(Protocol):
    def __call__(self, project: str, role: str, claims: Claims) -> bool:
        """Whether that role still exists and lists that token."""
        ...


class Sessions:
    """The accounts of one installation and the tokens issued to them."""

    def __init__(
        self, records: AuthRecords, *, clock: Clock, passwords: Passwords, project_tokens: ProjectTokens
    ) -> None:
        self._records = records
        self._clock = clock
        self._passwords = passwords
        self._project_tokens = project_tokens
        self._attempts = Attempts(clock)
        self._logins = asyncio.Semaphore(MOST_LOGINS_AT_ONCE)
        self._revoked_here: set[str] = set()  # until the mirror of the Secret shows them

    @property
    def accounts(self) -> Mapping[str, Account]:
        return self._records.settings.accounts

    async def log_in(self, username: str, password: str) -> str:
        """A new session's token, or Unauthenticated, which is the same for every cause."""
        started = self._clock.now()
        if await self._password_holds(username, password):
            claims = tokens.login_claims(
                username, lifetime=self._records.settings.session_duration, now=self._clock.now()
            )
            return tokens.sign(claims, self.key())
        noise = REFUSAL_NOISE * (secrets.randbelow(1000) / 1000)
        await self._clock.sleep(REFUSAL_DELAY + noise - (self._clock.now() - started))
        raise Unauthenticated(REFUSED)

    async def confirm_password(self, username: str, password: str) -> bool:
        """Whether it is the account's password; tries are counted like logins."""
        return await self._password_holds(username, password)

    def subject_of(self, token: str) -> Subject:
        """Whom a token speaks for, checked against everything that can have ended it."""
        claims = tokens.read(token, self.key(), now=self._clock.now())
        if claims.token_id in self._revoked_here or kept.revocation_key(claims.token_id) in self._records.sessions:
            raise refused(claims.subject, "it was revoked")
        if claims.is_project_token:
            return self._project_subject(claims)
        account = self.accounts.get(claims.username)
        if account is None:
            raise useless(claims.subject, f"there is no account `{claims.username}` any more")
        if not may_be_used_for(account, claims.capability):
            raise useless(claims.subject, f"account `{account.name}` is disabled or may not be used like this")
        if claims.capability == LOGIN:
            self._check_login(claims, account)
        elif not lists_token(account, claims.token_id):
            raise refused(claims.subject, "it was deleted")
        return Subject(account.name, claims=claims)

    async def revoke(self, claims: Claims) -> None:
        """Ends a session on every replica and for good, Redis or not."""
        self._revoked_here.add(claims.token_id)
        ended = {kept.revocation_key(claims.token_id): kept.encoded_end(claims.expires_at)}
        await self._records.patch_sessions({**kept.outdated(self._records.sessions, self._clock.now()), **ended})

    async def forget_failures(self, name: str) -> None:
        self._attempts.forget(name)
        if kept.failures_key(name) in self._records.sessions:
            await self._records.patch_sessions({kept.failures_key(name): None})

    def key(self) -> bytes:
        key = self._records.settings.server_secret_key
        if not key:
            raise GitOpsError("argocd-secret holds no server.secretkey; restart the API server to make one")
        return key.encode()

    async def _password_holds(self, username: str, password: str) -> bool:
        if self._logins.locked() or len(username.encode()) > NAME_BYTES:
            return False
        account = self.accounts.get(username)
        self._restore_failures()
        async with self._logins, self._attempts.attempt(username, is_account=account is not None) as attempt:
            if not attempt.permitted:
                return False
            usable = account is not None and may_be_used_for(account, LOGIN)
            matches = await self._passwords.matches(password, account.password_hash if account and usable else "")
            attempt.succeeded = matches
        if account is not None:
            await self._record(account.name)
        return matches

    def _restore_failures(self) -> None:
        for name, failures in kept.decoded_failures(self._records.sessions).items():
            if name in self.accounts:
                self._attempts.restore(name, failures)

    async def _record(self, name: str) -> None:
        """Writes the count down, so that neither a restart nor another replica starts from nothing."""
        failures = self._attempts.failures_of(name)
        key = kept.failures_key(name)
        if not failures.count and key not in self._records.sessions:
            return
        try:
            await self._records.patch_sessions({key: kept.encoded_failures(failures) if failures.count else None})
        except GitOpsError as error:
            log.warning("a failed login could not be recorded", account=name, error=str(error))

    def _check_login(self, claims: Claims, account: Account) -> None:
        changed = account.password_changed_at
        if changed and claims.issued_at < changed.replace(microsecond=0):
            raise refused(claims.subject, "the password has changed since")
        if self._clock.now() - claims.issued_at > self._records.settings.session_duration:
            raise refused(claims.subject, "it has lasted as long as it may")

    def _project_subject(self, claims: Claims) -> Subject:
        _, project, role = (*claims.subject.split(":"), "", "")[:3]
        if not self._project_tokens(project, role, claims):
            raise refused(claims.subject, "it was deleted, or its role was")
        return Subject(claims.subject, claims=claims)


def project_lists_token(project: Mapping[str, Any] | None, role: str, claims: Claims) -> bool:
    """Whether an AppProject as stored still has the role, and the role the token."""
    if project is None:
        return False
    roles = {each.get("name"): each for each in (project.get("spec") or {}).get("roles") or ()}
    if role not in roles:
        return False
    by_role = (project.get("status") or {}).get("jwtTokensByRole") or {}
    listed = [*((by_role.get(role) or {}).get("items") or ()), *(roles[role].get("jwtTokens") or ())]
    issued = int(claims.issued_at.timestamp())
    return any(
        each.get("id") == claims.token_id or (not each.get("id") and each.get("iat") == issued) for each in listed
    )
