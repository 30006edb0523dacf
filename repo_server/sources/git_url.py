"""What may be handed to git as an address or as a name.

git hands parts of an address to ssh and reads a leading dash as an option, so both are checked here,
before a command line exists; everything in `sources` takes these values, not plain text.
"""

import re
from typing import NamedTuple
from urllib.parse import unquote, urlsplit

from gitops.model.errors import InvalidSpec

REMOTE_SCHEMES = frozenset({"https", "http", "ssh"})
PROXY_SCHEMES = frozenset({"http", "https", "socks5", "socks5h"})

_SCP = re.compile(r"(?P<user>[A-Za-z0-9_.][A-Za-z0-9_.-]*)@(?P<host>[A-Za-z0-9_.][A-Za-z0-9_.-]*):(?P<path>[^:].*)")
_HOST = re.compile(r"[A-Za-z0-9_.]([A-Za-z0-9_.-]*)|\[[0-9A-Fa-f:.]+\]")
_USER = re.compile(r"[A-Za-z0-9_.~+%][A-Za-z0-9_.~+%@-]*")
_FORBIDDEN = re.compile(r"[\x00-\x20\x7f\\'\"`$<>|;{}^]")
_SHA = re.compile(r"[0-9a-f]{40}")
_SHORT_SHA = re.compile(r"[0-9a-f]{7,39}")
# git-check-ref-format, tightened: no leading dash.
_BAD_REFERENCE = re.compile(r"[\x00-\x20\x7f~^:?*\[\\]|\.\.|@\{|//|/\.|\.lock(/|$)|^[-./]|[./]$|^@$")


class GitUrl(NamedTuple):
    """An address git may be given. `authority` is what its credentials are good for."""

    text: str
    scheme: str
    authority: str
    user: str

    def __str__(self) -> str:
        return self.text


def checked_url(text: str, *, local_allowed: bool) -> GitUrl:
    """The address, or InvalidSpec saying what is wrong with it; never echoes a password."""
    url = text.strip()
    if not url:
        raise InvalidSpec("the source has no repoURL")
    if _FORBIDDEN.search(url) or _FORBIDDEN.search(unquote(url)) or url.startswith("-"):
        raise InvalidSpec("the repository URL holds a character that is not allowed in one")
    if "://" not in url:
        return _checked_scp(url)
    parts = urlsplit(url)
    if parts.scheme == "file":
        if not local_allowed:
            raise InvalidSpec("file:// repositories are not allowed here; use https:// or ssh://")
        return GitUrl(url, "file", "", "")
    if parts.scheme not in REMOTE_SCHEMES:
        raise InvalidSpec(f"repositories cannot be read over `{parts.scheme}`; use https:// or ssh://")
    return _checked_remote(url)


def _checked_scp(url: str) -> GitUrl:
    found = _SCP.fullmatch(url)
    if not found or found["path"].startswith("-"):
        raise InvalidSpec("the repository URL is not one; write https://host/path or git@host:path")
    return GitUrl(url, "ssh", found["host"].lower(), found["user"])


def _checked_remote(url: str) -> GitUrl:
    parts = urlsplit(url)
    try:
        port = parts.port
    except ValueError:
        raise InvalidSpec("the repository URL's port is not a number") from None
    userinfo, _, host_port = parts.netloc.rpartition("@")
    user, colon, _password = userinfo.partition(":")
    if colon:
        raise InvalidSpec("the repository URL holds a password; put it into a repository Secret instead")
    host = host_port if port is None else host_port.rpartition(":")[0]
    if not _HOST.fullmatch(host) or (user and not _USER.fullmatch(user)):
        raise InvalidSpec("the repository URL's host or user is not a valid one")
    if not parts.path.strip("/") or parts.path.startswith("/-"):
        raise InvalidSpec("the repository URL has no path to a repository")
    return GitUrl(url, parts.scheme, host_port.lower(), user)


def checked_proxy(text: str) -> str:
    parts = urlsplit(text)
    if _FORBIDDEN.search(unquote(text)) or parts.scheme not in PROXY_SCHEMES or not _proxy_host(parts.netloc):
        raise InvalidSpec("the repository's proxy is not a URL such as http://proxy.example:3128")
    return text


def _proxy_host(netloc: str) -> bool:
    host, _, port = netloc.rpartition("@")[2].partition(":")
    return bool(_HOST.fullmatch(host)) and (not port or port.isdigit())


def is_sha(text: str) -> bool:
    return bool(_SHA.fullmatch(text))


def is_short_sha(text: str) -> bool:
    return bool(_SHORT_SHA.fullmatch(text))


def checked_revision(text: str) -> str:
    """A branch, tag, SHA or version range that is safe to look up; InvalidSpec if it cannot be one."""
    revision = text.strip() or "HEAD"
    if len(revision) > 256 or "\n" in revision or "\x00" in revision or revision.startswith("-"):
        raise InvalidSpec("the target revision is not a branch, tag, commit or version range")
    return revision


def is_reference_name(text: str) -> bool:
    return not _BAD_REFERENCE.search(text)
