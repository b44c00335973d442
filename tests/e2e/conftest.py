import pytest
from e2e_instrument import Instrument

from socs_tcp.testing.pytest_plugin import crossbar_router

__all__ = ["crossbar_router"]       # also where the plugin is not installed (yet)

FACES = ["blocking", "twisted"]


@pytest.fixture(scope="session")
def instruments(crossbar_router):
    """An agent on each face, one for all tests; both start at the same time."""
    started = {face: Instrument(crossbar_router, face) for face in FACES}
    for instrument in started.values():
        instrument.mend()       # on a busy machine the first attempt to connect may have failed
    yield started
    for instrument in started.values():
        instrument.close()


@pytest.fixture(params=FACES)
def instrument(request, instruments):
    """The agent on one face, with both devices well and no operation running."""
    instrument = instruments[request.param]
    yield instrument
    instrument.mend()
