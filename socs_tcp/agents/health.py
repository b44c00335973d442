"""Is the agent of this container alive? For a container's health check.

``python -m socs_tcp.agents.health`` exits with 0 if the agent named by ``INSTANCE_ID``
answers through the router, within a few seconds.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys

from ocs import site_config

#: Seconds for the agent to answer: OCS' client has no limit of its own.
TIMEOUT = 8


def main(args: list[str] | None = None) -> int:
    """Ask the agent.

    Parameters
    ----------
    args : list of str, optional
        The command line; that of the process unless given.

    Returns
    -------
    int
        0 if it answers, 1 with the reason on stderr if not.
    """
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--instance-id", default=os.environ.get("INSTANCE_ID"),
                        help="of the agent; $INSTANCE_ID unless given")
    options = parser.parse_args(args)
    if not options.instance_id:
        parser.error("no instance id: set INSTANCE_ID, or give --instance-id")
    signal.alarm(TIMEOUT)       # ends the process; a health check is nothing but this question
    try:
        api = site_config.get_control_client(options.instance_id, args=[]).get_api()
    except (RuntimeError, OSError) as exc:
        print(f"{options.instance_id} does not answer: {exc}", file=sys.stderr)
        return 1
    finally:
        signal.alarm(0)
    print(f"{options.instance_id} answers: {api['agent_class']}, process {api['instance_pid']}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
