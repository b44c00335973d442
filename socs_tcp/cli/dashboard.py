"""``dashboard``: what Grafana shows of an agent, made from the description of its device."""

from __future__ import annotations

import argparse
import json
import re

from .arguments import name
from .exits import GOOD, UsageError
from .framing import described

DESCRIPTION = """\
Print a Grafana dashboard (JSON, to be imported there): the fields of a description with their
units, the health of the link, and a mark for each outage. It reads what OCS' InfluxDB publisher
writes to InfluxDB 1.x. Without a description it shows the health of the link only, for an agent
of any kind that publishes it."""
EPILOG = """\
example:
  socs-tcp dashboard kikusui_pmx --instance-id psu1 > psu1.json
  socs-tcp dashboard --instance-id thermo-1 --link-feed link > thermo-1.json

exit codes: 0 success; 2 a mistake in the command line or in the description.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of this command."""
    parser.add_argument("description", metavar="FILE", nargs="?",
                        help="YAML file, or the name of a description that comes with socs_tcp")
    parser.add_argument("--instance-id", metavar="ID", type=name,
                        help="instance id of the agent (default: the name of the description)")
    parser.add_argument("--address-root", metavar="NAME", type=name, default="observatory",
                        help="address root of the site (default: observatory)")
    parser.add_argument("--link-feed", metavar="NAME", type=name, default="link",
                        help="the feed with the health of the link (default: link)")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Print it; the exit code."""
    from .grafana import dashboard

    if options.description is None and options.instance_id is None:
        raise UsageError("give a description, or --instance-id, or both")
    description = described(options.description) if options.description else None
    instance = options.instance_id or re.sub(
        r"[^A-Za-z0-9_-]", "-", options.description.rpartition("/")[2].partition(".")[0])
    board = dashboard(description, f"{options.address_root}.{instance}", options.link_feed)
    print(json.dumps(board, indent=2))
    return GOOD
