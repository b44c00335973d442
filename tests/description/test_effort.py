"""A short file cannot make much: neither with `repeat`, nor with aliases or variables."""

import re
import time

import pytest

from socs_tcp.description import DescriptionError, load, loads, shipped
from socs_tcp.description.effort import MOST

HEAD = 'device: x\nframing: {terminator: "\\n"}\n'
START = HEAD + "queries:\n  q: {send: Q, fields: {v: }}\n"
PLACES = [f"v{a}{b}" for a in "abcdef" for b in "abcdefghij"]
NUMBERS = [*range(100)]
NAMED = "{" + ", ".join(f"n{n}: x{n}" for n in range(4500)) + "}"


def section(name, entry, *keys):
    """A section with one entry that is made a thousand times, of some keys."""
    return f"{name}:\n  {entry}_{{a}}:\n    repeat: {{a: 1..1000}}\n" + "".join(
        f"    {key}\n" for key in keys)


def steps(step):
    return f"[{', '.join(step.replace('#', str(n)) for n in NUMBERS)}]"


def item(key, value):
    """A thousand fields with a long value of one key."""
    return (f"{HEAD}queries:\n  q:\n    send: Q\n    split: ','\n    fields:\n      'f_{{a}}':\n"
            f"        repeat: {{a: 1..1000}}\n        index: '{{a}}'\n        {key}: {value}\n")


SHORT = {
    "queries": HEAD + section("queries", "p", "send: " + steps("'M#{a}'"), "fields: {'f_{a}': {}}"),
    "steps": START + section("actions", "b", "send: &s " + steps(
        '{send: "M#{a}", expect: "M{a}", wait: 1}')) + "".join(
            f"  b{n}_{{a}}:\n    repeat: {{a: 1..1000}}\n    send: *s\n" for n in range(9)),
    "values": START + section(
        "parameters", "p", f"send: \"{''.join(f'{{{place}}}' for place in PLACES)}\"",
        f"values: {{{', '.join(f'{place}: {{choices: {NUMBERS[:40]}}}' for place in PLACES)}}}"),
    "choices": START + f"parameters: {{p: {{send: {['X{value}'] * 100}, "
                       f"choices: {[*range(9000)]}}}}}\n",
    "long choices": START + f"parameters: {{p: {{send: 'X{{value}}{'x' * 90_000}', "
                            f"choices: {[*range(6000)]}}}}}\n",
    "enum": item("enum", NAMED), "replace": item("replace", NAMED),
    "missing": item("missing", [f"x{n}" for n in range(9000)]),
    "long": HEAD + section("queries", "p", f"send: {'x' * 100_000}{{a}}", "fields: {'f_{a}': {}}"),
    "sums": START + "checksum: {type: crc32}\n" + section(
        "actions", "b", f"send: {'x' * 90_000}{{a}}"),
    "variable": START + f"variables: {{b: {'x' * 1000}}}\nactions: {{b: \"{'{b}' * 40_000}\"}}\n",
    "prompts": START + section("actions", "b", "send: " + steps(
        "{send: X, match: x, prompt: '#[a-z]+[0-9]* > '}")),
    "modbus": "device: x\nmodbus: {join: 0}\nqueries:\n  q:\n    fields:\n" + "".join(
        f"      'f{n}_{{a}}': {{repeat: {{a: 1..1000}}, holding: '{{a}} * 60 + {6 * n}'}}\n"
        for n in range(9)),
}


@pytest.mark.parametrize("name", SHORT)
def test_a_short_file_cannot_make_much(name):
    assert len(SHORT[name]) < 131_072
    begun = time.process_time()
    with pytest.raises(DescriptionError) as caught:
        loads(SHORT[name], "dev.yaml")
    assert time.process_time() - begun < 10     # (0.5 s; without the bound up to a minute)
    assert re.match(r"dev\.yaml:\d+: \S+: this file has too many (values and messages|patterns), "
                    "or too complicated ones", str(caught.value))


@pytest.mark.parametrize(("text", "expected"), [
    (f"variables: {{b: {'x' * 1001}}}\n", "variables.b: has 1001 characters; a variable has 1000"),
    ("variables: {" + ", ".join(f"a{p}{q}: 1" for p in PLACES for q in "ab") + "}\n",
     "there are more than 100 variables"),
    ("parameters: {p: {send: X, values: {" + ", ".join(f"{p}{q}: " for p in PLACES for q in "ab")
     + "}}}\n", "there are more than 100 values in one command")])
def test_too_many_places(text, expected):
    with pytest.raises(DescriptionError, match=expected):
        loads(START + text)


@pytest.mark.parametrize(("terminator", "expected"), [
    ("x" * 60_000, "framing.terminator: has 60000 characters; a terminator has at most 100"),
    ([f"#{n:05d}" for n in range(9000)], "framing.terminator: there are more than 20 terminators")])
def test_terminators(terminator, expected):
    text = START.replace('"\\n"', str(terminator)) + (
        f"parameters: {{p: {{send: 'X{{value}}', choices: {NUMBERS}}}}}\n")
    with pytest.raises(DescriptionError, match=expected):
        loads(text)


def test_too_many_fields_of_one_query():
    fields = "".join(f"      'f{n}_{{a}}': {{repeat: {{a: 0..999}}, index: '{{a}}'}}\n"
                     for n in range(11))
    with pytest.raises(DescriptionError, match="there are more than 10000 fields"):
        loads(f"{HEAD}queries:\n  q:\n    send: Q\n    split: ','\n    fields:\n{fields}")


@pytest.mark.parametrize("name", shipped())
def test_what_is_shipped_takes_a_small_part_of_that(name, monkeypatch):
    monkeypatch.setattr("socs_tcp.description.effort.MOST", MOST // 20)
    load(name)
