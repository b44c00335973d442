"""What docs/description.rst shows: every YAML block is loaded and simulated, Python is run."""

import doctest
import re
import textwrap
from pathlib import Path

import pytest

from socs_tcp.description import load_queries, loads, shipped
from socs_tcp.description.load_parameters import PARAMETER_KEYS
from socs_tcp.description.load_steps import FRAMINGS, STEP_KEYS
from socs_tcp.description.loader import FEED_KEYS, KEYS
from socs_tcp.description.simulated import DescribedDevice

PAGE = (Path(__file__).parents[2] / "docs" / "description.rst").read_text()
BLOCKS = [textwrap.dedent(block) for block in
          re.findall(r"^\.\. code-block:: yaml\n\n((?: .*\n|\n)+)", PAGE, re.MULTILINE)]
# what an example leaves out because it is not about it
REST = {"device": "device: x\n", "framing": 'framing: {terminator: "\\r\\n"}\n',
        "queries": 'queries: {q: {send: "Q?", fields: {q: {}}}}\n'}


@pytest.mark.parametrize("block", BLOCKS, ids=lambda b: b.split("\n")[0][:30] + f"-{len(b)}")
def test_yaml(block):
    given = set(re.findall(r"^(\w+):", block, re.MULTILINE))
    text = block + "".join(line for key, line in REST.items() if key not in given)
    if "identify:" in block and "simulate:" not in block:
        text += "simulate: {identify: 'LSCI,MODEL372,LSA23JD,1.3'}\n"
    if "header:" in block:      # such a reply cannot be made up
        assert loads(text)
        return
    DescribedDevice(loads(text))


def test_the_blocks_are_found():
    assert len(BLOCKS) == 12


def test_python():
    (first, *_) = BLOCKS
    runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS)
    test = doctest.DocTestParser().get_doctest(
        PAGE, {"THERMOMETER": first}, "description.rst", "description.rst", 0)
    assert len(test.examples) > 12
    output = []
    runner.run(test, out=output.append)
    assert runner.failures == 0, "".join(output)


@pytest.mark.parametrize("key", sorted({
    *KEYS, *FEED_KEYS, *PARAMETER_KEYS, *STEP_KEYS, *FRAMINGS, "send_terminator",
    *load_queries.QUERY_KEYS, *load_queries.FIELD_KEYS}))
def test_every_key_is_explained(key):
    assert f"``{key}``" in PAGE


def test_every_shipped_description_is_named():
    for name in shipped():
        assert f"``{name}``" in PAGE
