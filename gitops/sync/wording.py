"""What is said of one object in a sync's results, in kubectl's words: scripts read them."""

from gitops.model.resource import ResourceKey

CREATED = "created"
CONFIGURED = "configured"
UNCHANGED = "unchanged"
REPLACED = "replaced"
SERVER_SIDE_APPLIED = "serverside-applied"

DRY_RUN = " (dry run)"


def told(key: ResourceKey, verb: str, note: str = "") -> str:
    """`deployment.apps/web configured`; the note is what kubectl would not say."""
    group = f".{key.group}" if key.group else ""
    said = f"{key.kind.lower()}{group}/{key.name} {verb}"
    return f"{said} ({note})" if note else said
