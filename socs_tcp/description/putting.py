"""Another value in the place of a field: the way back, for the simulator. Pure."""

from __future__ import annotations

from datetime import UTC, datetime

from .fields import NOTHING, ONE, Field
from .numbers import exact
from .places import Value
from .reply import Cut, Packed
from .times import written


def put(field: Field, reply: bytes, value: Value) -> bytes:
    """`reply` with another value of `field` in it.

    Parameters
    ----------
    field : Field
    reply : bytes
        A reply in which the field stands.
    value : float, int or str
        Before `labels`, after `scale` and `offset`.

    Raises
    ------
    ValueError
        If it does not fit.
    """
    place, raw, cut = field.place, raw_value(field, value), Cut(reply)
    if isinstance(place, Packed):
        start, end = place.room(cut)
        data = _packed(field, place, reply[start:end], raw)
    else:
        start, end = place.find(cut)
        data = _written(field, reply[start:end], raw)
    return reply[:start] + data + reply[end:]


def raw_value(field: Field, value: Value) -> Value:
    """What the device would say for `value`: before `scale` and `offset`."""
    if isinstance(value, str) or (field.scale, field.offset) == (ONE, NOTHING):
        return value
    raw = (exact(value) - field.offset) / field.scale
    return int(raw) if raw == raw.to_integral_value() else float(raw)


def _written(field: Field, old: bytes, raw: Value) -> bytes:
    if field.bits is not None and not isinstance(raw, str):
        raw = _with_bits(field.bits, int(old or b"0", field.base), int(raw))
    if field.time and not isinstance(raw, str):
        return written(datetime.fromtimestamp(raw, UTC), field.time).encode()
    if field.base != 10 and not isinstance(raw, str):
        form = {2: "b", 8: "o", 16: "X"}[field.base]
        return f"{int(raw):0{len(old.strip())}{form}}".encode()
    if field.type == "int" and isinstance(raw, float) and raw == int(raw):
        raw = int(raw)
    return str(raw).encode(field.encoding)


def _packed(field: Field, place: Packed, old: bytes, raw: Value) -> bytes:
    if place.is_text:
        return str(raw).encode(field.encoding)[:place.size].ljust(place.size, b"\0")
    number = raw if isinstance(raw, int) else float(raw)
    if field.bcd:
        data = bytes.fromhex(f"{int(number):0{2 * place.size}d}"[-2 * place.size:])
        return place.text_of(data if place.format[0] == ">" else data[::-1])
    if field.bits is not None:
        whole = len(old) == len(place.text_of(bytes(place.size)))
        number = _with_bits(field.bits, int(place.unpack(old)) if whole else 0, int(number))
    return place.pack(number if place.is_float else round(number))


def _with_bits(bits: tuple[int, int], old: int, value: int) -> int:
    first, last = bits
    mask = (1 << last - first + 1) - 1
    return old & ~(mask << first) | (value & mask) << first
