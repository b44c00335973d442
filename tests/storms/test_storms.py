"""Short storms; see ``docs/reliability.rst`` for the long ones.

``SOCS_TCP_STORM_QUERIES=20000 SOCS_TCP_STORM_SEED=7 pytest tests/storms/test_storms.py``
"""

import os

import pytest

from tests.storms import blocking, deferreds
from tests.storms.plan import PLANS, from_environment

STORMS = {"blocking": blocking.storm, "twisted": deferreds.storm}
# a long one takes as long as it takes
TIMEOUT = 60 + int(os.environ.get("SOCS_TCP_STORM_QUERIES", "0")) // 20


@pytest.mark.timeout(TIMEOUT)
@pytest.mark.parametrize("plan", PLANS, ids=lambda plan: plan.name)
def test_storm(plan):
    STORMS[plan.face](from_environment(plan)).check()
