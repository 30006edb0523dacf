"""Glob patterns as Argo CD's users write them in projects, policies and sync windows."""

import re
from functools import lru_cache

_NEVER = re.compile(r"(?!)")


def glob_matches(pattern: str, text: str, *, separator: str = "") -> bool:
    """Whether the whole text matches.

    `*` does not cross the separator, `**` does; without a separator `*` matches anything. Also `?`,
    `[a-z]`, `[!a-z]`, `{one,other}` and `\\` before a character meant as such. A pattern that cannot
    be read matches nothing.
    """
    return compiled_glob(pattern, separator).fullmatch(text) is not None


@lru_cache(maxsize=4096)
def compiled_glob(pattern: str, separator: str = "") -> re.Pattern[str]:
    try:
        return re.compile(_translated(pattern, separator), re.DOTALL)
    except re.error:
        return _NEVER


_TOKEN = re.compile(
    r"(?P<many>\*\*+)|(?P<any>\*)|(?P<one>\?)|\[(?P<not>[!^]?)(?P<set>[^\]]+)\]"
    r"|(?P<open>\{)|(?P<close>\})|(?P<or>,)|\\(?P<escaped>.)|(?P<plain>.)",
    re.DOTALL,
)


def _translated(pattern: str, separator: str) -> str:
    single = f"[^{re.escape(separator)}]" if separator else "."
    depth = 0
    parts: list[str] = []
    for token in _TOKEN.finditer(pattern):
        match token.lastgroup:
            case "many":
                parts.append(".*")
            case "any":
                parts.append(f"{single}*")
            case "one":
                parts.append(single)
            case "set":
                members = re.sub(r"([\\\[^&~|])", r"\\\1", token["set"])
                parts.append(f"[{'^' if token['not'] else ''}{members}]")
            case "open":
                depth += 1
                parts.append("(?:")
            case "close" if depth:
                depth -= 1
                parts.append(")")
            case "or" if depth:
                parts.append("|")
            case _:
                parts.append(re.escape(token["escaped"] or token[0]))
    return "".join(parts)
