"""Points in time and spans as Kubernetes writes them."""

import re
from datetime import UTC, datetime, timedelta

from gitops.model.errors import InvalidSpec

_PART = re.compile(r"(\d+(?:\.\d+)?)(ms|h|m|s)")
_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}


def rfc3339(moment: datetime) -> str:
    """As `metav1.Time` is written: UTC, whole seconds, `Z`."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def parse_rfc3339(text: str) -> datetime:
    return datetime.fromisoformat(text.replace("Z", "+00:00")).astimezone(UTC)


def parse_duration(text: str) -> timedelta:
    """A Go duration such as `1m30s`; a bare number is seconds, as Argo CD reads it."""
    stripped = text.strip()
    if stripped.isdigit():
        return timedelta(seconds=int(stripped))
    parts = _PART.findall(stripped)
    if not parts or "".join(number + unit for number, unit in parts) != stripped:
        raise InvalidSpec(f"`{text}` is not a duration; write it like 90s, 5m or 1h30m")
    return timedelta(seconds=sum(float(number) * _SECONDS[unit] for number, unit in parts))
