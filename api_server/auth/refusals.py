"""What is said of a token that is not taken: what is wrong with it, and what gets its holder on."""

import jwt

from api_server.auth.accounts import API_KEY, LOGIN
from gitops.model.errors import Unauthenticated

PROJECT = "proj:"


def refused(subject: str, problem: str) -> Unauthenticated:
    """For a token of ours: the signature held, so its subject may be repeated."""
    if subject.startswith(PROJECT):
        _, project, role = (*subject.split(":"), "", "")[:3]
        return _key(f"{problem}; make a new token for role `{role}` of project `{project}`")
    name, _, capability = subject.rpartition(":")
    if capability == API_KEY:
        return _key(f"{problem}; make a new token for account `{name}`")
    if capability == LOGIN:
        return Unauthenticated(f"invalid session: {problem}; log in again")
    return _key(f"{problem}; it is neither a login nor an API token: get a new one")


def useless(subject: str, problem: str) -> Unauthenticated:
    """For a token whose account or role must be mended: another one would be refused just so."""
    prefix = "session" if subject.endswith(f":{LOGIN}") and not subject.startswith(PROJECT) else "token"
    return Unauthenticated(f"invalid {prefix}: {problem}")


def foreign(token: str) -> Unauthenticated:
    """For a token that nobody can vouch for. What it says of itself chooses the words, and nothing else."""
    problem = "this server did not sign it, or its signing key has changed since, or it is not whole"
    subject = _claimed_subject(token)
    if subject.endswith(f":{LOGIN}") and not subject.startswith(PROJECT):
        return Unauthenticated(f"invalid session: {problem}; log in again")
    return _key(f"{problem}; check where it comes from, or make a new token")


def _key(text: str) -> Unauthenticated:
    return Unauthenticated(f"invalid token: {text}")


def _claimed_subject(token: str) -> str:
    try:
        claimed = jwt.decode(token, options={"verify_signature": False, "verify_sub": False}).get("sub")
    except (jwt.InvalidTokenError, ValueError, RecursionError):
        return ""
    return claimed if isinstance(claimed, str) else ""
