"""SOCS is needed here: without it these tests fail, they are not passed over."""

import importlib.metadata
from textwrap import dedent

import pytest

#: What `docs/socs_drivers.rst` and `socs_tests` are about.
SOCS_VERSION = "0.6.4"

# SOCS' own tests: test_socs_suite.py runs them in processes of their own.
collect_ignore = ["socs_tests"]


@pytest.fixture(scope="session", autouse=True)
def socs():
    """Fail with what to do where SOCS is missing or another version."""
    try:
        version = importlib.metadata.version("socs")
    except importlib.metadata.PackageNotFoundError:
        version = None
    if version != SOCS_VERSION:
        pytest.fail(f"these tests need socs {SOCS_VERSION}, and there is {version or 'none'}. "
                    f"`python3 run.py test` installs it; by hand: "
                    f"pip install --no-deps socs=={SOCS_VERSION}", pytrace=False)


@pytest.fixture
def ours(monkeypatch):
    """Our class in the place of SOCS' own."""
    from socs_tcp import TCPInterface, compat

    # A second between two attempts to connect is right for a site, and long for a test.
    monkeypatch.setitem(TCPInterface.__init__.__kwdefaults__, "min_interval", 0.1)
    compat.install()
    yield
    compat.uninstall()


@pytest.fixture(params=["original", "ours"])
def side(request):
    """SOCS' own class, and ours in its place: the test runs on both."""
    if request.param == "ours":
        request.getfixturevalue("ours")
    return request.param


@pytest.fixture
def script(tmp_path):
    """Writes a file and gives its path."""
    def write(code, name="script.py"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True, parents=True)
        path.write_text(dedent(code))
        return path
    return write
