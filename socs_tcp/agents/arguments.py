"""The arguments of the agent, and what they mean."""

from __future__ import annotations

import argparse
import os
import re

from ..core.checks import check_host, check_port
from ..description import Description, DescriptionError, load, shipped
from .access import LEVELS, levels


def make_parser(parser: argparse.ArgumentParser | None = None) -> argparse.ArgumentParser:
    """The arguments of this agent, for the command line and the site config file."""
    if parser is None:
        parser = argparse.ArgumentParser()
    group = parser.add_argument_group("Agent Options")
    # ocs-agent-cli passes no arguments of an agent's own on: a container gets them from here.
    environment = os.environ.get
    group.add_argument("--description", default=environment("DEVICE_DESCRIPTION"),
                       help="YAML file that describes the device, or the name of a description "
                            f"that comes with socs_tcp: {', '.join(shipped())}. A relative path "
                            "is also looked for in $OCS_CONFIG_DIR. "
                            "Default: $DEVICE_DESCRIPTION.")
    group.add_argument("--ip-address", "--host", default=environment("DEVICE_HOST"),
                       help="Address or host name of the device, or HOST:PORT. Each connect "
                            "looks a name up. Default: $DEVICE_HOST.")
    group.add_argument("--port", type=int,
                       help="TCP port of the device. Default: the port in the description.")
    group.add_argument("--mode", choices=["idle", "acq"], default="acq",
                       help="acq starts acquisition at once, idle waits for a client. "
                            "Default: acq.")
    group.add_argument("--min-privs", metavar="NAME=LEVEL,...", type=levels,
                       default=environment("DEVICE_MIN_PRIVS", ""),
                       help="Credential levels (1 to 3) that clients need if the site has an "
                            "access policy. raw is a query with a raw command. Default: "
                            "$DEVICE_MIN_PRIVS, or "
                            f"{','.join(f'{n}={v}' for n, v in LEVELS.items())}.")
    return parser


def check_arguments(args: argparse.Namespace) -> tuple[Description, str, int]:
    """The description, the host and the port that are meant.

    Raises
    ------
    ValueError
        If they cannot be used (`DescriptionError` for the description).
    """
    for name, value in (("--description", args.description), ("--ip-address", args.ip_address)):
        if not value:
            raise ValueError(f"the argument {name} is missing, in the site config file or here")
    description = load(args.description)
    host, port = split_address(args.ip_address)
    if args.port is not None:
        port = args.port
    if port is None:
        port = description.port
    if port is None:
        raise DescriptionError(description.file, 0, "", "has no key 'port', so the agent needs "
                               "the argument --port")
    return description, check_host(host), check_port(port)


def split_address(text: str) -> tuple[str, int | str | None]:
    """Host and port of ``HOST:PORT`` or ``[IPV6]:PORT``; no port in what is but a host.

    An IPv6 address without brackets is but a host. Neither is checked here.
    """
    match = re.fullmatch(r"\[([^]]+)\](?::(\w+))?|([^:]+):(\w+)", text)
    if match is None:
        return text, None
    return match[1] or match[3], match[2] or match[4]
