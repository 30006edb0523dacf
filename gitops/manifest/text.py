"""The text of a file: UTF-8, or UTF-16 and UTF-32 that say so by a byte order mark, as some editors save it."""

import codecs

_BYTE_ORDER_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),  # begins like UTF-16, so it is asked first
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


class Problem(Exception):
    """What is wrong with a file, and in which line."""

    def __init__(self, line: int, message: str) -> None:
        super().__init__(message)
        self.line = line


def text_of(data: bytes | str) -> str:
    """Decoded here, since the parser's own message for bad bytes does not say what to do."""
    if isinstance(data, str):
        text = data.removeprefix("\ufeff")
    else:
        encoding = next((name for mark, name in _BYTE_ORDER_MARKS if data.startswith(mark)), "utf-8")
        try:
            text = data.decode(encoding)
        except UnicodeDecodeError as error:
            line = data[: error.start].decode(encoding, errors="ignore").count("\n") + 1
            told = "UTF-8" if encoding.startswith("utf-8") else encoding.upper()
            raise Problem(line, f"the file is not {told} text; save it as UTF-8") from None
    if "\0" in text:
        line = text[: text.index("\0")].count("\n") + 1
        raise Problem(line, "the file is not text but holds a NUL character; save it as UTF-8")
    return text
