"""Points in time and spans as Kubernetes writes them."""

import re
from datetime import UTC, datetime, timedelta

from gitops.model.errors import InvalidSpec
from gitops.model.numbers import count_of

_PART = re.compile(r"([0-9]+(?:\.[0-9]+)?)(ms|h|m|s)")
_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}


def rfc3339(moment: datetime) -> str:
    """As `metav1.Time` is written: UTC, whole seconds, `Z`."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def parse_rfc3339(text: str) -> datetime:
    """Raises ValueError for anything else, also for a moment that only exists in another time zone."""
    try:
        return datetime.fromisoformat(text.replace("Z", "+00:00")).astimezone(UTC)
    except OverflowError:
        raise ValueError(f"`{text}` is out of range") from None


def parse_duration(text: str) -> timedelta:
    """A Go duration such as `1m30s`; a bare number is seconds, as Argo CD reads it."""
    stripped = text.strip()
    parts = _PART.findall(stripped)
    seconds = count_of(stripped)
    if seconds is None and (not parts or "".join(number + unit for number, unit in parts) != stripped):
        raise InvalidSpec(f"`{text}` is not a duration; write it like 90s, 5m or 1h30m")
    try:
        return timedelta(seconds=sum(float(n) * _SECONDS[unit] for n, unit in parts) if seconds is None else seconds)
    except OverflowError:
        raise InvalidSpec(f"`{text}` is longer than any duration can be") from None
