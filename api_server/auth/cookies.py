"""The session cookie: one, or several parts when the token is too long for one. Pure."""

from collections.abc import Mapping, Sequence

COOKIE = "argocd.token"
PART_BYTES = 4093  # what browsers keep of one cookie, name and value together
MOST_PARTS = 20
_ATTRIBUTES = "; path={path}; SameSite=lax; httpOnly"


def set_cookies(token: str, *, path: str, secure: bool, max_age: int | None = None) -> list[str]:
    """Values of the Set-Cookie headers that carry the token."""
    attributes = _ATTRIBUTES.format(path=path) + ("; Secure" if secure else "")
    if max_age is not None:
        attributes += f"; Max-Age={max_age}"
    return [f"{name}={value}{attributes}" for name, value in _parts(token)]


def cleared_cookies(present: Mapping[str, str], *, path: str, secure: bool) -> list[str]:
    """Values of the Set-Cookie headers that forget whatever parts the browser has."""
    attributes = _ATTRIBUTES.format(path=path) + ("; Secure" if secure else "") + "; Max-Age=0"
    names = {COOKIE} | {name for name in _part_names(MOST_PARTS) if name in present}
    return [f"{name}={attributes}" for name in sorted(names)]


def token_from(cookies: Mapping[str, str]) -> str:
    """The token the cookies hold together; empty when there is none, or a part is missing."""
    first = cookies.get(COOKIE, "")
    count, separator, start = first.partition(":")
    if not separator:
        return first
    if not count.isascii() or not count.isdigit() or len(count) > 2 or not 1 <= int(count) <= MOST_PARTS:
        return ""
    rest = [cookies.get(name, "") for name in _part_names(int(count))]
    return start + "".join(rest) if all(rest) else ""


def _part_names(count: int) -> Sequence[str]:
    return [f"{COOKIE}-{number}" for number in range(1, count)]


def _parts(token: str) -> list[tuple[str, str]]:
    if len(COOKIE) + 1 + len(token) <= PART_BYTES:
        return [(COOKIE, token)]
    room = PART_BYTES - len(COOKIE) - len("=00:-00")
    pieces = [token[start : start + room] for start in range(0, len(token), room)]
    if len(pieces) > MOST_PARTS:
        raise ValueError(f"a token of {len(token)} bytes does not fit into {MOST_PARTS} cookies")
    names = [COOKIE, *_part_names(len(pieces))]
    return list(zip(names, [f"{len(pieces)}:{pieces[0]}", *pieces[1:]], strict=True))
