"""Which files a Jsonnet file imports, read from its text: an import always names its file literally.

Over-counting (an import in unreachable code) costs a render at worst; strings and comments are skipped,
so under-counting cannot happen.
"""

import re
from collections.abc import Iterator

# Order matters: what opens first swallows the rest, as in a lexer. What is never closed ends with the file, and
# nothing is tried twice, so the time is linear whatever the text.
_TOKEN = re.compile(
    r"""
      (?P<comment> \#[^\n]* | //[^\n]* | /\*.*?(?:\*/|\Z) )
    | (?P<block> \|\|\|-?[ \t]*\n.*?(?:\n[ \t]*\|\|\||\Z) )
    | (?P<keyword> \bimport(?:str|bin)?\b )
    | (?P<string> @"(?:[^"]|"")*+(?:"|\Z) | @'(?:[^']|'')*+(?:'|\Z)
                | "(?:[^"\\]|\\.)*+(?:"|\\?\Z) | '(?:[^'\\]|\\.)*+(?:'|\\?\Z) )
    | (?P<space> \s+ )
    | (?P<other> . )
    """,
    re.VERBOSE | re.DOTALL,
)

_ESCAPE = re.compile(r"\\(u[0-9a-fA-F]{4}|.)", re.DOTALL)
_ESCAPES = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}


def imports_of(text: str) -> Iterator[tuple[str, bool]]:
    """Each imported file as written, and whether it is Jsonnet that may import more."""
    keyword = ""
    for token in _TOKEN.finditer(text):
        if token["keyword"]:
            keyword = token["keyword"]
        elif token["string"]:
            if keyword:
                yield _unquoted(token["string"]), keyword == "import"
            keyword = ""
        elif token["other"] or token["block"]:
            keyword = ""


def _unquoted(literal: str) -> str:
    if literal[0] == "@":
        quote = literal[1]
        return literal[2:-1].replace(quote * 2, quote)
    return _ESCAPE.sub(_unescaped, literal[1:-1])


def _unescaped(found: re.Match[str]) -> str:
    code = found[1]
    return chr(int(code[1:], 16)) if len(code) > 1 else _ESCAPES.get(code, code)
