"""What docs/description.rst shows: every YAML block is loaded and simulated, Python is run."""

import doctest
import re
import sys
import textwrap
from pathlib import Path

import jsonschema
import pytest
import yaml

from socs_tcp.description import DescriptionError, find, loads, shipped
from socs_tcp.description.keys import SECTIONS
from socs_tcp.description.schema import schema
from socs_tcp.description.simulated import scripted_device

DOCS = Path(__file__).parents[2] / "docs"
PAGE = (DOCS / "description.rst").read_text()
COMING = (DOCS / "coming_from_streamdevice.rst").read_text()
BLOCKS = [textwrap.dedent(block) for block in
          re.findall(r"^\.\. code-block:: yaml\n\n((?: .*\n|\n)+)", PAGE + COMING, re.MULTILINE)]
# what an example leaves out because it is not about it
REST = {"device": "device: x\n", "framing": 'framing: {terminator: "\\r\\n"}\n',
        "queries": 'queries: {q: {send: "Q?", fields: {q: {}}}}\n'}


@pytest.mark.parametrize("block", BLOCKS, ids=lambda b: b.split("\n")[0][:30] + f"-{len(b)}")
def test_yaml(block):
    given = set(re.findall(r"^(\w+):", block, re.MULTILINE))
    given |= {"framing"} & {"framing" for _ in given & {"modbus"}}
    text = block + "".join(line for key, line in REST.items() if key not in given)
    if "identify:" in block and "simulate:" not in block:
        text += "simulate: {identify: 'LSCI,MODEL372,LSA23JD,1.3'}\n"
    if "header:" in block:      # such a reply cannot be made up
        assert loads(text)
        return
    scripted_device(loads(text))


def test_the_blocks_are_found():
    assert len(BLOCKS) == 22


def test_python():
    (first, *_) = BLOCKS
    runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS)
    test = doctest.DocTestParser().get_doctest(
        PAGE, {"THERMOMETER": first}, "description.rst", "description.rst", 0)
    assert len(test.examples) > 12
    output = []
    runner.run(test, out=output.append)
    assert runner.failures == 0, "".join(output)


def test_the_reference_and_the_schema_are_those_of_the_table():
    sys.path.insert(0, str(DOCS))
    try:
        import make_keys
    finally:
        sys.path.remove(str(DOCS))
    for path, text in make_keys.texts().items():
        assert path.read_text() == text, "run docs/make_keys.py"


@pytest.mark.parametrize("key", sorted({key for keys in SECTIONS.values() for key in keys}))
def test_every_key_is_explained(key):
    assert f"``{key}`` (" in (DOCS / "description_keys.inc").read_text()


def every_file():
    """What is good for the loader."""
    yield from ((name, find(name).read_text()) for name in shipped())
    for number, block in enumerate(BLOCKS):
        if "device" in block and "queries" in block:
            yield f"block {number}", block


@pytest.mark.parametrize(("name", "text"), every_file())
def test_what_the_loader_takes_the_schema_takes(name, text):
    jsonschema.validate(yaml.safe_load(text), schema())


@pytest.mark.parametrize("change", [
    lambda d: d.update(devise="x"), lambda d: d.pop("device"), lambda d: d.update(port="x"),
    lambda d: d["queries"]["status"].update(perod=1), lambda d: d.update(timeout=-1),
    lambda d: d["queries"]["status"]["fields"]["V_sppl"].update(type="double"),
    lambda d: d["parameters"]["relay_{n}"].update(expect=5)])
def test_what_the_loader_refuses_the_schema_refuses(change):
    file = yaml.safe_load(find("devantech_ds378").read_text())
    change(file)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(file, schema())
    with pytest.raises(DescriptionError):
        loads(yaml.safe_dump(file))


def test_every_shipped_description_is_named():
    for name in shipped():
        assert f"``{name}``" in PAGE
