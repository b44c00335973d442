"""Every key of the language: one table, from which all else is made.

The loader takes what stands here and nothing else; the reference page and the JSON Schema for
editors are written from it (`socs_tcp.description.schema`), and a test holds all of them
together.
"""

from __future__ import annotations

from typing import NamedTuple

from .checksums import NAMES


class Key(NamedTuple):
    """One key of a mapping."""

    #: What stands there: a name of `_KINDS`, ``"a|b"`` for one of some words, ``"map:SECTION"``
    #: for a mapping of names to mappings, ``"SECTION"`` for one mapping with the keys of it.
    kind: str
    #: What it says, in one or two sentences, for the reference.
    says: str
    required: bool = False


FRAMING_KINDS = ("terminator", "length", "header", "prompt", "lines")

_STEP = {
    "send": Key("messages", "The command, or a list of steps. Text gets the terminator; "
                "``{hex: \"05 0d\"}`` goes out as it is."),
    "expect": Key("message", "The answer must be exactly this."),
    "match": Key("pattern", "The answer must match this from its beginning."),
    "length": Key("whole", "The answer has so many bytes, whatever ``framing`` says."),
    "terminator": Key("texts", "The answer ends with this, whatever ``framing`` says."),
    "prompt": Key("pattern", "The answer ends with this prompt, whatever ``framing`` says."),
    "keep_prompt": Key("bool", "``true`` leaves this prompt at the end of the answer."),
    "lines": Key("whole", "The answer has so many lines."),
    "wait": Key("seconds", "Seconds to wait before this is sent."),
    "timeout": Key("seconds", "Seconds for this answer."),
    "checksum": Key("sum", "``false`` where this message and its answer have no checksum; or one "
                    "of their own, as ``checksum`` of the file."),
}
_READ = {
    "split": Key("text", "The reply is a list, with this between its items; ``whitespace`` for "
                 "any blanks."),
    "regex": Key("pattern", "The reply has the fields as named groups of this regular "
                 "expression, which may match anywhere in it."),
    "max_length": Key("whole", "How long a reply may be that ``regex`` is applied to."),
    "feed": Key("word", "Where it is published, if there is more than one feed."),
    "missing": Key("values", "What stands in place of a value that the device does not have: no "
                   "value then, and no error."),
    "fields": Key("map:field", "What the reply says."),
}
_SETTING = {
    "type": Key("float|int|str", "``float`` unless given."),
    "unit": Key("text", "For people."),
    "range": Key("list", "The least and the greatest value that may be set."),
    "choices": Key("any", "In place of a range: a list of what may be set, or what is sent for "
                   "each."),
    "scale": Key("number", "As in fields: value = sent * scale + offset."),
    "offset": Key("number", "As in fields."),
    "max_length": Key("whole", "The most characters of a text (255)."),
    "alphabet": Key("text", "The characters that a text may have, as in the brackets of a "
                    "pattern: ``A-Z0-9``."),
    "read_back": Key("text", "The field that tells what is set."),
    "verify": Key("bool", "``false`` if it is no error that the field says something else than "
                  "what was set."),
    "tolerance": Key("number", "How far the field may be off; what the command can tell apart, "
                     "and at least 0.1 %, unless given."),
}
_REPEAT = {"repeat": Key("any", "Makes several of one: a mapping of variables to "
           "lists, or to runs of numbers such as ``1..8``.")}

