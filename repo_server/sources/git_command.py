"""Runs git against a remote, with nothing of the machine's own configuration and no way to ask a person.

Arguments only ever travel as a list; credentials travel in the environment and in memory files that no
disk ever sees. The remote's answer is classified here, so nothing else reads git's texts.
"""

import asyncio
import os
import re
import shlex
import shutil
import signal
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import msgspec

from gitops.model.errors import InvalidSpec, RepositoryRefused, RepositoryUnreachable, SourceError
from gitops.model.repository import RepositoryCredentials
from repo_server.fair import FairTurns
from repo_server.sources.git_url import GitUrl, checked_proxy

OUTPUT_LIMIT = 256 * 1024 * 1024  # of ls-remote; a million references fit

# Answers a prompt of git only for the host the credentials belong to, so a redirect learns nothing.
ASKPASS = """#!/bin/sh
case "$1" in
  *"//$TIPHYS_GIT_AUTHORITY'"*|*"@$TIPHYS_GIT_AUTHORITY'"*) ;;
  *) exit 1 ;;
esac
case "$1" in
  Username*) printf '%s\\n' "$TIPHYS_GIT_USERNAME" ;;
  Password*) printf '%s\\n' "$TIPHYS_GIT_PASSWORD" ;;
  *) exit 1 ;;
esac
"""

CONFIG: Mapping[str, str] = {
    "core.hooksPath": "/dev/null",
    "core.fsmonitor": "false",
    "core.symlinks": "false",
    "credential.helper": "",
    "fetch.recurseSubmodules": "no",
    "fetch.writeCommitGraph": "false",
    "gc.auto": "0",
    "gc.pruneExpire": "never",  # a commit that was force-pushed away may still be some cluster's desired state
    "http.followRedirects": "initial",
    "http.lowSpeedLimit": "1000",
    "http.lowSpeedTime": "30",
    "init.defaultBranch": "main",
    "maintenance.auto": "false",
    "protocol.version": "2",
    "submodule.recurse": "false",
    "transfer.fsckObjects": "true",
    # Old but harmless, and found in long-lived repositories.
    "fetch.fsck.badTimezone": "ignore",
    "fetch.fsck.missingSpaceBeforeDate": "ignore",
    "fetch.fsck.zeroPaddedFilemode": "ignore",
}

# The first pattern that git's last words match decides.
_ANSWERS: Sequence[tuple[re.Pattern[str], type[SourceError], str]] = (
    (
        re.compile(
            r"authentication failed|could not read (username|password)|invalid (username|credentials)"
            r"|error: 40[13]|permission denied|access denied|terminal prompts disabled",
            re.I,
        ),
        RepositoryRefused,
        "refused the credentials; check the repository's Secret",
    ),
    (
        re.compile(r"host key verification failed|remote host identification has changed", re.I),
        RepositoryRefused,
        "has an SSH host key that is not known; add it to the known hosts",
    ),
    (
        re.compile(r"certificate|ssl|tls|gnutls", re.I),
        RepositoryRefused,
        "has a TLS certificate that is not trusted; add its CA to the repository's certificates",
    ),
    (
        re.compile(
            r"not found|does not exist|error: 404|not appear to be a git repository|not valid: is this a git", re.I
        ),
        RepositoryRefused,
        "does not exist, or these credentials may not see it; check repoURL and the repository's Secret",
    ),
)


# The connection broke in the middle; what git says of the half that came is not about the repository.
_CUT_OFF = re.compile(r"early EOF|disconnect|hung up|RPC failed|connection (reset|timed out|refused)|curl \d+", re.I)
_OUR_TROUBLE = re.compile(r"no space left|disk quota|cannot allocate memory|too many open files|read-only file", re.I)
_NOT_THERE = re.compile(r"couldn't find remote ref|not our ref|no such ref", re.I)
_BAD_OBJECTS = re.compile(
    r"fsck error|index-pack|unpack-objects|bad object|did not send all necessary objects|missing (blob|tree|commit)"
    r"|cannot lock ref|unable to update local ref|refname conflict|cannot update ref",
    re.I,
)


class GitFailed(Exception):
    """git ended with an error that is not about the remote's availability."""

    def __init__(self, text: str, *, bad_objects: bool = False) -> None:
        super().__init__(text)
        self.text = text
        self.bad_objects = bad_objects  # it got an answer, and cannot take it


class GitAccess(msgspec.Struct, frozen=True):
    """An address and what it takes to read from it."""

    url: GitUrl
    credentials: RepositoryCredentials = RepositoryCredentials()


