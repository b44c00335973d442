"""Read a description: from a file, from text, or one that comes with this package."""

from __future__ import annotations

import os
from dataclasses import replace
from importlib import resources
from pathlib import Path

from ..core.framing import Framer
from . import load_modbus
from .composing import MAX_BYTES
from .context import MAX_ENTRIES, Context, load_variables
from .errors import DescriptionError, did_you_mean
from .keys import names, required
from .load_answers import IDENTIFY, load_answers
from .load_fields import check_name
from .load_framing import load_checksum, load_error, load_framing
from .load_parameters import PARAMETER_KEYS, load_actions, load_parameter, load_parameters
from .load_queries import QUERY_KEYS, load_messages, load_queries, load_query
from .load_steps import load_list, load_steps
from .modbus_wire import framer
from .model import Description, FeedSpec, Parameter, Query
from .nodes import Node, compose
from .patterns import Pattern
from .steps import Step

KEYS = names("description")
FEED_KEYS = names("feed")

__all__ = ["DEFAULT_FEED", "IDENTIFY", "LINK_FEED", "MAX_ENTRIES", "find", "load", "loads",
           "shipped"]

DEFAULT_TIMEOUT = 10.0
ONE_REPLY = "with 'closes_after_reply': each connection ends after one answer"
#: Bytes that an agent may have to send of all readings; a router refuses 1 MiB.
MOST_SAID = 800_000
#: So many feeds there may be.
MAX_FEEDS = 100
#: Where readings are published, unless the description has feeds of its own.
DEFAULT_FEED = "readings"
#: Where the agent publishes the health of the connection.
LINK_FEED = "link"


def shipped() -> list[str]:
    """The names of the descriptions that come with this package."""
    folder = resources.files("socs_tcp.description") / "devices"
    return sorted(f.name.removesuffix(".yaml") for f in folder.iterdir()
                  if f.name.endswith(".yaml"))


def find(name: str) -> Path:
    """The file that `name` means.

    Parameters
    ----------
    name : str
        A file (its name ends in ``.yaml`` or ``.yml``, or has a slash), looked for here and
        then in ``$OCS_CONFIG_DIR``; or the name of a description that comes with this package.

    Raises
    ------
    DescriptionError
        If there is none.
    """
    if not name.endswith((".yaml", ".yml")) and os.sep not in name:
        if name not in shipped():
            near = f" (did you mean {name + '.yaml'!r}?)" if Path(f"{name}.yaml").is_file() \
                else did_you_mean(name, shipped())
            raise DescriptionError(name, 0, "", "no description of that name comes with this "
                                   f"package{near}; there are {', '.join(shipped())} (the name "
                                   "of a file ends in .yaml)")
        return Path(str(resources.files("socs_tcp.description") / "devices" / f"{name}.yaml"))
    places = [Path(name)]
    if os.environ.get("OCS_CONFIG_DIR"):
        places.append(Path(os.environ["OCS_CONFIG_DIR"]) / name)
    for path in places:
        try:
            if path.is_file():
                return path
        except OSError as exc:      # a name that is too long, or a folder that is closed to us
            raise DescriptionError(str(path), 0, "", f"cannot be read: {exc.strerror}") from None
    raise DescriptionError(name, 0, "", "there is no such file, neither here nor in "
                           "$OCS_CONFIG_DIR" if len(places) > 1 else "there is no such file")


def load(name: str | os.PathLike[str]) -> Description:
    """The description in a file, or the one that comes with this package by that name.

    Parameters
    ----------
    name : str or path
        See `find`.

    Raises
    ------
    DescriptionError
        With the one thing that is wrong, where it stands, and what is expected.
    """
    path = find(os.fspath(name))
    try:
        with path.open("rb") as file:
            text = file.read(4 * MAX_BYTES + 1).decode("utf-8")
    except OSError as exc:
        raise DescriptionError(str(path), 0, "", f"cannot be read: {exc.strerror}") from None
    except UnicodeDecodeError as exc:
        raise DescriptionError(str(path), 0, "", f"is not UTF-8 (byte {exc.start})") from None
    return loads(text, str(path))


def loads(text: str, file: str = "<text>") -> Description:
    """The description in `text`.

    Parameters
    ----------
    text : str
        YAML.
    file : str
        What messages call it.

    Raises
    ------
    DescriptionError
        As `load`.
    """
    return described(compose(text, file))


def described(root: Node) -> Description:
    """The description that stands in a document. Raises as `loads`."""
    keys = root.mapping(KEYS, required=required("description"))
    context, frames = load_context(root, keys)
    feeds = load_feeds(keys["feeds"]) if "feeds" in keys else \
        {DEFAULT_FEED: FeedSpec(DEFAULT_FEED)}
    queries, parameters = load_entries(keys, context, list(feeds))
    identify = load_identify(keys["identify"], context) if "identify" in keys else None
    on_connect = load_on_connect(keys["on_connect"], context) if "on_connect" in keys else ()
    messages = load_messages(keys["messages"], context, list(feeds), queries) \
        if "messages" in keys else {}
    actions = load_actions(keys["actions"], context) if "actions" in keys else {}
    if not (queries or messages or parameters or actions):
        raise keys["queries"].error("has no query; expected at least one, or 'messages', "
                                    "'parameters' or 'actions'")
    description = Description(
        file=root.file,
        device=keys["device"].label("what the device is"),
        framer=frames,
        send_terminator=context.terminator,
        port=keys["port"].whole("a TCP port", 1, 65535) if "port" in keys else None,
        timeout=keys["timeout"].seconds() if "timeout" in keys else DEFAULT_TIMEOUT,
        gap=keys["gap"].seconds(most=3600) if "gap" in keys else 0.0,
        identify=identify,
        on_connect=on_connect,
        queries=queries,
        parameters=parameters,
        feeds=feeds,
        raw_commands="raw_commands" in keys and keys["raw_commands"].boolean(),
        answers={},
        actions=actions,
        messages=messages,
        encoding=context.encoding,
        greeting=load_greeting(keys["greeting"], context) if "greeting" in keys else None,
        closes_after_reply="closes_after_reply" in keys and keys["closes_after_reply"].boolean(),
        telnet="telnet" in keys and keys["telnet"].boolean(),
        modbus=context.line if "modbus" in keys else None,
        wrapping=context.wrapping,
    )
    if description.closes_after_reply:
        _check_one_reply(keys, parameters)
    if description.most_said > MOST_SAID:
        raise root.error("has too many fields, or too long names: the readings must fit into one "
                         "message of the router")
    if "simulate" not in keys:
        return description
    return replace(description, answers=load_answers(keys["simulate"], description, context))


