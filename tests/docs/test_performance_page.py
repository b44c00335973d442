"""The figures of the page about performance are those that were measured."""

import re

import pytest
from docs_pages import DOCS, ROOT

NAMES = {"Twisted LineReceiver": "LineReceiver"}


def rows(path):
    """The rows of all simple tables whose second cell is a number, as their cells."""
    cells = [re.split(r" {2,}", line.strip().replace("``", ""))
             for line in path.read_text().splitlines()]
    return [row for row in cells if len(row) > 2 and re.match(r"[\d.]+( |$)", row[1])
            and "kB" not in row[1]]


MEASURED = rows(ROOT / "benchmarks" / "results.rst")
PAGE = rows(DOCS / "performance.rst")
ONE, MANY, STREAMS = PAGE[:8], PAGE[8:14], PAGE[14:]


def close(shown, measured):
    shown, measured = (float(re.match(r"[\d.e+]+", cell)[0]) for cell in (shown, measured))
    assert shown == pytest.approx(measured, rel=0.08)


def measured(name, columns, *first):
    """The one row of so many columns that begins like this."""
    (found,) = [row for row in MEASURED if len(row) == columns
                and row[:1 + len(first)] == [NAMES.get(name, name), *first]]
    return found


@pytest.mark.parametrize("row", ONE, ids=lambda row: row[0])
def test_one_device(row):
    found = measured(row[0], 5)
    for column in 1, 2, 3:
        close(row[column], found[column])


@pytest.mark.parametrize("row", MANY, ids=" ".join)
def test_many_devices(row):
    found = measured("DeviceClient", 13, *row[:2])
    core = float(row[2].removesuffix(" %")) / 100
    for shown, column in ((str(core), 4), (row[3], 6), (row[4], 9), (row[5], 11)):
        close(shown, found[column])


@pytest.mark.parametrize("row", STREAMS, ids=lambda row: row[0])
def test_streams(row):
    for shown, frame in zip(row[1:], ("1024", "65536", "1048576"), strict=True):
        close(shown, measured(row[0], 6, frame)[2])


def test_all_rows_are_compared():
    assert [len(row) for row in PAGE] == [4] * 8 + [6] * 6 + [4] * 5
