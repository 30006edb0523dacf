"""What reading files holds for whatever people, editors and broken transfers make of them."""

from hypothesis import given, settings
from hypothesis import strategies as st

from gitops.manifest.decode import decode_documents, decode_file, encode_json
from gitops.model.errors import ManifestInvalid

MANIFEST = """\
apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
  labels: {app: web}
spec:
  replicas: 2
"""
ENCODINGS = ("utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-be", "latin-1", "cp500")

positions = st.integers(0, len(MANIFEST) - 1)
letters = st.characters(codec="utf-8", exclude_characters="#")


def disappears(data: str | bytes) -> bool:
    """Whether the object would be pruned: the file is read, and nothing is in it."""
    try:
        return decode_file(data, "a.yaml").objects == []
    except ManifestInvalid:
        return False


@settings(max_examples=400, deadline=None)
@given(at=positions, length=st.integers(0, 2), put=st.text(letters, max_size=2))
def test_a_slip_of_the_pen_never_makes_a_manifest_disappear(at: int, length: int, put: str) -> None:
    assert not disappears(MANIFEST[:at] + put + MANIFEST[at + length :])


@given(at=positions)
def test_a_file_cut_anywhere_does_not_disappear(at: int) -> None:
    assert not disappears(MANIFEST[: at + 1])


@given(at=st.integers(0, MANIFEST.index("metadata")))
def test_a_file_that_lost_its_head_does_not_disappear(at: int) -> None:
    assert not disappears(MANIFEST[at:])


@given(at=positions)
def test_swapped_letters_do_not_make_it_disappear(at: int) -> None:
    assert not disappears(MANIFEST[:at] + MANIFEST[at : at + 2][::-1] + MANIFEST[at + 2 :])


@given(encoding=st.sampled_from(ENCODINGS), cut=st.integers(0, 3))
def test_no_encoding_makes_it_disappear(encoding: str, cut: int) -> None:
    data = MANIFEST.encode(encoding)
    assert not disappears(data[: len(data) - cut])


@settings(max_examples=300, deadline=None)
@given(data=st.one_of(st.binary(max_size=300), st.text(max_size=300).map(lambda text: text.encode("utf-8", "replace"))))
def test_any_bytes_are_read_or_refused_with_a_line(data: bytes) -> None:
    for read in (lambda: encode_json(decode_file(data, "a.yaml").objects), lambda: decode_documents(data, "a.yaml")):
        try:
            read()
        except ManifestInvalid as error:
            place = str(error).split(" ")[0]
            assert place.startswith("a.yaml:")
            assert place.strip(":").rpartition(":")[2].isdigit()


SCRAPS = (
    *(
        "- ",
        "? ",
        ": ",
        "&a ",
        "*a",
        "<<: ",
        "!!int ",
        "!x ",
        "{",
        "}",
        "[",
        "]",
        ",",
        "\n",
        "  ",
        "---\n",
        "...\n",
        "|\n",
    ),
    *(
        "'",
        '"',
        "#",
        "0x",
        "9" * 30,
        ".",
        "_",
        "-",
        "~",
        "apiVersion: v1\n",
        "kind: List\n",
        "items:\n",
        "\x00",
        "\ufeff",
    ),
    *("\x85", "\u2028", "\t", "%YAML 9\n", "\\ud800"),
)


@settings(max_examples=600, deadline=None)
@given(st.lists(st.sampled_from(SCRAPS), max_size=25).map("".join))
def test_any_yaml_like_text_is_read_or_refused(text: str) -> None:
    try:
        encode_json(decode_file(text, "a.yaml").objects)
        encode_json(decode_documents(text, "a.yaml"))
    except ManifestInvalid:
        pass
