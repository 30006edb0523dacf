"""The build environment: ARGOCD_APP_* names that a source's options may refer to as $NAME or ${NAME}."""

import re
from collections.abc import Mapping

from adapters.repo_client import RenderContext
from gitops.model.application import Source

_REFERENCE = re.compile(r"\$(?:(\$)|\{([^}]*)\}|([A-Za-z_][A-Za-z0-9_]*))")

REVISION_PREFIX = "ARGOCD_APP_REVISION"  # what makes options differ from commit to commit


def build_environment(context: RenderContext, source: Source, revision: str) -> Mapping[str, str]:
    return {
        "ARGOCD_APP_NAME": context.app_name,
        "ARGOCD_APP_NAMESPACE": context.namespace,
        "ARGOCD_APP_PROJECT_NAME": context.project,
        "ARGOCD_APP_REVISION": revision,
        "ARGOCD_APP_REVISION_SHORT": revision[:7],
        "ARGOCD_APP_REVISION_SHORT_8": revision[:8],
        "ARGOCD_APP_SOURCE_REPO_URL": source.repo_url,
        "ARGOCD_APP_SOURCE_PATH": source.path,
        "ARGOCD_APP_SOURCE_TARGET_REVISION": source.target_revision,
    }


def substituted(text: str, environment: Mapping[str, str]) -> str:
    """References replaced, unknown ones by nothing; `$$` stands for one dollar."""
    if "$" not in text:
        return text

    def value(found: re.Match[str]) -> str:
        escaped, braced, plain = found.groups()
        return "$" if escaped or braced == "$" else environment.get(braced or plain or "", "")

    return _REFERENCE.sub(value, text)
