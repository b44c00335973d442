"""The fuzz targets over the corpus that atheris has made, and over inputs by chance."""

import importlib
import random
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
for folder in (ROOT, ROOT / "tests"):
    if str(folder) not in sys.path:
        sys.path.insert(0, str(folder))

TARGETS = ["framers", "protocols", "client"]


@pytest.fixture(params=TARGETS)
def target(request, monkeypatch):
    monkeypatch.setattr("socs_tcp.log.DeviceLogger._emit", lambda _self, _level, _text: None)
    return importlib.import_module(f"fuzz.{request.param}")


def test_corpus(target):
    inputs = importlib.import_module("fuzz.__main__").corpus(target.__name__.split(".")[-1])
    assert len(inputs) > 50
    for data in inputs:
        try:
            target.one_input(data)
        except BaseException as exc:
            exc.add_note(f"input: {data.hex()}")
            raise


@pytest.mark.parametrize("seed", range(3))
def test_chance(target, seed):
    chance = random.Random(seed)
    for _ in range(200):
        data = chance.randbytes(chance.randrange(120))
        try:
            target.one_input(data)
        except BaseException as exc:
            exc.add_note(f"input: {data!r}")
            raise
