"""Every key of the language, in one table. Everything else is made from it.

The loader accepts these keys and no others. The reference page and the JSON Schema for editors
are written from this table (`socs_tcp.description.schema`), and a test checks that they agree.
"""

from __future__ import annotations

from typing import NamedTuple

from .checksums import FORMS, NAMES


class Key(NamedTuple):
    """One key of a mapping."""

    #: The kind of value: a name of `_KINDS`, ``"a|b"`` for one of several words, ``"map:SECTION"``
    #: for a mapping of names to mappings, ``"SECTION"`` for one mapping with that section's keys.
    kind: str
    #: What the key means, in one or two sentences, for the reference.
    says: str
    required: bool = False


FRAMING_KINDS = ("terminator", "length", "header", "prompt", "lines")

_STEP = {
    "send": Key("messages", "The command, or a list of steps. Text gets the terminator; "
                "``{hex: \"05 0d\"}`` is sent as it is. A step without it is a further answer to "
                "the message before."),
    "expect": Key("message", "The answer must be exactly this."),
    "match": Key("pattern", "The answer must match this from its beginning."),
    "length": Key("whole", "The number of bytes in the answer, whatever ``framing`` says."),
    "terminator": Key("texts", "The answer ends with this, whatever ``framing`` says."),
    "prompt": Key("pattern", "The answer ends with this prompt, whatever ``framing`` says."),
    "keep_prompt": Key("bool", "``true`` keeps this prompt at the end of the answer."),
    "lines": Key("whole", "The number of lines in the answer."),
    "wait": Key("seconds", "Seconds to wait before this is sent."),
    "timeout": Key("seconds", "Seconds to wait for this answer."),
    "checksum": Key("sum", "``false`` if this message and its answer have no checksum; or a "
                    "different one, written like ``checksum`` of the file."),
}
_READ = {
    "split": Key("text", "The reply is a list, with this between its items; ``whitespace`` for "
                 "any blanks."),
    "regex": Key("pattern", "The named groups of this regular expression are the fields. It "
                 "may match anywhere in the reply."),
    "max_length": Key("whole", "The longest reply to which ``regex`` is applied, in bytes."),
    "feed": Key("word", "The feed that publishes the fields, if there is more than one."),
    "missing": Key("values", "What the device sends when it has no value. The field is then "
                   "left out, and this is not an error. A number means that value, however the "
                   "device writes it."),
    "fields": Key("map:field", "What the reply contains."),
}
_SETTING = {
    "type": Key("float|int|str", "Default: ``float``."),
    "unit": Key("text", "For people."),
    "range": Key("list", "The lowest and the highest value that may be set."),
    "choices": Key("choices", "Instead of a range: a list of the values that may be set, or a "
                   "mapping of each value to what is sent for it."),
    "scale": Key("number", "As in fields: value = sent * scale + offset."),
    "offset": Key("number", "As in fields."),
    "max_length": Key("whole", "The maximum number of characters in a text (255)."),
    "alphabet": Key("text", "The characters that a text may have, as in the brackets of a "
                    "pattern: ``A-Z0-9``."),
    "read_back": Key("text", "The field that shows the setting."),
    "verify": Key("bool", "``false`` if the field may show another value than the one that was "
                  "set, without an error."),
    "tolerance": Key("number", "How far the field may differ from the setting. Default: the "
                     "resolution of the command, and at least 0.1 %."),
}
_REPEAT = {"repeat": Key("mapping", "Makes several entries out of one: a mapping of "
           "variables to lists, or to ranges of numbers such as ``1..8``.")}