#: The keys of each mapping of the language.
SECTIONS: dict[str, dict[str, Key]] = {
    "description": {
        "device": Key("text", "What it is, for people.", required=True),
        "port": Key("whole", "The TCP port it usually has."),
        "timeout": Key("seconds", "Seconds for one answer; 10 unless given."),
        "gap": Key("seconds", "Seconds between the end of one exchange and the next message, "
                   "also after one that has no answer."),
        "encoding": Key("ascii|latin-1|utf-8", "Of text, both ways; a character is a byte "
                        "(``latin-1``) unless given."),
        "variables": Key("any", "Values for places such as ``{address}``, in all messages and "
                         "patterns."),
        "framing": Key("framing", "Where a reply ends."),
        "modbus": Key("modbus", "In place of ``framing``: the device speaks Modbus/TCP."),
        "checksum": Key("checksum", "How messages and replies are protected."),
        "greeting": Key("pattern", "What the device says when somebody connects."),
        "closes_after_reply": Key("bool", "``true`` if the device hangs up after each reply, "
                                  "which is no loss then."),
        "telnet": Key("bool", "``true`` to take telnet's negotiation out of what comes."),
        "identify": Key("step", "Asked after each connect; the answer must be the right one."),
        "on_connect": Key("messages", "Messages sent after each connect."),
        "raw_commands": Key("bool", "``true`` lets users send any command."),
        "error": Key("error", "Replies that are error messages."),
        "feeds": Key("map:feed", "Where readings are published; ``readings`` unless given."),
        "queries": Key("map:query", "What is asked.", required=True),
        "parameters": Key("map:parameter", "What can be set."),
        "actions": Key("map:action", "Commands without a value."),
        "messages": Key("map:message", "What the device says without being asked."),
        "simulate": Key("any", "What the simulated device answers, by query."),
    },
    "framing": {
        "terminator": Key("texts", "The characters that end a reply, or a list of them."),
        "length": Key("whole", "Every reply has so many bytes."),
        "header": Key("header", "A header says how many bytes follow it."),
        "prompt": Key("pattern", "A reply ends with a prompt, which is taken off."),
        "keep_prompt": Key("bool", "``true`` leaves the prompt at the end of the reply."),
        "lines": Key("whole", "A reply has so many lines (with ``terminator``)."),
        "send_terminator": Key("text", "What ends a command in text; the (first) "
                               "``terminator`` unless given."),
    },
    "header": {
        "size": Key("whole", "Bytes of the header.", required=True),
        "at": Key("whole", "The byte where the length stands, counted from 0.", required=True),
        "struct": Key("text", "How it is packed.", required=True),
        "extra": Key("whole", "So many bytes follow more (or, below 0, less) than it says."),
    },
    "checksum": {
        "type": Key("any", f"One of {', '.join(NAMES)}; or a CRC by its parameters, "
                    "``{width: 16, poly: 0x8005, init: 0, reflected: true, xor_out: 0}``.",
                    required=True),
        "form": Key("bytes|hex|HEX|decimal", "How it is written: bytes, small or capital "
                    "hexadecimal digits, decimal digits."),
        "order": Key("big|little", "Which byte comes first."),
        "skip": Key("whole", "So many bytes at the beginning do not count."),
        "after": Key("whole", "So many bytes of a reply stand behind its checksum."),
        "commands": Key("bool", "``false`` if messages have none."),
        "replies": Key("bool", "``false`` if replies have none."),
    },
    "error": {
        "match": Key("pattern", "What an error message looks like, from its beginning; a group "
                     "``code`` is looked up.", required=True),
        "says": Key("any", "What each code means: ``{3: \"sensor open\"}``."),
    },
    "feed": {
        "frame_length": Key("seconds", "OCS' own."),
        "fresh_time": Key("seconds", "OCS' own."),
        "buffer_time": Key("seconds", "OCS' own."),
        "exclude_aggregator": Key("bool", "OCS' own."),
        "exclude_influx": Key("bool", "OCS' own."),
    },
    "step": _STEP,
    "query": {
        **_REPEAT, **_STEP,
        "period": Key("any", "Seconds from one time to the next, 1 unless given; ``never`` for "
                      "one that is only asked by the task ``query``."),
        **_READ,
    },
    "message": {
        "match": Key("pattern", "How the message begins that is meant.", required=True),
        **_READ,
    },
    "field": {
        **_REPEAT,
        "type": Key("float|int|str", "What is read; ``float`` unless something else is said."),
        "unit": Key("text", "For people; in ``session.data`` of the agent."),
        "index": Key("place", "The item of a list, counted from 0."),
        "group": Key("text", "The group of the pattern; the name of the field unless given."),
        "at": Key("place", "The first byte, counted from 0; from the end if below 0."),
        "struct": Key("text", "How the bytes are packed: byte order and a letter, ``\">h\"``, or "
                      "a text of so many bytes, ``\"8s\"``."),
        "word_swap": Key("bool", "``true`` if the 16-bit words come in the opposite order."),
        "bit": Key("place", "The one bit that is meant, counted from 0."),
        "bits": Key("list", "The first and the last bit that are meant."),
        "bcd": Key("bool", "``true`` if each half byte holds a decimal digit."),
        "base": Key("whole", "Of a whole number in text: 2, 8, 10 or 16."),
        "scale": Key("number", "The number is multiplied by it."),
        "offset": Key("number", "... and then this is added."),
        "exponent": Key("any", "Where the power of ten stands: a group, or an item."),
        "replace": Key("any", "Texts that stand for others: ``{\"N\": \"-\", \",\": \".\"}``."),
        "enum": Key("any", "What each value is called: ``{0: \"off\", 1: \"on\"}``."),
        "missing": Key("values", "As in the query, for this field."),
        "optional": Key("bool", "``true`` if the reply may come without it."),
        "coil": Key("place", "Modbus: its number, counted from 0."),
        "discrete": Key("place", "Modbus: the number of a discrete input, counted from 0."),
        "holding": Key("place", "Modbus: the number of a register, counted from 0."),
        "input": Key("place", "Modbus: the number of an input register, counted from 0."),
        "format": Key("int16|uint16|int32|uint32|int64|uint64|float32|float64",
                      "Modbus: what the registers hold; ``uint16`` unless given."),
    },
    "setting": {**_SETTING},
    "parameter": {
        **_REPEAT, **_STEP, **_SETTING,
        "values": Key("map:setting", "Several values in one command, each with its place."),
        "restore": Key("bool", "``true``: set again what was set, if the read-back says after a "
                       "connect that the device has forgotten it."),
        "coil": Key("place", "Modbus: the coil that is written."),
        "holding": Key("place", "Modbus: the register that is written."),
        "format": Key("int16|uint16|int32|uint32|int64|uint64|float32|float64",
                      "Modbus: what the registers hold; ``uint16`` unless given."),
        "word_swap": Key("bool", "Modbus: ``true`` if the low word comes first."),
    },
    "action": {**_REPEAT, **_STEP},
    "modbus": {
        "unit": Key("whole", "The number of the unit; 1 unless given."),
        "word_swap": Key("bool", "``true`` if the low word of larger numbers comes first."),
        "join": Key("whole", "Registers that are read in one go though nobody wants the (so "
                    "many) between them; 8 unless given."),
    },
}


def names(section: str, *without: str) -> list[str]:
    """The keys of a section."""
    return [key for key in SECTIONS[section] if key not in without]


def required(section: str) -> tuple[str, ...]:
    """The keys of a section that may not be left out."""
    return tuple(name for name, key in SECTIONS[section].items() if key.required)