class GitCommand:
    """Runs git in one private home directory, a bounded number of them at a time."""

    def __init__(
        self, home: Path, *, local_allowed: bool, search_path: str = os.defpath, turns: FairTurns | None = None
    ) -> None:
        self._home = home
        self._search_path = search_path  # where git and ssh are
        self._askpass = home / "askpass"
        self._protocols = "https:http:ssh" + (":file" if local_allowed else "")
        self._local_allowed = local_allowed
        self._turns = turns or FairTurns(8)

    def prepare(self) -> None:
        self._home.mkdir(mode=0o700, parents=True, exist_ok=True)
        for left in self._home.glob("key-*"):  # keys were files once, and a server that was killed left them
            shutil.rmtree(left, ignore_errors=True)
        self._askpass.write_text(ASKPASS)
        self._askpass.chmod(0o700)

    async def local(self, arguments: Sequence[str], *, timeout: timedelta) -> str:
        """A command that speaks to no remote."""
        async with self._turns.turn(("", "")):
            status, output, errors = await _run(arguments, self._environment({}), timeout)
        if status is None:
            raise GitFailed("git took too long")
        if status != 0:
            raise GitFailed(self._told(_last_words(errors)))
        return output.decode(errors="replace")

    async def remote(
        self, access: GitAccess, arguments: Sequence[str], *, timeout: timedelta, given: bytes = b""
    ) -> str:
        """A command that speaks to a remote; RepositoryUnreachable or RepositoryRefused if that fails.

        `given`: what it reads from its standard input.
        """
        async with self._turns.turn((access.url.authority, str(access.url))):
            with self._credentials(access) as environment:
                status, output, errors = await _run(arguments, environment, timeout, given)
        if status == 0:
            return output.decode(errors="replace")
        if status is None:
            limit = f"{timeout.total_seconds():.0f} s"
            raise RepositoryUnreachable(f"repository {access.url} did not answer within {limit}; it is tried again")
        raise self._failure(access, _last_words(errors))

    def _failure(self, access: GitAccess, words: str) -> Exception:
        if _OUR_TROUBLE.search(words):
            return SourceError(f"repository {access.url} cannot be mirrored: {self._told(words)}")
        if _NOT_THERE.search(words):
            return GitFailed(self._told(words))
        if _BAD_OBJECTS.search(words) and not _CUT_OFF.search(words):
            return GitFailed(self._told(words), bad_objects=True)
        for pattern, kind, text in _ANSWERS:
            if pattern.search(words):
                return kind(f"repository {access.url} {text}")
        return RepositoryUnreachable(f"repository {access.url} cannot be reached: {self._told(words)}")

    def _told(self, words: str) -> str:
        """git's own words without addresses (they may carry a user) and without our directories."""
        without_urls = re.sub(r"\S+://\S+", "the remote", words)
        return without_urls.replace(str(self._home.parent), "…")[:300]

    def _environment(self, config: Mapping[str, str]) -> dict[str, str]:
        merged = {**CONFIG, **config}
        if self._local_allowed:
            merged["safe.directory"] = "*"
        environment = {
            "PATH": self._search_path,
            "HOME": str(self._home),
            "XDG_CONFIG_HOME": str(self._home),
            "LC_ALL": "C",
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_CONFIG_GLOBAL": os.devnull,
            "GIT_ATTR_NOSYSTEM": "1",
            "GIT_TERMINAL_PROMPT": "0",
            "GIT_ASKPASS": str(self._askpass),
            "SSH_ASKPASS_REQUIRE": "never",
            "GIT_ALLOW_PROTOCOL": self._protocols,
            "GIT_PROTOCOL_FROM_USER": "0",
            "GIT_LFS_SKIP_SMUDGE": "1",
            "GIT_OPTIONAL_LOCKS": "0",
            "GIT_CONFIG_COUNT": str(len(merged)),
        }
        for number, (key, value) in enumerate(merged.items()):
            environment[f"GIT_CONFIG_KEY_{number}"] = key
            environment[f"GIT_CONFIG_VALUE_{number}"] = value
        return environment

    @contextmanager
    def _credentials(self, access: GitAccess) -> Iterator[dict[str, str]]:
        """The environment for one command; files with keys in it vanish with the command, or with us."""
        credentials = access.credentials
        with _memory_files() as files:
            config: dict[str, str] = {}
            if credentials.proxy:
                if access.url.scheme == "ssh":
                    raise InvalidSpec("a proxy cannot be used for SSH repositories; use https:// or remove the proxy")
                config["http.proxy"] = checked_proxy(credentials.proxy)
            if credentials.bearer_token:
                config["http.followRedirects"] = "false"  # the header would go along
                config[f"http.{access.url}.extraHeader"] = f"Authorization: Bearer {_line(credentials.bearer_token)}"
            environment = self._environment(config)
            environment["TIPHYS_GIT_AUTHORITY"] = access.url.authority
            environment["TIPHYS_GIT_USERNAME"] = _line(credentials.username) or "git"
            environment["TIPHYS_GIT_PASSWORD"] = _line(credentials.password)
            if not credentials.password:
                environment["GIT_ASKPASS"] = "false"
            environment.update(_tls(credentials, files))
            if access.url.scheme == "ssh":
                environment["GIT_SSH_COMMAND"] = _ssh(credentials, files)
            yield environment