#: The keys of each mapping of the language.
SECTIONS: dict[str, dict[str, Key]] = {
    "description": {
        "device": Key("text", "What the device is, for people.", required=True),
        "port": Key("whole", "Its usual TCP port."),
        "timeout": Key("seconds", "Seconds to wait for one answer. Default: 10."),
        "gap": Key("seconds", "Seconds between the end of one exchange and the next message, "
                   "also after a message that has no answer."),
        "encoding": Key("ascii|latin-1|utf-8", "The encoding of text in both directions. "
                        "Default: ``latin-1``, one byte per character."),
        "variables": Key("mapping", "Values for placeholders such as ``{address}``, in all "
                         "messages and patterns."),
        "framing": Key("framing", "Where a reply ends."),
        "modbus": Key("modbus", "Instead of ``framing``: the device speaks Modbus/TCP."),
        "checksum": Key("checksum", "How messages and replies are protected."),
        "greeting": Key("pattern", "What the device sends after each connect."),
        "closes_after_reply": Key("bool", "``true`` if the device hangs up after each reply. "
                                  "This then does not count as a loss."),
        "telnet": Key("bool", "``true`` removes telnet's negotiation from the data."),
        "identify": Key("step", "A question after each connect. If its answer is wrong, the "
                        "connection is not used."),
        "on_connect": Key("messages", "Messages sent after each connect."),
        "raw_commands": Key("bool", "``true`` lets users send any command."),
        "error": Key("error", "Replies that are error messages."),
        "feeds": Key("map:feed", "Where readings are published. Default: ``readings``."),
        "queries": Key("map:query", "What the agent asks.", required=True),
        "parameters": Key("map:parameter", "What can be set."),
        "actions": Key("map:action", "Commands without a value."),
        "messages": Key("map:message", "What the device sends without being asked."),
        "simulate": Key("mapping", "What the simulated device answers, by query."),
    },
    "framing": {
        "terminator": Key("texts", "The characters that end a reply, or a list of them."),
        "length": Key("whole", "The number of bytes in every reply."),
        "header": Key("header", "A header says how many bytes follow it."),
        "prompt": Key("pattern", "The prompt at the end of a reply, which is removed."),
        "keep_prompt": Key("bool", "``true`` keeps the prompt at the end of the reply."),
        "lines": Key("whole", "The number of lines in a reply (with ``terminator``)."),
        "send_terminator": Key("text", "The end of a command in text. Default: the "
                               "(first) ``terminator``."),
        "start": Key("text", "What every command in text and every reply begins with."),
        "stuffing": Key("stuffing", "How bytes are escaped within a message."),
    },
    "stuffing": {
        "escape": Key("text", "The byte that announces an escaped byte.", required=True),
        "codes": Key("mapping", "What follows the escape, for each byte that is escaped: "
                     "``{\"\\x7e\": \"\\x5e\", \"\\x7d\": \"\\x5d\"}``.", required=True),
    },
    "header": {
        "size": Key("whole", "The number of bytes in the header.", required=True),
        "at": Key("whole", "The byte where the length begins, counted from 0.", required=True),
        "struct": Key("text", "How the length is packed: byte order and a letter, ``\">H\"``.",
                      required=True),
        "extra": Key("whole", "How many more bytes follow than the length says (negative: fewer)."),
    },
    "checksum": {
        "type": Key("sum_type", f"One of {', '.join(NAMES)}; or the parameters of a CRC, "
                    "``{width: 16, poly: 0x8005, init: 0, reflected: true, xor_out: 0}``.",
                    required=True),
        "form": Key("|".join(FORMS), "How it is written: as bytes, as lower or upper case "
                    "hexadecimal digits, as half bytes plus 0x30, as decimal digits, or as the "
                    "three characters of SDI-12."),
        "separator": Key("text", "What stands before the checksum and is not counted: ``\"*\"`` "
                         "in NMEA 0183."),
        "order": Key("big|little", "Which byte comes first."),
        "skip": Key("whole", "How many bytes at the beginning the checksum leaves out."),
        "after": Key("whole", "How many bytes of a reply follow its checksum."),
        "commands": Key("bool", "``false`` if messages have no checksum."),
        "replies": Key("bool", "``false`` if replies have no checksum."),
    },
    "error": {
        "match": Key("pattern", "What an error message looks like, from its beginning. The "
                     "group ``code`` is looked up in ``says``.", required=True),
        "says": Key("mapping", "What each code means: ``{3: \"sensor open\"}``."),
    },
    "feed": {
        "frame_length": Key("seconds", "As in OCS feeds."),
        "fresh_time": Key("seconds", "As in OCS feeds."),
        "buffer_time": Key("seconds", "As in OCS feeds."),
        "exclude_aggregator": Key("bool", "As in OCS feeds."),
        "exclude_influx": Key("bool", "As in OCS feeds."),
    },
    "step": _STEP,
    "query": {
        **_REPEAT, **_STEP,
        "period": Key("period", "Seconds from one reading to the next. Default: 1. With ``never``, "
                      "only the task ``query`` asks it."),
        **_READ,
    },
    "message": {
        "match": Key("pattern", "What the beginning of this message looks like.", required=True),
        **_READ,
    },
    "field": {
        **_REPEAT,
        "type": Key("float|int|str", "The type of the value. Default: ``float``, unless other keys "
                    "imply another type."),
        "unit": Key("text", "For people; shown in the agent's ``session.data``."),
        "index": Key("place", "Which item of a list, counted from 0."),
        "group": Key("text", "The group of the pattern. Default: the name of the field."),
        "at": Key("place", "The first byte, counted from 0 (negative: from the end)."),
        "struct": Key("text", "How the bytes are packed: byte order and a letter, ``\">h\"``, or "
                      "a text of a number of bytes, ``\"8s\"``. Without ``at``: of an item, a "
                      "group, or hexadecimal digits (``base: 16``)."),
        "word_swap": Key("bool", "``true`` if the 16-bit words come in the opposite order."),
        "bit": Key("place", "The one bit that is read, counted from 0."),
        "bits": Key("list", "The first and the last bit of the value."),
        "bcd": Key("bool", "``true`` if each half byte holds a decimal digit."),
        "base": Key("whole", "The base of a whole number in text: 2, 8, 10 or 16."),
        "scale": Key("number", "The number is multiplied by this."),
        "offset": Key("number", "... and then this is added."),
        "exponent": Key("item", "Where to find the power of ten: a group, or an item."),
        "replace": Key("mapping", "Texts to replace in the reply: "
                       "``{\"N\": \"-\", \",\": \".\"}``."),
        "time": Key("text", "The format of a time in UTC, as in Python: ``\"%Y-%m-%d %H:%M:%S\"``. "
                    "The value is the time in seconds since 1970."),
        "enum": Key("mapping", "What each value is called: ``{0: \"off\", 1: \"on\"}``."),
        "missing": Key("values", "As in the query, for this field."),
        "optional": Key("bool", "``true`` if a reply may leave it out."),
        "coil": Key("place", "Modbus: the number of a coil, counted from 0."),
        "discrete": Key("place", "Modbus: the number of a discrete input, counted from 0."),
        "holding": Key("place", "Modbus: the number of a register, counted from 0."),
        "input": Key("place", "Modbus: the number of an input register, counted from 0."),
        "format": Key("int16|uint16|int32|uint32|int64|uint64|float32|float64",
                      "Modbus: what the registers contain. Default: ``uint16``."),
    },
    "setting": {**_SETTING},
    "parameter": {
        **_REPEAT, **_STEP, **_SETTING,
        "values": Key("map:setting", "Several values in one command, each with its placeholder."),
        "restore": Key("bool", "``true``: set the value again, if after a connect the read-back "
                       "shows that the device has forgotten it."),
        "coil": Key("place", "Modbus: the coil that is written."),
        "holding": Key("place", "Modbus: the register that is written."),
        "format": Key("int16|uint16|int32|uint32|int64|uint64|float32|float64",
                      "Modbus: what the registers contain. Default: ``uint16``."),
        "word_swap": Key("bool", "Modbus: ``true`` if the low word comes first."),
    },
    "action": {**_REPEAT, **_STEP},
    "modbus": {
        "unit": Key("whole", "The number of the unit. Default: 1."),
        "word_swap": Key("bool", "``true`` if the low word of larger numbers comes first."),
        "join": Key("whole", "How many unneeded registers may lie between two that are read "
                    "with one request. Default: 8."),
    },
}


def names(section: str, *without: str) -> list[str]:
    """The keys of a section."""
    return [key for key in SECTIONS[section] if key not in without]


def required(section: str) -> tuple[str, ...]:
    """The keys of a section that must be given."""
    return tuple(name for name, key in SECTIONS[section].items() if key.required)
