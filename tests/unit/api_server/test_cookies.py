import pytest
from hypothesis import given
from hypothesis import strategies as st

from api_server.auth.cookies import COOKIE, PART_BYTES, cleared_cookies, set_cookies, token_from

TOKENS = st.text(alphabet="abcXYZ019.-_", min_size=1, max_size=30_000)


def as_browser(headers: list[str]) -> dict[str, str]:
    return dict(header.partition(";")[0].partition("=")[::2] for header in headers)


@given(TOKENS)
def test_the_token_comes_back_whatever_its_length(token: str) -> None:
    headers = set_cookies(token, path="/", secure=True)
    assert token_from(as_browser(headers)) == token
    assert all(len(header.partition(";")[0]) <= PART_BYTES for header in headers)


def test_attributes_keep_scripts_and_other_sites_away() -> None:
    assert set_cookies("t", path="/", secure=True) == ["argocd.token=t; path=/; SameSite=lax; httpOnly; Secure"]
    assert "Secure" not in set_cookies("t", path="/", secure=False)[0]


@pytest.mark.parametrize("first", ["21:a", "999999:a", "-1:a", "0:a", "²:a", "2:a", "x:a"])
def test_a_spoilt_part_count_yields_no_token(first: str) -> None:
    assert token_from({COOKIE: first}) == ""


def test_a_token_too_long_for_every_cookie_is_not_cut() -> None:
    with pytest.raises(ValueError, match="does not fit"):
        set_cookies("t" * 100_000, path="/", secure=False)


def test_clearing_names_every_part_the_browser_has() -> None:
    present = as_browser(set_cookies("t" * 9000, path="/", secure=False))
    cleared = cleared_cookies(present, path="/", secure=False)
    assert {header.partition("=")[0] for header in cleared} == set(present)
    assert all("Max-Age=0" in header for header in cleared)
