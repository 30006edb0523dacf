"""What can go wrong while setting up a machine; the message is meant for the person at the keyboard."""


class LocalError(Exception):
    """Setting up, starting or stopping failed; says what happened and what to do about it."""


class BuildFailed(LocalError):
    """A tool could not be built."""


class NotStarted(LocalError):
    """A process or cluster did not become ready."""


class PortTaken(LocalError):
    """A port this installation is bound to is used by something else."""
