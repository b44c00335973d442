"""What people type: addresses, times, and bytes with escapes."""

from __future__ import annotations

import argparse
import codecs
import re

from ..core.checks import check_host, check_port, check_seconds

#: What a terminator may be called.
TERMINATORS = {"CRLF": b"\r\n", "LF": b"\n", "CR": b"\r", "LFCR": b"\n\r", "NUL": b"\0",
               "ETX": b"\x03", "EOT": b"\x04", "NONE": b""}
#: An escape of two hexadecimal or of octal digits, one of a letter, or what is none.
_PIECES = re.compile(r"\\x([0-9a-fA-F]{2})|\\([0-7]{1,3})|\\(.|$)|([^\\]+)", re.DOTALL)
_LETTERS = {"a": b"\a", "b": b"\b", "f": b"\f", "n": b"\n", "r": b"\r", "t": b"\t", "v": b"\v",
            "\\": b"\\", "'": b"'", '"': b'"'}


def address(text: str) -> tuple[str, int]:
    """``HOST:PORT`` or ``[IPV6]:PORT``, for argparse."""
    match = re.fullmatch(r"\[([^]]+)\]:(\d+)|([^:]+):(\d+)", text)
    if match is None:
        raise argparse.ArgumentTypeError(f"{text!r} is not HOST:PORT (or [IPV6]:PORT)")
    host, port = match[1] or match[3], match[2] or match[4]
    try:
        return check_host(host), check_port(port)
    except ValueError as exc:
        raise argparse.ArgumentTypeError(str(exc)) from None


def seconds(text: str) -> float:
    """A number of seconds, for argparse."""
    try:
        value = float(text)
        check_seconds("it", value)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of seconds above 0") from None
    return value


def count(text: str) -> int:
    """A number from 1, for argparse."""
    try:
        value = int(text)
        if value < 1:
            raise ValueError
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from 1") from None
    return value


def name(text: str) -> str:
    """A name of OCS, for argparse: of an agent, a feed, a site."""
    if not re.fullmatch(r"[A-Za-z0-9_-]+", text):
        raise argparse.ArgumentTypeError(f"{text!r} is not a name: use letters, digits, _ and -")
    return text


def encoding(text: str) -> str:
    """The name of an encoding, for argparse."""
    try:
        info = codecs.lookup(text)
        if not info._is_text_encoding:
            raise LookupError
    except LookupError:
        raise argparse.ArgumentTypeError(
            f"there is no encoding {text!r}; there are utf-8, latin-1, ...") from None
    return info.name


def terminator(text: str) -> bytes:
    r"""What ends a line: its name, such as ``CRLF``, or the bytes, such as ``\r\n``."""
    known = TERMINATORS.get(re.sub(r"[ +_-]", "", text).upper())
    return escaped(text) if known is None else known


def terminator_name(data: bytes) -> str:
    """What people call it: the inverse of `terminator`."""
    for name, known in TERMINATORS.items():
        if data == known and data:
            return name
    return repr(data)[1:] if data else "nothing"


def escaped(text: str, encoding: str = "utf-8") -> bytes:
    r"""Text with escapes such as ``\r``, ``\x05``, for argparse.

    An escape is one byte; the rest is encoded.
    """
    data = bytearray()
    for digits, octal, letter, plain in _PIECES.findall(text):
        if plain:
            data += _encoded(plain, encoding)
        elif digits:
            data.append(int(digits, 16))
        elif octal and int(octal, 8) < 256:
            data.append(int(octal, 8))
        elif letter and letter in _LETTERS:
            data += _LETTERS[letter]
        else:
            raise argparse.ArgumentTypeError(
                rf"{text!r} has a bad escape; good ones are \r \n \t \\ \x05")
    return bytes(data)


def _encoded(text: str, encoding: str) -> bytes:
    try:
        return text.encode(encoding)
    except UnicodeEncodeError as exc:
        raise argparse.ArgumentTypeError(
            f"{text!r} cannot be sent as {encoding}: it has no {text[exc.start]!r}") from None
