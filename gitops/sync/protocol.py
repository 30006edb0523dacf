"""What the sync machine says (actions), what it is told (events), and the state it keeps between them.

The driver performs the actions of one step in the order given; runs of `Apply`, `Prune` and `ClearHook`
may run concurrently, each answered by its event. Everything else is awaited before the next is begun.
"""

from collections.abc import Mapping
from datetime import timedelta
from enum import Enum

import msgspec

from gitops.model.operation import ResourceResult
from gitops.model.resource import ResourceKey
from gitops.model.status import Health
from gitops.sync.plan import Wave
from gitops.sync.tasks import SyncTask, TaskId

# --- actions -----------------------------------------------------------------------------------------


class AwaitApproval(msgspec.Struct, frozen=True):
    """Tell with `Approved` once a person has approved removing these (`Prune=confirm`)."""

    keys: tuple[ResourceKey, ...]


class Record(msgspec.Struct, frozen=True):
    """Store `to_results` now; what follows in this step must not begin before it is stored."""


class Apply(msgspec.Struct, frozen=True):
    """Write the desired object, hooks too; answered by `TaskEnded`. A CRD has ended when it is served."""

    task: SyncTask
    dry_run: bool = False


class Check(msgspec.Struct, frozen=True):
    """Whether the kind is served and the project allows the write, asking no API server; `TaskEnded`."""

    task: SyncTask


class Prune(msgspec.Struct, frozen=True):
    """Ask for the live object's deletion, if it is still the one seen; answered by `TaskEnded`."""

    task: SyncTask


class ClearHook(msgspec.Struct, frozen=True):
    """Delete whatever has the hook's name but not its mark, and wait until it is gone: `HookCleared`.

    A failure is answered by `TaskEnded`.
    """

    task: SyncTask


class DeleteHook(msgspec.Struct, frozen=True):
    """Take off our finalizer and delete, if the live object carries the task's mark; no answer.

    A creation of the same hook that is still under way is let end first.
    """

    task: SyncTask


class ReleaseHook(msgspec.Struct, frozen=True):
    """Take off our finalizer, if the live object carries the task's mark; no answer."""

    task: SyncTask


class Watch(msgspec.Struct, frozen=True):
    """Report these objects now and at every change (`HealthSeen`, `Gone`), and no others any more.

    A report must not be older than what the object's last `Apply` or `Prune` answered.
    """

    keys: frozenset[ResourceKey]


class Pause(msgspec.Struct, frozen=True):
    """Controllers need a moment to notice a change before health means anything: `PauseOver` after it."""

    length: timedelta


class Finish(msgspec.Struct, frozen=True):
    """The operation is over; always the last action."""

    phase: str  # OperationPhase
    message: str


Action = AwaitApproval | Record | Check | Apply | Prune | ClearHook | DeleteHook | ReleaseHook | Watch | Pause | Finish

# --- events ------------------------------------------------------------------------------------------


class Approved(msgspec.Struct, frozen=True):
    pass


class TaskEnded(msgspec.Struct, frozen=True):
    task: TaskId
    code: str  # ResultCode
    message: str = ""
    kind_missing: bool = False  # refused because the cluster does not serve the kind


class HookCleared(msgspec.Struct, frozen=True):
    task: TaskId


class HealthSeen(msgspec.Struct, frozen=True):
    """Health is None for a kind that has none."""

    key: ResourceKey
    health: Health | None


class Gone(msgspec.Struct, frozen=True):
    key: ResourceKey


class PauseOver(msgspec.Struct, frozen=True):
    pass


class Terminate(msgspec.Struct, frozen=True):
    """A person wants the operation to stop."""


class DeadlinePassed(msgspec.Struct, frozen=True):
    message: str = "The operation took longer than it may"


Event = Approved | TaskEnded | HookCleared | HealthSeen | Gone | PauseOver | Terminate | DeadlinePassed

# --- state -------------------------------------------------------------------------------------------


class Stage(Enum):
    CONFIRMING = "confirming"  # a person has to approve
    TRYING = "trying"  # what can be told beforehand; in a dry run all there is
    WORKING = "working"  # a batch of the wave is in flight
    WAITING = "waiting"  # for health, hooks, deletions, the pause
    FINISHED = "finished"


class Outcome(msgspec.Struct, frozen=True):
    """What came of a task so far. No code: a hook that may be created at any moment."""

    code: str = ""  # ResultCode
    message: str = ""
    phase: str = ""  # OperationPhase of the hook, or of the object on its way to health


class Sync(msgspec.Struct, frozen=True):
    """A sync under way. What must survive a crash is in `outcomes`, and so in `to_results`."""

    tasks: Mapping[TaskId, SyncTask]
    waves: tuple[Wave, ...]
    failure_waves: tuple[Wave, ...]  # what SyncFail hooks make up
    outcomes: Mapping[TaskId, Outcome]
    carried: tuple[ResourceResult, ...] = ()  # on record from before a crash, with nothing left to do
    dry_run: bool = False
    resumed: bool = False
    wave_pause: timedelta = timedelta(seconds=2)

    stage: Stage = Stage.CONFIRMING
    wave: int = 0
    batch: int = 0
    in_flight: frozenset[TaskId] = frozenset()
    awaited: frozenset[TaskId] = frozenset()
    seen: Mapping[ResourceKey, Health | None] = {}  # latest reports while the pause lasts
    wrote: bool = False  # in this wave
    pausing: bool = False
    failure: str = ""  # why it fails, once it does; SyncFail hooks run now
    phase: str = ""  # OperationPhase, once finished
    message: str = ""
