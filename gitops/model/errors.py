"""What can go wrong, said once: each class carries the reason shown to users and when to try again."""

from enum import Enum, auto


class Retry(Enum):
    SOON = auto()  # the world may change by itself: back off and try again
    ON_CHANGE = auto()  # a person or a push has to change something first


class GitOpsError(Exception):
    """Base of every error a user is meant to read.

    The message says what happened, where (file, line, object) and what to do about it. It never holds
    a secret or a path of the machine that runs Tiphys.
    """

    reason = "InternalError"
    condition = "UnknownError"  # the type of the Application condition that shows it
    retry = Retry.SOON


# --- what the user asked for is wrong ---------------------------------------------------------------


class InvalidSpec(GitOpsError):
    """The Application, project or set itself cannot be worked with."""

    reason = "InvalidSpec"
    condition = "InvalidSpecError"
    retry = Retry.ON_CHANGE


class InvalidRequest(GitOpsError):
    reason = "InvalidRequest"
    retry = Retry.ON_CHANGE


class NotPermitted(GitOpsError):
    """A project or a policy does not allow it."""

    reason = "NotPermitted"
    condition = "InvalidSpecError"
    retry = Retry.ON_CHANGE


class Unauthenticated(GitOpsError):
    reason = "Unauthenticated"
    retry = Retry.ON_CHANGE


class NotFound(GitOpsError):
    reason = "NotFound"
    retry = Retry.ON_CHANGE


class AlreadyExists(GitOpsError):
    reason = "AlreadyExists"
    retry = Retry.ON_CHANGE


class Conflict(GitOpsError):
    """Somebody changed the object meanwhile, or something else is under way."""

    reason = "Conflict"


class ExpressionFailed(GitOpsError):
    """A user's expression took too much time or memory; nothing is known of what it was asked about."""

    reason = "ExpressionFailed"
    condition = "ComparisonError"


# --- the desired state cannot be had ----------------------------------------------------------------


class SourceError(GitOpsError):
    """The desired state could not be read; nothing may be pruned or changed because of it."""

    reason = "SourceError"
    condition = "ComparisonError"


class RepositoryUnreachable(SourceError):
    reason = "RepositoryUnreachable"


class RepositoryRefused(SourceError):
    """Wrong credentials, or no such repository."""

    reason = "RepositoryRefused"


class RevisionNotFound(SourceError):
    reason = "RevisionNotFound"
    retry = Retry.ON_CHANGE


class PathNotFound(SourceError):
    reason = "PathNotFound"
    retry = Retry.ON_CHANGE


class RenderFailed(SourceError):
    """Helm, Kustomize or Jsonnet refused the source, or took too long or too much memory."""

    reason = "RenderFailed"
    retry = Retry.ON_CHANGE


class ManifestInvalid(SourceError):
    """A file does not parse, or holds something that is not a Kubernetes object."""

    reason = "ManifestInvalid"
    retry = Retry.ON_CHANGE


class RepoServerUnavailable(SourceError):
    reason = "RepoServerUnavailable"


# --- the cluster does not play along -----------------------------------------------------------------


class ClusterError(GitOpsError):
    reason = "ClusterError"
    condition = "ComparisonError"


class ClusterUnreachable(ClusterError):
    reason = "ClusterUnreachable"


class ClusterUnknown(ClusterError):
    """The destination names a cluster that is not registered."""

    reason = "ClusterUnknown"
    condition = "InvalidSpecError"
    retry = Retry.ON_CHANGE


class KindNotServed(ClusterError):
    """The cluster does not know a kind; its CRD may still come."""

    reason = "KindNotServed"


class ClusterRefused(ClusterError):
    """The API server answered no: forbidden, invalid, conflicting, denied by admission."""

    reason = "ClusterRefused"

    def __init__(self, message: str, *, status: int = 0, api_reason: str = "") -> None:
        super().__init__(message)
        self.status = status  # HTTP status, 0 when there was none
        self.api_reason = api_reason  # Kubernetes' own reason, as in `Status.reason`


class SyncFailed(GitOpsError):
    reason = "SyncFailed"
    condition = "SyncError"
    retry = Retry.ON_CHANGE
