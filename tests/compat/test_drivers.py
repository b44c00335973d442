"""SOCS' drivers, unchanged, on SOCS' own TCPInterface and on ours, in the same outages.

What is expected here is what the table in ``docs/socs_drivers.rst`` says.
"""

from pathlib import Path

import pytest
from socs_drivers import DRIVERS, hasten
from socs_scenarios import SCENARIOS, bench

DOCUMENT = Path(__file__).parents[2] / "docs" / "socs_drivers.rst"

# For each driver and scenario the words for the polls, one after the other: on SOCS' own
# class, and on ours where that is different.
REFUSED = "ConnectionError, ConnectionError, ConnectionError, right"
SHIFTED = "ConnectionError, wrong, wrong, wrong"
ONCE = "ConnectionError, right, right, right"
EXPECTED = {
    "PTC": {
        "absent": ["ConnectionError, right"],
        "hang_up": ["no data, right", "right, right"],
        "unplug": ["no data, ConnectionError, ConnectionError, right", REFUSED],
        "late": [SHIFTED, ONCE]},
    "PMX": {
        "absent": ["ConnectionError, right"],
        "hang_up": ["ValueError, right", "right, right"],
        "unplug": ["ValueError, ConnectionError, ConnectionError, right", REFUSED],
        "late": [SHIFTED, ONCE]},
    "TPG366": {
        "absent": ["ConnectionError, right"],
        "hang_up": ["IndexError, right", "right, right"],
        "unplug": ["IndexError, ConnectionError, ConnectionError, right", REFUSED],
        "late": ["ConnectionError, ValueError, right, right", ONCE]},
    "DS378": {
        "absent": ["ConnectionError, right"],
        "hang_up": ["right, right"],
        "unplug": [REFUSED],
        "late": ["ConnectionError, wrong, right, right", ONCE]},
    "PCR500MA": {
        "absent": ["ConnectionError, right"],
        "hang_up": ["ValueError, right", "right, right"],
        "unplug": ["ValueError, ConnectionError, ConnectionError, right", REFUSED],
        "late": [SHIFTED, ONCE]},
    "GalilAxis": {
        "absent": ["TypeError, TypeError"],
        "hang_up": ["Exception, Exception", "ConnectionError, right"],
        "unplug": ["Exception, Exception, Exception, Exception", REFUSED],
        "late": [ONCE]},
    "DLCSmart": {
        "absent": ["TypeError, TypeError"],
        "hang_up": ["endless loop, endless loop", "ConnectionError, right"],
        "unplug": ["endless loop, endless loop, endless loop, endless loop", REFUSED],
        "late": ["ValueError, right, right, right"]},
    "LS372": {
        "absent": ["ConnectionError, right"],
        "hang_up": ["ValueError, right", "right, right"],
        "unplug": ["ValueError, ConnectionError, ConnectionError, right", REFUSED],
        "late": [ONCE]},
}


@pytest.mark.parametrize("scenario", SCENARIOS)
@pytest.mark.parametrize("name", DRIVERS)
def test_drivers_of_socs(name, scenario, side, monkeypatch):
    spec = DRIVERS[name]
    hasten(monkeypatch, spec.module)
    base = spec.driver.__mro__[1]
    assert base.__module__ == ("socs_tcp.tcp" if side == "ours" else "socs.tcp")
    expected = EXPECTED[name] | {"normal": ["right, right, right"]}
    with bench(spec) as it:
        words = SCENARIOS[scenario](it)
    assert ", ".join(words) == expected[scenario][-1 if side == "ours" else 0]


def table():
    """The table of the document: what is expected above, as reStructuredText."""
    rows = [["Driver", "Outage", "Polls, on SOCS' own class", "Polls, on ours"]]
    for name, outages in EXPECTED.items():
        for outage, words in outages.items():
            ours = words[1] if len(words) > 1 else "the same"
            rows.append([name, f"``{outage}``", words[0], ours])
            name = ""       # noqa: PLW2901 (the first row of a driver bears its name)
    lines = [".. list-table::", "   :header-rows: 1", ""]
    for row in rows:
        lines += [f"   {' ' if i else '*'} - {cell}".rstrip() for i, cell in enumerate(row)]
    return "\n".join(lines)


def test_the_document_says_what_was_measured():
    assert table() in DOCUMENT.read_text(), f"put this into {DOCUMENT.name}:\n\n{table()}\n"
