"""What git may be given, and what its answers mean."""

import pytest

from gitops.model.errors import InvalidSpec
from repo_server.sources import semver
from repo_server.sources.git_url import checked_proxy, checked_revision, checked_url, is_reference_name
from repo_server.sources.refs import parse_ls_remote


@pytest.mark.parametrize(
    ("url", "scheme", "authority"),
    [
        ("https://Git.example/team/repo.git", "https", "git.example"),
        ("https://git.example:8443/team/repo", "https", "git.example:8443"),
        ("https://user@git.example/team/repo", "https", "git.example"),
        ("git@git.example:team/repo.git", "ssh", "git.example"),
        ("ssh://git@git.example:2222/team/repo.git", "ssh", "git.example:2222"),
        ("http://127.0.0.1:3000/repo.git", "http", "127.0.0.1:3000"),
        ("https://[::1]:3000/repo.git", "https", "[::1]:3000"),
    ],
)
def test_addresses_that_are_fine(url: str, scheme: str, authority: str) -> None:
    checked = checked_url(url, local_allowed=False)
    assert (checked.text, checked.scheme, checked.authority) == (url, scheme, authority)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "-u",
        "repo",
        "/etc",
        "file:///etc",
        "ext::sh -c x",
        "git://host/x",
        "https://host",
        "https://host/",
        "https://host/-x",
        "https://-host/x",
        "https://user:secret@host/x",
        "https://host/a b",
        "https://host/a\nb",
        "https://host/a%0ab",
        "https://host/$(x)",
        "https://host/`x`",
        "https://host/a;b",
        "ssh://-oProxyCommand=x/y",
        "git@-host:x",
        "-user@host:x",
        "git@host:-x",
        "https://host:99999999/x",
    ],
)
def test_addresses_that_are_refused(url: str) -> None:
    with pytest.raises(InvalidSpec) as refused:
        checked_url(url, local_allowed=False)
    assert "secret" not in str(refused.value).replace("repository Secret", "")


@pytest.mark.parametrize("proxy", ["x", "ftp://host:1", "http://", "http://host:1; rm", "http://-x", "http://h:x"])
def test_proxies_that_are_refused(proxy: str) -> None:
    with pytest.raises(InvalidSpec):
        checked_proxy(proxy)


def test_proxies_that_are_fine() -> None:
    assert checked_proxy("http://user:pw@proxy.example:3128") == "http://user:pw@proxy.example:3128"


def test_revisions() -> None:
    assert checked_revision("") == "HEAD"
    assert checked_revision(" main ") == "main"
    assert checked_revision(">=1.0 <2.0") == ">=1.0 <2.0"
    for bad in ("-x", "a\nb", "x" * 300):
        with pytest.raises(InvalidSpec):
            checked_revision(bad)


def test_reference_names() -> None:
    assert is_reference_name("feature/x-1")
    for bad in ("-x", "a..b", "a b", "x.lock", "a~1", "/x", "x/", "@"):
        assert not is_reference_name(bad)


ONE, TWO, THREE = "1" * 40, "2" * 40, "3" * 40


def test_listings_of_a_remote() -> None:
    output = (
        f"{ONE}\tHEAD\n{ONE}\trefs/heads/main\n{TWO}\trefs/heads/v1\n"
        f"{THREE}\trefs/tags/v1\n{TWO}\trefs/tags/v1^{{}}\n{ONE}\trefs/pull/1/head\nnonsense\n"
    )
    references = parse_ls_remote(output)
    assert references.head == ONE
    assert references.branches == {"main": ONE, "v1": TWO}
    assert references.tags == {"v1": TWO}
    assert references.find("HEAD") == ONE
    assert references.find("refs/tags/v1") == TWO
    assert references.find("gone") is None
    assert references.tags_of(TWO) == ("v1",)


TAGS = ("v0.9.0", "v1.0.0", "v1.2.0", "1.2.5", "v1.3.0-rc.1", "v1.10.0", "v2.0.0", "v2.1.0-beta", "0.2.3", "0.2.9", "x")


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        ("*", "v2.0.0"),
        ("1.x", "v1.10.0"),
        ("1", "v1.10.0"),
        ("v1", "v1.10.0"),
        ("1.2", "1.2.5"),
        ("1.2.*", "1.2.5"),
        ("~1.2", "1.2.5"),
        ("~1.2.0", "1.2.5"),
        ("~1", "v1.10.0"),
        ("^1.2", "v1.10.0"),
        ("^0.2.3", "0.2.9"),
        ("^0", "v0.9.0"),
        (">=1.0.0 <1.10.0", "1.2.5"),
        (">=1.0.0, <1.10.0", "1.2.5"),
        (">1.2", "v2.0.0"),
        (">=3", None),
        ("<1", "v0.9.0"),
        ("<=1.2", "1.2.5"),
        ("!=2.0.0", "v1.10.0"),
        ("1.0 - 1.2", "1.2.5"),
        ("~0.9 || ~1.2", "1.2.5"),
        (">=1.3.0-0 <1.4.0-0", "v1.3.0-rc.1"),
        (">=1.3.0-0 <1.4.0", "v1.3.0-rc.1"),
        (">=2.1.0-alpha", "v2.1.0-beta"),
        ("=1.2.5", "1.2.5"),
        ("1.2.5", "1.2.5"),
        ("main", None),
        ("1.2.5main", None),
        ("", None),
        (">=", None),
    ],
)
def test_version_ranges(wanted: str, found: str | None) -> None:
    assert semver.highest(wanted, TAGS) == found


def test_versions_in_order() -> None:
    written = [
        "1.0.0-1",
        "1.0.0-alpha",
        "1.0.0-alpha.1",
        "1.0.0-alpha.beta",
        "1.0.0-rc.2",
        "1.0.0-rc.11",
        "1.0.0",
        "1.0.1",
    ]
    versions = [semver.parse_version(each) for each in written]
    assert versions == sorted(versions, key=lambda version: version or semver.Version((0, 0, 0), False))
    assert semver.parse_version("not") is None
