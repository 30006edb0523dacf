"""A sync policy in a few words for a list, and in a sentence for one application."""

from gitops.model.application import Automated


def policy_words(automated: Automated | None) -> str:
    if automated is None:
        return "Manual"
    words = ["Auto" if automated.syncs_new_commits else "Manual"]
    words += ["prune"] if automated.prune and automated.syncs_new_commits else []
    words += ["self-heal"] if automated.self_heal else []
    return ", ".join(words)


def policy_sentence(automated: Automated | None) -> str:
    if automated is None:
        return "new commits wait for someone to sync; drift is shown and left alone"
    if not automated.syncs_new_commits:
        drift = "goes back to the last synced revision" if automated.self_heal else "is shown and left alone"
        return f"new commits wait for someone to sync; drift {drift}"
    removed = "is deleted" if automated.prune else "is kept and shown"
    drift = "goes back to what Git says" if automated.self_heal else "is shown and left alone"
    return f"new commits sync by themselves; what Git no longer has {removed}; drift {drift}"
