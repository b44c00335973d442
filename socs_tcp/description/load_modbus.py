"""From YAML to what is read from, and written to, a device that speaks Modbus/TCP."""

from __future__ import annotations

import struct

from .context import Context
from .fields import Field
from .keys import names
from .load_fields import describe_field, each_field
from .load_parameters import load_restore, load_setting
from .load_queries import load_feed, load_period
from .modbus import ModbusParameter, ModbusQuery
from .modbus_wire import FORMATS, TABLES, Block, Line, Source, blocks_of
from .model import ONLY, Query
from .nodes import Node
from .reply import Packed

QUERY_KEYS = ["repeat", "period", "feed", "timeout", "fields"]
FIELD_KEYS = names("field", "index", "group", "at", "struct", "base", "missing", "optional",
                   "replace", "exponent")
PARAMETER_KEYS = ["repeat", *names("setting", "max_length", "alphabet"), "restore", "coil",
                  "holding", "format", "word_swap"]


def load_modbus(node: Node) -> Line:
    """The section ``modbus``."""
    keys = {} if node.is_empty else node.mapping(names("modbus"))
    return Line(
        keys["unit"].whole("the number of a unit", 0, 255) if "unit" in keys else 1,
        "word_swap" in keys and keys["word_swap"].boolean(),
        keys["join"].whole("a number of registers", 0, 100) if "join" in keys else 8)


def load_query(name: str, node: Node, keys: dict[str, Node], context: Context,
               feeds: list[str]) -> ModbusQuery:
    if "fields" not in keys:
        raise node.error("the key 'fields' is missing: what should be read?")
    found = list(each_field(keys["fields"], context, FIELD_KEYS))
    sources = {field: load_source(at, inner, inside, list(TABLES))
               for field, at, inner, inside in found}
    if not found:
        raise keys["fields"].error("is empty; expected at least one field")
    blocks = blocks_of(list(sources.values()), context.line.join)
    keys["fields"].spend(len(found) * len(blocks) // 20)
    fields = tuple(_field(field, inner, inside, sources[field], blocks)
                   for field, at, inner, inside in found)
    return ModbusQuery(
        name, (), fields, load_period(keys), load_feed(node, keys, feeds), tuple(blocks),
        sources, context.line, keys["timeout"].seconds() if "timeout" in keys else None)


def load_source(node: Node, keys: dict[str, Node], context: Context, tables: list[str]) -> Source:
    """The register or coil that a field or a parameter is."""
    given = [table for table in tables if table in keys]
    if len(given) != 1:
        has = f", but has {' and '.join(given)}" if given else ""
        raise node.error(f"needs one of {', '.join(tables)}{has}: where is the value? (The "
                         "numbers of registers begin with 0: 30001 in a manual is 'input: 0'.)")
    table = given[0]
    form = load_format(keys)
    count = 1 if table in ("coil", "discrete") else struct.calcsize(form) // 2
    if count == 1 and "format" in keys and table in ("coil", "discrete"):
        raise keys["format"].error("is only for registers")
    return Source(table, context.number(keys[table], "a number", 0, 65536 - count), count)


def load_format(keys: dict[str, Node]) -> str:
    return FORMATS[keys["format"].choice(list(FORMATS))] if "format" in keys else ">H"


def _field(name: str, keys: dict[str, Node], context: Context, source: Source,
           blocks: list[Block]) -> Field:
    at, block = 0, blocks[0]
    for block in blocks:
        if block.table == source.table and \
                block.start <= source.address < block.start + block.count:
            break
        at += block.size
    behind = source.address - block.start
    if source.is_bit:
        for key in ("bit", "bits", "word_swap", "bcd", "scale", "offset"):
            if key in keys:
                raise keys[key].error("is only for registers")
        field = describe_field(name, Packed(at + behind // 8, ">B"), keys, context)
        return Field(name, field.place, "str" if field.type == "str" else "int", field.unit,
                     bits=(behind % 8, behind % 8), labels=field.labels)
    swap = keys["word_swap"].boolean() if "word_swap" in keys else context.line.word_swap
    form = load_format(keys)
    return describe_field(name, Packed(at + 2 * behind, form,
                                       swap and struct.calcsize(form) > 2), keys, context)


def load_parameter(name: str, node: Node, keys: dict[str, Node], context: Context,
                   queries: dict[str, Query]) -> ModbusParameter:
    source = load_source(node, keys, context, ["coil", "holding"])
    parameter = _parameter(name, keys, context, queries, source)
    for trial in parameter.settings[ONLY].trials():
        try:
            parameter.request(parameter.settings[ONLY].check(trial))
        except ValueError as exc:
            raise node.error(str(exc)) from None
    return parameter


def _parameter(name: str, keys: dict[str, Node], context: Context, queries: dict[str, Query],
               source: Source) -> ModbusParameter:
    setting = load_setting(name, keys, context, queries)
    if setting.type == "str":
        raise keys["type"].error("a register holds a number")
    if source.table == "coil" and setting.choices is None:
        setting = type(setting)(name, field=setting.field, choices={"off": 0, "on": 1})
    swap = keys["word_swap"].boolean() if "word_swap" in keys else context.line.word_swap
    settings = {ONLY: setting}
    return ModbusParameter(name, (), settings, load_restore(keys, settings), source,
                           load_format(keys), swap, context.line)
