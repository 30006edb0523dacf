"""A remote's references as one value, and what a target revision means among them."""

from collections.abc import Mapping

import msgspec

from repo_server.sources import semver
from repo_server.sources.git_url import is_sha

BRANCHES = "refs/heads/"
TAGS = "refs/tags/"
PEELED = "^{}"


class References(msgspec.Struct, frozen=True):
    head: str  # commit of HEAD, empty if the repository is
    branches: Mapping[str, str]
    tags: Mapping[str, str]  # annotated tags already peeled to their commits

    def find(self, revision: str) -> str | None:
        """The commit of a branch, tag, full reference or version range; branches win over tags."""
        if revision == "HEAD":
            return self.head or None
        for names, name in (
            (self.branches, revision.removeprefix(BRANCHES)),
            (self.tags, revision.removeprefix(TAGS)),
        ):
            if name in names:
                return names[name]
        tag = semver.highest(revision, self.tags)
        return self.tags[tag] if tag is not None else None

    def by_full_name(self) -> dict[str, str]:
        branches = {BRANCHES + name: commit for name, commit in self.branches.items()}
        return branches | {TAGS + name: commit for name, commit in self.tags.items()}

    def tags_of(self, commit: str) -> tuple[str, ...]:
        return tuple(sorted(name for name, pointed in self.tags.items() if pointed == commit))


def parse_ls_remote(output: str) -> References:
    head = ""
    branches: dict[str, str] = {}
    tags: dict[str, str] = {}
    for line in output.splitlines():
        commit, tab, name = line.partition("\t")
        if not tab or not is_sha(commit):
            continue
        if name == "HEAD":
            head = commit
        elif name.startswith(BRANCHES):
            branches[name.removeprefix(BRANCHES)] = commit
        elif name.startswith(TAGS):
            # git lists `v1` and then `v1^{}`, so the peeled commit overwrites the tag object.
            tags[name.removeprefix(TAGS).removesuffix(PEELED)] = commit
    return References(head, branches, tags)
