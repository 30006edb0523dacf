"""Short names for what a check says, and careful reading of what it looks at.

A status is written by controllers of every quality: a field that is missing or of the wrong type reads
as empty or zero.
"""

from collections.abc import Mapping
from typing import Any

from gitops.model.status import Health, HealthCode

HEALTHY = Health(HealthCode.HEALTHY)

_NOTHING: Mapping[str, Any] = {}


def healthy(message: str = "") -> Health:
    return Health(HealthCode.HEALTHY, message)


def progressing(message: str = "") -> Health:
    return Health(HealthCode.PROGRESSING, message)


def degraded(message: str = "") -> Health:
    return Health(HealthCode.DEGRADED, message)


def suspended(message: str = "") -> Health:
    return Health(HealthCode.SUSPENDED, message)


def unknown(message: str = "") -> Health:
    return Health(HealthCode.UNKNOWN, message)


def part(value: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """A field that holds a map; empty if it does not."""
    found = value.get(name)
    return found if isinstance(found, Mapping) else _NOTHING


def whole_number(value: Mapping[str, Any], name: str) -> int:
    """A field that holds a number; 0 if it does not."""
    found = value.get(name)
    return found if isinstance(found, int) and not isinstance(found, bool) else 0
