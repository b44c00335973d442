"""The reactor stops: every Deferred has fired."""

import json
import subprocess
import sys
from pathlib import Path


def test_whatever_is_waited_for_when_the_reactor_stops_fires():
    done = subprocess.run([sys.executable, str(Path(__file__).parent / "ends.py")],
                          capture_output=True, text=True, timeout=60, check=False)
    assert done.stdout, done.stderr
    fired = json.loads(done.stdout)
    assert len(fired) == 11
    assert [name for name, outcome in fired.items() if outcome is None] == []
    assert "Unhandled" not in done.stderr
