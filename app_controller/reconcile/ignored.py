"""Where an application's `jqPathExpressions` lead in its objects."""

from adapters.jq.engine import JqEngine
from gitops.diff.ignore import IgnoreRules
from gitops.diff.path_expressions import Found, paths_of
from gitops.model.application import AppName
from gitops.model.resource import Manifest


class IgnoredPaths:
    """One application's rules, and jq to ask; objects that no rule with an expression covers cost nothing."""

    def __init__(self, jq: JqEngine, name: AppName, rules: IgnoreRules) -> None:
        self._jq = jq
        self._who = str(name)
        self._rules = rules

    async def check(self) -> None:
        """Raises InvalidSpec for an expression that is not jq, whether an object is covered by it or not."""
        if self._rules.expressions:
            await self._jq.check(sorted(self._rules.expressions))

    async def of(self, live: Manifest, predicted: Manifest | None = None) -> Found | None:
        """None where no expression applies. Raises when one cannot be evaluated: there is no verdict then."""
        expressions = self._rules.for_object(live).expressions
        if not expressions:
            return None
        in_live = paths_of(await self._jq.paths(self._who, expressions, live), live)
        if predicted is None:
            return Found(live=in_live)
        return Found(in_live, paths_of(await self._jq.paths(self._who, expressions, predicted), predicted))
