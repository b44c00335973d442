"""Run by Python itself at the start of each process under ``python -m socs_tcp.compat``.

Python looks for a module of this name, and ``PYTHONPATH`` leads it here. It costs nothing
until SOCS' drivers are imported; then our classes are put there before anybody sees SOCS' own.
Nothing in here may disturb a process that has no use for it, whichever Python runs it.
"""

import os
import sys
from importlib.machinery import PathFinder
from importlib.util import module_from_spec
from typing import Any

#: One of these is imported before any driver of SOCS' is.
FIRST = ("socs.tcp", "socs.agents", "socs.common.moxa_serial")


class SocsTcpFinder:
    """Lets the first of these be imported as ever, and calls `socs_tcp.compat.install` then."""

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> Any:
        if name not in FIRST or self not in sys.meta_path:
            return None
        sys.meta_path.remove(self)
        spec = PathFinder.find_spec(name, path)
        if spec is None or spec.loader is None:
            return None
        run = spec.loader.exec_module

        def run_and_switch(module: Any) -> None:
            run(module)
            switch()

        spec.loader.exec_module = run_and_switch  # type: ignore[method-assign]
        return spec


def switch() -> None:
    """Install; where that fails, say so and leave SOCS as it is."""
    try:
        from socs_tcp.compat import install  # noqa: PLC0415
        install()
    except Exception as exc:
        sys.stderr.write("socs_tcp.compat: socs.tcp.TCPInterface remains SOCS' own in this "
                         f"process ({sys.executable}): {exc}\n")


def run_hidden_namesake() -> None:
    """Run the sitecustomize that would have been found without us, if there is one."""
    here = os.path.dirname(os.path.abspath(__file__))
    rest = [entry for entry in sys.path if os.path.abspath(entry) != here]
    spec = PathFinder.find_spec("sitecustomize", rest)
    if spec is None or spec.loader is None:
        return
    module = module_from_spec(spec)
    sys.modules["sitecustomize"] = module
    spec.loader.exec_module(module)


if __name__ == "sitecustomize":     # not when somebody only looks at this file
    sys.meta_path.insert(0, SocsTcpFinder())
    run_hidden_namesake()
