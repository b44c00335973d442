"""Which tests are to notice a fault in which module."""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).parents[2]
LEDGER = ("test_conversation", "test_silence", "test_turn", "test_ledger_details")
#: Tests of the core that are not named after the module.
ALSO: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(("conversation", "hearing", "listening", "pending", "owed", "evidence",
                     "silence", "turn"),
                    LEDGER),
    "link": ("test_log", "test_trace", *LEDGER),
    "decoder": ("test_framing", "test_block_framer", "test_prompts", *LEDGER),
}
#: It follows every sequence of events: minutes, and nothing that the tests of details miss.
SLOW = "--ignore=tests/core/test_every_sequence.py"
#: What has to notice nothing, for each room, before a fault is called alive.
ROOMS: dict[str, list[list[str]]] = {
    "core": [["tests/core", SLOW]],
    "blocking": [["tests/blocking", "tests/storms/test_regressions.py", "tests/process"]],
    "deferred": [["tests/deferred", "tests/storms/test_regressions.py", "tests/process"]],
    "agent": [["tests/agent", "tests/agents"]],
}
#: Where it is recorded which test runs which line: a run of pytest each, the longest first.
RECORDED: list[list[str]] = [
    ["tests/contract"], ["tests/blocking"], ["tests/deferred"], ["tests/core", SLOW],
    ["tests/agent", "tests/agents"], ["tests/storms/test_regressions.py"]]


def own(room: str, module: str) -> list[str]:
    """The files with the tests of this module."""
    files = [f"tests/{room}/{name}.py" for name in (f"test_{module}", *ALSO.get(module, ()))]
    return [path for path in files if (ROOT / path).exists()]
