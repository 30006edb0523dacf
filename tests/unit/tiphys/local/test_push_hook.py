import hashlib
import hmac

from tiphys.local import push_hook


def test_a_commit_lists_files_as_github_does() -> None:
    changes = ["A\tnew.yaml", "M\tdeployments/dev/a b.yaml", "D\told.yaml", "T\tlink", "", "U\tconflict"]
    assert push_hook.commit_of("abc", changes) == {
        "id": "abc",
        "added": ["new.yaml"],
        "modified": ["deployments/dev/a b.yaml", "link"],
        "removed": ["old.yaml"],
    }


def test_a_deleted_branch_has_no_commits() -> None:
    event = push_hook.event_of({"clone_url": "http://h/r.git"}, "1" * 40, push_hook.NOTHING, "refs/heads/x")
    assert event["deleted"]
    assert event["commits"] == []
    assert event["repository"]["html_url"] == "http://h/r"


def test_the_signature_is_the_hmac_of_the_body() -> None:
    expected = hmac.new(b"key", b"body", hashlib.sha256).hexdigest()
    assert push_hook.signature("key", b"body") == f"sha256={expected}"
