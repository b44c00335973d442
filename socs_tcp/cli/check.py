"""``check``: is a description right, and does the device agree?"""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from .arguments import address
from .device import no_log
from .exits import EXIT_CODES, FAILED, GOOD, exit_code
from .framing import described
from .show import Style, complain, visible

if TYPE_CHECKING:
    from ..core.errors import DeviceConnectionError
    from ..description import Description, Query
    from ..description.client import Reading

DESCRIPTION = """\
Read a description and say what is in it, or where and what is wrong. With a device, ask each
of its queries once, and wait some seconds for its messages; nothing is set."""
EPILOG = f"""example:
  socs-tcp check kikusui_pmx
  socs-tcp check kikusui_pmx 127.0.0.1:5025

{EXIT_CODES}"""
#: Seconds to wait for the messages of a device.
LISTEN = 5.0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of this command."""
    parser.add_argument("description", metavar="FILE",
                        help="YAML file, or the name of a description that comes with socs_tcp")
    parser.add_argument("device", metavar="HOST:PORT", type=address, nargs="?", help="a device")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Check; the exit code."""
    no_log()
    description = described(options.description)
    style = Style()
    fields = sum(len(query.fields) for query in description.queries.values())
    print(f"{visible(description.file)}: {style('good', 'good')}: {description.device}, "
          f"{_count(len(description.queries), 'query', 'queries')} with "
          f"{_count(fields, 'field', 'fields')}, "
          f"{_count(len(description.parameters), 'parameter', 'parameters')}"
          f"{_more(description)}{_not_simulated(description)}")
    return GOOD if options.device is None else _ask(description, options.device, style)


def _more(description: Description) -> str:
    """What few descriptions have."""
    counts = ((len(description.actions), "action", "actions"),
              (len(description.messages), "message", "messages"))
    return "".join(f", {_count(*count)}" for count in counts if count[0])


def _count(number: int, one: str, many: str) -> str:
    return f"{number} {one if number == 1 else many}"


def _not_simulated(description: Description) -> str:
    """Why there is no simulated device of it; it can be a good description all the same."""
    from ..description import DescriptionError
    from ..description.simulated import scripted_device

    try:
        scripted_device(description)
    except DescriptionError as exc:
        return f"; cannot be simulated: {exc.key}: {exc.problem}"
    return ""


def _ask(description: Description, device: tuple[str, int], style: Style) -> int:
    from ..core.errors import DeviceConnectionError, show
    from ..description.client import read_all

    code, heard = GOOD, set()

    def unanswered(query: Query, error: DeviceConnectionError) -> None:
        nonlocal code
        code = code or exit_code(error)
        print(f"{query.name}: {style('bad', visible(str(error)))}", flush=True)
    try:
        for reading in read_all(description, *device, unanswered, LISTEN):
            heard.add(reading.query.name)
            print("\n".join(_lines(reading, style)), flush=True)
            if reading.errors:
                code = FAILED
    except DeviceConnectionError as exc:
        complain(exc)
        if not heard and exc.phase == "recv" and description.identify is not None:
            asked = description.identify.steps[0].send.fill({})
            complain(f"the device was asked to identify itself: {show(asked)}")
        return exit_code(exc)
    for name in description.messages:
        if name not in heard:
            print(f"{name}: no such message within {LISTEN:g} s")
    return code


def _lines(reading: Reading, style: Style) -> list[str]:
    from ..core.errors import show

    if not reading.query.fields:
        return [f"{reading.query.name}: {style('good', 'good')}"]
    lines = []
    for field in reading.query.fields:
        if field.name in reading.errors:
            error = reading.errors[field.name]
            shown = style("bad", f"{error.problem}; the reply was {show(error.reply)}")
        elif field.name not in reading.values:
            shown = "no value"
        else:
            value = reading.values[field.name]
            shown = f"{ascii(value) if isinstance(value, str) else value} {field.unit}".rstrip()
        lines.append(f"{reading.query.name}: {field.name} = {shown}")
    return lines
