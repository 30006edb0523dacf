"""Fetching what can be fetched when git refuses some of it.

A fetch is all or nothing: one object that git refuses, in any branch, and no branch arrives. Halving finds
the references it comes with in a few steps and brings the others meanwhile.
"""

from collections.abc import Awaitable, Callable, Mapping

import msgspec

from repo_server.sources.git_command import GitFailed

_TRIES = 64  # fetches; thousands of references with a few bad ones take fewer


class Refused(msgspec.Struct, frozen=True):
    commit: str  # where the reference stood; another one is tried again
    words: str  # git's


class Salvage:
    def __init__(self, fetch: Callable[[list[str]], Awaitable[None]], stands_at: Callable[[str, str], bool]) -> None:
        self._fetch = fetch
        self._stands_at = stands_at
        self._tries = 0

    async def all_but_refused(self, references: Mapping[str, str]) -> dict[str, Refused]:
        """Fetches all it can; the references it cannot, with the reason."""
        missing = {name: commit for name, commit in references.items() if not self._stands_at(name, commit)}
        return await self._halved(missing)

    async def _halved(self, references: Mapping[str, str]) -> dict[str, Refused]:
        if not references:
            return {}
        if self._tries >= _TRIES:
            return {
                name: Refused(commit, "not tried, as too many others were refused")
                for name, commit in references.items()
            }
        self._tries += 1
        try:
            await self._fetch([f"+{name}:{name}" for name in references])
        except GitFailed as error:
            names = list(references)
            if len(names) == 1:
                if not error.bad_objects:
                    return {}  # deleted meanwhile
                return {names[0]: Refused(references[names[0]], error.text)}
            middle = len(names) // 2
            halves = ({name: references[name] for name in half} for half in (names[:middle], names[middle:]))
            found: dict[str, Refused] = {}
            for half in halves:
                found |= await self._halved(half)
            return found
        return {}
