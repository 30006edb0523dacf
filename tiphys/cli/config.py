"""The logins a user keeps (`~/.config/tiphys/config.json`, mode 0600), and which of them a command uses."""

import json
import os
import tempfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from tiphys.cli.errors import NotFound, NotLoggedIn, Usage

LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


@dataclass(frozen=True)
class Login:
    """A server and how we are known there."""

    server: str
    token: str = field(default="", repr=False)
    username: str = ""
    insecure: bool = False
    ca_file: str = ""


@dataclass(frozen=True)
class Config:
    current: str = ""
    logins: Mapping[str, Login] = field(default_factory=dict)

    def with_login(self, name: str, login: Login) -> "Config":
        return Config(current=name, logins={**self.logins, name: login})

    def without_token(self, name: str) -> "Config":
        """Logged out; the context stays, so that `tiphys login` need not be told the address again."""
        return replace(self, logins={**self.logins, name: replace(self.logins[name], token="")})

    def name_of(self, url: str) -> str:
        """The context that has this server, if one has."""
        return next((name for name, login in self.logins.items() if login.server == url), "")

    def using(self, name: str) -> "Config":
        if name not in self.logins:
            known = ", ".join(sorted(self.logins)) or "none"
            raise NotFound(f"there is no context `{name}` (known: {known})", "`tiphys login SERVER` makes one")
        return replace(self, current=name)


@dataclass(frozen=True)
class Wanted:
    """What flags and environment say about the server to talk to."""

    server: str = ""
    context: str = ""
    token: str = field(default="", repr=False)


def server_url(text: str) -> str:
    """`host:port` or a URL, as a URL without a trailing slash; plain HTTP is only assumed for this machine."""
    given = text.strip()
    if "://" not in given:
        host = urlsplit(f"//{given}").hostname or ""
        given = f"{'http' if host in LOOPBACK else 'https'}://{given}"
    parts = urlsplit(given)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.username or parts.query:
        raise Usage(f"`{text}` is not a server address", "write HOST, HOST:PORT or https://HOST[:PORT][/PATH]")
    try:
        port = f":{parts.port}" if parts.port else ""
    except ValueError as error:
        raise Usage(f"`{text}` has no valid port", "write HOST:PORT with a port of 1 to 65535") from error
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    return f"{parts.scheme}://{host}{port}{parts.path.rstrip('/')}"


def is_private(url: str) -> bool:
    """Whether a password may be sent there: encrypted, or not leaving this machine."""
    parts = urlsplit(url)
    return parts.scheme == "https" or parts.hostname in LOOPBACK


def context_name(url: str) -> str:
    return urlsplit(url).netloc


def chosen_login(config: Config, wanted: Wanted) -> Login:
    """An address wins over a context; a stored token never goes to another server than it came from."""
    if wanted.context:
        config = config.using(wanted.context)
    stored = config.logins.get(config.current)
    if wanted.server:
        url = server_url(wanted.server)
        if stored is None or stored.server != url:
            stored = next((each for each in config.logins.values() if each.server == url), Login(server=url))
    if stored is None:
        raise NotLoggedIn("no server is known", "log in with `tiphys login SERVER`, or set TIPHYS_SERVER")
    return replace(stored, token=wanted.token) if wanted.token else stored


def config_path(environ: Mapping[str, str]) -> Path:
    if given := environ.get("TIPHYS_CONFIG"):
        return Path(given)
    base = environ.get("XDG_CONFIG_HOME") or str(Path(environ.get("HOME", "~")).expanduser() / ".config")
    return Path(base) / "tiphys" / "config.json"


def load(path: Path) -> Config:
    try:
        stored: Any = json.loads(path.read_text())
        return Config(
            current=stored["currentContext"],
            logins={name: Login(**login) for name, login in stored["contexts"].items()},
        )
    except FileNotFoundError:
        return Config()
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise Usage(f"{path} is not a Tiphys configuration ({error})", "delete it and log in again") from error
    except OSError as error:
        raise Usage(f"{path} cannot be read ({error.strerror})") from error


def save(path: Path, config: Config) -> None:
    """Whole or not at all, and never readable by others, not even for a moment."""
    stored = {
        "currentContext": config.current,
        "contexts": {name: asdict(login) for name, login in sorted(config.logins.items())},
    }
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        handle, scratch = tempfile.mkstemp(dir=path.parent, prefix=".config-")  # mode 0600
        with os.fdopen(handle, "w") as file:
            json.dump(stored, file, indent=2)
            file.write("\n")
        Path(scratch).replace(path)
    except OSError as error:
        raise Usage(f"{path} cannot be written ({error.strerror})", "set TIPHYS_CONFIG to another place") from error