class _MemoryFiles:
    """Files without a place on any disk, which git and ssh open by the name they have in our process."""

    def __init__(self) -> None:
        self.descriptors: list[int] = []

    def write(self, name: str, text: str) -> str:
        descriptor = os.memfd_create(name)
        self.descriptors.append(descriptor)
        os.fchmod(descriptor, 0o600)  # ssh refuses keys that others may read
        content = (text if text.endswith("\n") else text + "\n").encode()
        while content:
            content = content[os.write(descriptor, content) :]
        return f"/proc/{os.getpid()}/fd/{descriptor}"


@contextmanager
def _memory_files() -> Iterator[_MemoryFiles]:
    files = _MemoryFiles()
    try:
        yield files
    finally:
        for descriptor in files.descriptors:
            os.close(descriptor)


def _line(secret: str) -> str:
    if "\n" in secret or "\r" in secret or "\x00" in secret:
        raise InvalidSpec("the repository's credentials hold a line break; remove it from the Secret")
    return secret


def _tls(credentials: RepositoryCredentials, files: _MemoryFiles) -> dict[str, str]:
    environment: dict[str, str] = {}
    if credentials.insecure:
        environment["GIT_SSL_NO_VERIFY"] = "1"
    if credentials.ca_bundle:
        environment["GIT_SSL_CAINFO"] = files.write("ca.crt", credentials.ca_bundle)
    if credentials.tls_client_cert and credentials.tls_client_key:
        environment["GIT_SSL_CERT"] = files.write("tls.crt", credentials.tls_client_cert)
        environment["GIT_SSL_KEY"] = files.write("tls.key", credentials.tls_client_key)
    return environment


def _ssh(credentials: RepositoryCredentials, files: _MemoryFiles) -> str:
    """git gives this to a shell, so every part of it is ours and quoted."""
    known_hosts = files.write("known_hosts", credentials.known_hosts)
    parts = ["ssh", "-F", os.devnull, "-o", "BatchMode=yes", "-o", "IdentitiesOnly=yes"]
    parts += ["-o", f"UserKnownHostsFile={known_hosts}", "-o", "GlobalKnownHostsFile=/dev/null"]
    parts += ["-o", f"StrictHostKeyChecking={'no' if credentials.insecure else 'yes'}"]
    parts += ["-o", "ConnectTimeout=15", "-o", "ProxyCommand=none", "-o", "PermitLocalCommand=no"]
    parts += ["-o", "IdentityAgent=none"]
    if credentials.ssh_private_key:
        parts += ["-i", files.write("id", credentials.ssh_private_key)]
    return shlex.join(parts)


def _last_words(errors: bytes) -> str:
    lines = [line.strip() for line in errors.decode(errors="replace").splitlines() if line.strip()]
    telling = [
        line for line in lines if line.startswith(("fatal:", "error:", "ssh:", "remote:", "Host key", "Permission"))
    ]
    return " ".join((telling or lines)[-3:])


async def _run(
    arguments: Sequence[str], environment: Mapping[str, str], timeout: timedelta, given: bytes = b""
) -> tuple[int | None, bytes, bytes]:
    """Status (None: killed at the timeout), output and errors of git."""
    process = await asyncio.create_subprocess_exec(
        "git",
        *arguments,
        env=environment,
        stdin=asyncio.subprocess.PIPE if given else asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        start_new_session=True,
        limit=1024 * 1024,
    )
    try:
        async with asyncio.timeout(timeout.total_seconds()):
            output, errors = await process.communicate(given or None)
        return process.returncode, output, errors
    except TimeoutError:
        return None, b"", b""
    finally:
        if process.returncode is None:
            # The session holds git's own children (git-remote-https, ssh) too.
            os.killpg(process.pid, signal.SIGKILL)
            await process.wait()
