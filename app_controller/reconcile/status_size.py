"""A status that fits: what is kept of it when an application has more objects than an Application can hold.

What is kept depends on the findings and the room alone, so that nothing is written twice: etcd's limit of
1.5 MB for one object leaves some 7,000 entries of `status.resources`.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from gitops.model.errors import ClusterRefused
from gitops.model.status import ResourceStatus, SyncCode

# Of the whole Application; what is left is for its conditions, and for the state of operations to come.
ROOM = 1_000_000
TRUNCATED = "StatusTruncatedWarning"
MESSAGES_OF_A_TYPE = 20
LONGEST_MESSAGE = 16_000

_STEP = 50_000  # so that what is kept does not follow every small change of the rest
_LEAST = 20_000

Conditions = tuple[tuple[str, str], ...]


class Fitted(msgspec.Struct, frozen=True):
    resources: tuple[ResourceStatus, ...]
    told: str = ""  # what was left out; empty if nothing was


def fitted(resources: Sequence[ResourceStatus], rest: Mapping[str, Any], room: int) -> Fitted:
    """The resources that fit beside the rest of an Application, in their order.

    One of each kind comes first (who deletes the application has to know the kinds), then what is not
    Synced, then the others.
    """
    sizes = [len(msgspec.json.encode(each)) + 1 for each in resources]
    left = room - len(msgspec.json.encode(rest)) if sum(sizes) > _LEAST else sum(sizes)
    if sum(sizes) <= left:
        return Fitted(tuple(resources))
    left = max(0, left // _STEP * _STEP)
    kept: set[int] = set()
    for number in _by_weight(resources):
        if sizes[number] > left:
            break
        left -= sizes[number]
        kept.add(number)
    return Fitted(tuple(each for number, each in enumerate(resources) if number in kept), _told(resources, kept))


def _by_weight(resources: Sequence[ResourceStatus]) -> list[int]:
    firsts: dict[tuple[str, str], int] = {}
    for number, each in enumerate(resources):
        firsts.setdefault((each.group, each.kind), number)
    foremost = set(firsts.values())
    return sorted(
        range(len(resources)),
        key=lambda number: (number not in foremost, resources[number].status == SyncCode.SYNCED, number),
    )


def _told(resources: Sequence[ResourceStatus], kept: set[int]) -> str:
    apart = [number for number, each in enumerate(resources) if each.status != SyncCode.SYNCED]
    left_out = sum(number not in kept for number in apart)
    others = len(resources) - len(kept) - left_out
    return (
        f"status.resources holds {len(kept)} of {len(resources)} objects, because an Application cannot be larger; "
        f"{left_out} of the {len(apart)} that are not Synced and {others} Synced ones are "
        "left out. The verdict and the tree count all of them; split the application to see all of them here too"
    )


def bounded(conditions: Conditions) -> Conditions:
    """In order and without repetition; of very many of one type the first are told and the others counted."""
    of_type: dict[str, list[str]] = {}
    for type, message in sorted(set(conditions)):
        of_type.setdefault(type, []).append(_shortened(message))
    return tuple((type, message) for type, messages in of_type.items() for message in _first_of(messages))


def _first_of(messages: list[str]) -> list[str]:
    more = len(messages) - MESSAGES_OF_A_TYPE
    if more <= 0:
        return messages
    return [*messages[:MESSAGES_OF_A_TYPE], f"and {more} more like the {MESSAGES_OF_A_TYPE} named"]


def _shortened(message: str) -> str:
    return message if len(message) <= LONGEST_MESSAGE else f"{message[:LONGEST_MESSAGE]} … (cut)"


def is_too_large(refusal: ClusterRefused) -> bool:
    """Whether the API server would not store it for its size alone."""
    return refusal.status == 413 or "too large" in str(refusal)


def less(room: int) -> int:
    """What to try after a refusal; 0 at last, which leaves all resources out."""
    return room // 2 if room > _LEAST else 0