def _check_one_reply(keys: dict[str, Node], parameters: dict[str, Parameter]) -> None:
    """A device that hangs up after a reply has but one for each connection."""
    for key in ("identify", "on_connect"):
        if key in keys:
            raise keys[key].at_key().error(f"cannot be used {ONE_REPLY}")
    for name, parameter in parameters.items():
        if parameter.restore:
            raise keys["parameters"].at_key().error(f"'restore' of {name} is not possible "
                                                    f"{ONE_REPLY}")


def load_context(root: Node, keys: dict[str, Node]) -> tuple[Context, Framer]:
    """What all messages may use, and where replies end."""
    if ("framing" in keys) == ("modbus" in keys):
        raise root.error("needs 'framing' (or 'modbus'): where does a reply end?"
                         if "framing" not in keys else "has both 'framing' and 'modbus'")
    context = Context(
        values=load_variables(keys["variables"]) if "variables" in keys else {},
        encoding=keys["encoding"].choice(["ascii", "latin-1", "utf-8"]) if "encoding" in keys
        else "latin-1")
    if "modbus" in keys:
        for key in ("checksum", "error", "messages", "actions", "on_connect", "identify",
                    "raw_commands"):
            if key in keys:
                raise keys[key].at_key().error("cannot be used with 'modbus'")
        return replace(context, line=load_modbus.load_modbus(keys["modbus"])), framer()
    frames, terminator, wrapping = load_framing(keys["framing"], context)
    context = replace(context, terminator=terminator, framer=frames, wrapping=wrapping)
    if "checksum" in keys:
        checksum, commands, replies = load_checksum(keys["checksum"])
        context = replace(context, checksum=checksum, sums_commands=commands,
                          sums_replies=replies)
    if "error" in keys:
        context = replace(context, errors=load_error(keys["error"], context))
    return context, frames


def load_entries(keys: dict[str, Node], context: Context, feeds: list[str]
                 ) -> tuple[dict[str, Query], dict[str, Parameter]]:
    """The sections ``queries`` and ``parameters``."""
    kind = load_modbus if "modbus" in keys else None
    queries = load_queries(keys["queries"], context, feeds, *(
        (kind.load_query, kind.QUERY_KEYS) if kind else (load_query, QUERY_KEYS)))
    if "parameters" not in keys:
        return queries, {}
    return queries, load_parameters(keys["parameters"], context, queries, *(
        (kind.load_parameter, kind.PARAMETER_KEYS) if kind else (load_parameter, PARAMETER_KEYS)))


def load_feeds(section: Node) -> dict[str, FeedSpec]:
    """The section ``feeds``."""
    feeds: dict[str, FeedSpec] = {}
    for name, node in section.named("feeds").items():
        if len(feeds) >= MAX_FEEDS:
            raise section.error(f"there are more than {MAX_FEEDS} feeds")
        check_name(name, node, "a feed")
        if name != name.lower() or name in (LINK_FEED, "heartbeat"):
            why = "the agent already has one of that name" if name == name.lower() \
                else "OCS requires small letters"
            raise node.at_key().error(f"{name!r} cannot name a feed; {why}")
        keys = {} if node.is_empty else node.mapping(FEED_KEYS)
        params: dict[str, float | bool] = {
            key: child.boolean() if key.startswith("exclude") else
            child.seconds()
            for key, child in keys.items() if key != "buffer_time"}
        buffer_time = keys["buffer_time"].seconds() \
            if "buffer_time" in keys else 0
        feeds[name] = FeedSpec(name, params, buffer_time)
    if not feeds:
        raise section.error("has no feed; leave the section out for the usual one, "
                            f"{DEFAULT_FEED!r}")
    return feeds


def load_identify(node: Node, context: Context) -> Query:
    """The section ``identify``: a query without fields, whose answer must be the right one."""
    keys = node.mapping(names("step"), required=("send",))
    if "expect" not in keys and "match" not in keys:
        raise node.error("needs 'match' (or 'expect'): what must the device answer?")
    return Query(IDENTIFY, load_steps(node, keys, context, reads=True), (), None, "")


def load_greeting(node: Node, context: Context) -> Pattern:
    """The key ``greeting``."""
    if node.is_boolean:
        raise node.error(f"must be a regular expression, not {node.kind}; '' matches any greeting")
    return context.pattern(node)


def load_on_connect(node: Node, context: Context) -> tuple[Step, ...]:
    """The section ``on_connect``: a list of messages."""
    items = node.items("messages")
    if len(items) > 1000:
        raise node.error("has more than 1000 messages")
    return load_list(items, context)
