"""Which tests are to notice a fault in which module, the fastest first."""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).parents[2]
LEDGER = ("test_conversation", "test_silence", "test_turn", "test_ledger_details")
#: Tests of the core that are not named after the module.
ALSO: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(("conversation", "hearing", "pending", "owed", "evidence", "silence", "turn"),
                    LEDGER),
    "link": ("test_log", "test_trace", *LEDGER),
    "decoder": ("test_framing", "test_block_framer", "test_prompts", *LEDGER),
}
#: It follows every sequence of events: minutes, and nothing that the tests of details miss.
SLOW = "--ignore=tests/core/test_every_sequence.py"
#: For each room what comes after the tests of the module itself.
ROOMS: dict[str, list[list[str]]] = {
    "core": [["tests/core", SLOW], ["tests/contract"]],
    "blocking": [["tests/blocking"], ["tests/contract", "-k", "blocking"],
                 ["tests/storms/test_regressions.py", "tests/process"]],
    "deferred": [["tests/deferred"], ["tests/contract", "-k", "not blocking"],
                 ["tests/storms/test_regressions.py", "tests/process"]],
    "agent": [["tests/agent"], ["tests/agents"]],
}


def suites(room: str, module: str) -> list[list[str]]:
    """Arguments for pytest: one run after the other, until one fails."""
    folder = f"tests/{room}"
    own = [f"{folder}/{name}.py" for name in (f"test_{module}", *ALSO.get(module, ()))]
    there = [path for path in own if (ROOT / path).exists()]
    return ([there] if there else []) + ROOMS[room]
