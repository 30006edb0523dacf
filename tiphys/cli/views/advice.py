"""What to do about each condition an application can show."""

from collections.abc import Mapping

ADVICE: Mapping[str, str] = {
    "ComparisonError": "nothing is changed or pruned until this is mended; then `tiphys app refresh {name} --hard`",
    "InvalidSpecError": "correct the application (`tiphys app set {name} …`) or its project (`tiphys proj get`)",
    "SyncError": "`tiphys app get {name}` shows what failed; a new commit or `tiphys app sync {name}` tries again",
    "DeletionError": "mend what the message names; the deletion is tried again by itself",
    "SharedResourceWarning": "two applications manage the same object: take it out of one of them",
    "RepeatedResourceWarning": "the source renders the same object twice: remove one",
    "ExcludedResourceWarning": "the server's settings or the project exclude it: it is not managed",
    "OrphanedResourceWarning": "add these objects to Git, delete them, or have the project ignore them",
    "UnknownError": "see the controller's log; `tiphys app refresh {name}` tries again",
}


def advice_for(condition: str, app_name: str) -> str:
    return ADVICE.get(condition, "").format(name=app_name)
