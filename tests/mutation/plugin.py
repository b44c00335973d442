"""For pytest, in the copy: writes down which test runs which line, or runs only some, in order.

``--record FILE`` writes, for each test, how long it took and the lines of the package that it ran.
``--chosen FILE`` reads what to run: ``{"only": [...]}``, in this order, or ``{"without": [...]}``.
``--failed FILE`` writes which failed, one a line.
"""

import json
import time
from pathlib import Path

import pytest
from coverage import Coverage

PACKAGE = Path(__file__).resolve().parents[2] / "socs_tcp"


def pytest_addoption(parser):
    parser.addoption("--record", default="")
    parser.addoption("--chosen")
    parser.addoption("--failed")


def pytest_configure(config):
    if name := config.getoption("record"):
        config.pluginmanager.register(Recorder(Path(name)))
    config.pluginmanager.register(Failed(Path(config.getoption("failed"))))


def pytest_collection_modifyitems(config, items):
    chosen = json.loads(Path(config.getoption("chosen")).read_text())
    if "only" in chosen:
        order = {test: number for number, test in enumerate(chosen["only"])}
        items[:] = sorted((item for item in items if item.nodeid in order),
                          key=lambda item: order[item.nodeid])
    else:
        done = set(chosen.get("without", ()))
        items[:] = [item for item in items if item.nodeid not in done]


class Failed:
    """Which tests failed."""

    def __init__(self, path):
        self._path = path

    def pytest_runtest_logreport(self, report):
        if report.failed:
            with self._path.open("a") as file:
                print(json.dumps(report.nodeid), file=file)


class Recorder:
    """What each test ran."""

    def __init__(self, path):
        self._path = path
        self._seconds = {}
        self._coverage = Coverage(data_file=None, config_file=False, messages=False,
                                  include=[f"{PACKAGE}/*"])

    @pytest.hookimpl(hookwrapper=True, tryfirst=True)
    def pytest_runtest_protocol(self, item):
        self._coverage.start()      # anew for each: some tests trace by themselves, and end ours
        self._coverage.switch_context(item.nodeid)
        began = time.monotonic()
        yield
        self._seconds[item.nodeid] = time.monotonic() - began
        self._coverage.stop()

    def pytest_sessionfinish(self):
        data = self._coverage.get_data()
        lines = {Path(file).relative_to(PACKAGE).with_suffix("").as_posix():
                 data.contexts_by_lineno(file) for file in data.measured_files()}
        self._path.write_text(json.dumps({"seconds": self._seconds, "lines": lines}))
