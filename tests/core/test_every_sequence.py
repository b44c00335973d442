"""Every sequence of events up to a length: whatever a device does, no reply is another's, but for
those of which neither the bytes nor their order tell."""

import pytest

from tests.core.every_sequence import CONFIGS, explore

#: Events in a sequence. ``python -m tests.core.every_sequence --length N`` follows longer ones.
LENGTH, SHORT = 5, 4

#: What may be taken for a reply where nothing but the order tells replies apart. Each of them came
#: while a question was under way, which had been asked when it was silent. (See docs/design.rst.)
BY_ORDER = {"undeclared", "stray", "reply", "rest", "old, given up", "old, lost"}


@pytest.mark.parametrize("config", CONFIGS, ids=str)
@pytest.mark.timeout(300)
def test_every_sequence(config):
    # (Replies that a function tells apart need no `match`: that is one way to use a device less.)
    short = config.greeting or (config.late == "match" and config.match)
    sequences, states, kinds = explore(config, SHORT if short else LENGTH)
    print(f"{sequences:,} sequences, {states:,} states")
    assert states > 1000
    if config.late == "match":
        assert kinds == set()
    elif config.match:
        assert kinds <= {"old, given up", "old, lost", "reply"}
    else:
        assert kinds <= BY_ORDER | ({"greeting"} if config.greeting else set())
        assert {"undeclared", "stray", "reply", "rest"} <= kinds
