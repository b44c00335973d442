"""Is the agent of this container alive? For a container's health check.

``python -m socs_tcp.agents.health`` exits with 0 if the agent named by ``INSTANCE_ID``
answers through the router, within a few seconds.
"""

from __future__ import annotations

import argparse
import os
import sys
import threading

from ..core.checks import check_seconds
from ..core.errors import SHOWN_TEXT, told
from ..core.text import printable

#: Seconds for the agent to answer: OCS' client has no limit of its own. A health check of
#: Docker has 10 s in the image, of which the start of this program takes one or two.
TIMEOUT = 6.0
ILL = 1


def main(args: list[str] | None = None) -> int:
    """Ask the agent. Any thread.

    Parameters
    ----------
    args : list of str, optional
        The command line. Default: that of the process.

    Returns
    -------
    int
        0 if it answers, 1 with the reason on stderr if not, whatever the reason.
    """
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--instance-id", default=os.environ.get("INSTANCE_ID"),
                        help="instance id of the agent (default: $INSTANCE_ID)")
    parser.add_argument("--timeout", type=seconds, default=TIMEOUT,
                        help=f"seconds for the agent to answer (default: {TIMEOUT:g})")
    options = parser.parse_args(args)
    if not options.instance_id:
        parser.error("no instance id: set INSTANCE_ID, or give --instance-id")
    answers: list[str | Exception] = []
    # In a thread of its own: a look-up of the router's name cannot be interrupted.
    asking = threading.Thread(target=_ask, args=(options.instance_id, answers), daemon=True)
    asking.start()
    asking.join(options.timeout)
    answer = answers[0] if answers else TimeoutError(
        f"no answer within {options.timeout:g} s: the agent, the router or the "
        "look-up of its name hangs")
    if isinstance(answer, str):
        print(f"{options.instance_id} answers: {printable(answer, SHOWN_TEXT)}")
        return 0
    print(f"{options.instance_id} does not answer: {told(answer)}", file=sys.stderr)
    return ILL


def seconds(text: str) -> float:
    """A time from the command line."""
    try:
        value = check_seconds("--timeout", float(text))
    except (TypeError, ValueError) as exc:
        raise argparse.ArgumentTypeError(str(exc)) from None
    assert value is not None
    return value


def _ask(instance_id: str, answers: list[str | Exception]) -> None:
    """Append what the agent says it is, or what went wrong, whatever it was."""
    try:
        from ocs import site_config  # noqa: PLC0415 (slow; its time counts, too)

        api = site_config.get_control_client(instance_id, args=[]).get_api()
        answers.append(f"{api['agent_class']}, process {api['instance_pid']}")
    except Exception as exc:
        answers.append(exc)


if __name__ == "__main__":
    sys.exit(main())
