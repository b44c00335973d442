"""The fuzz targets over the corpus that atheris has made, and over inputs by chance."""

import importlib
import random

import pytest

TARGETS = ["framers", "protocols", "client", "loader", "replies"]


@pytest.fixture(params=TARGETS)
def target(request, monkeypatch):
    monkeypatch.setattr("socs_tcp.core.log.DeviceLogger._emit", lambda _self, _level, _text: None)
    return importlib.import_module(f"tests.fuzz.{request.param}")


def test_corpus(target):
    inputs = importlib.import_module("tests.fuzz.__main__").corpus(target.__name__.split(".")[-1])
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
