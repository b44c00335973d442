"""Read a description: from a file, from text, or one that comes with this package."""

from __future__ import annotations

import os
from importlib import resources
from pathlib import Path

from .composing import MAX_BYTES
from .errors import DescriptionError, did_you_mean
from .load_parameters import load_parameters
from .load_queries import MAX_ENTRIES, check_name, load_queries
from .load_steps import Context, load_framing, load_step, load_steps, load_template
from .model import Description, FeedSpec, Query
from .nodes import Node, compose
from .steps import Step

KEYS = ["device", "port", "timeout", "gap", "framing", "identify", "on_connect", "raw_commands",
        "feeds", "queries", "parameters", "simulate"]
FEED_KEYS = ["frame_length", "fresh_time", "buffer_time", "exclude_aggregator", "exclude_influx"]

__all__ = ["DEFAULT_FEED", "IDENTIFY", "LINK_FEED", "MAX_ENTRIES", "find", "load", "loads",
           "shipped"]

DEFAULT_TIMEOUT = 10.0
#: So many feeds there may be.
MAX_FEEDS = 100
#: Where readings are published, unless the description has feeds of its own.
DEFAULT_FEED = "readings"
#: Where the agent publishes the health of the connection.
LINK_FEED = "link"
#: What `Description.answers` calls the answer to the identity query.
IDENTIFY = "identify"
#: ... and the answer to a message on connect that is read but not compared.
ON_CONNECT = "on_connect"


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
            raise DescriptionError(name, 0, "", "no description of that name comes with this "
                                   f"package{did_you_mean(name, shipped())}; there are "
                                   f"{', '.join(shipped())} (a file's name ends in .yaml)")
        return Path(str(resources.files("socs_tcp.description") / "devices" / f"{name}.yaml"))
    places = [Path(name)]
    if os.environ.get("OCS_CONFIG_DIR"):
        places.append(Path(os.environ["OCS_CONFIG_DIR"]) / name)
    for path in places:
        if path.is_file():
            return path
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
    root = compose(text, file)
    keys = root.mapping(KEYS, required=("device", "framing", "queries"))
    framer, terminator = load_framing(keys["framing"])
    feeds = load_feeds(keys["feeds"]) if "feeds" in keys else \
        {DEFAULT_FEED: FeedSpec(DEFAULT_FEED)}
    queries = load_queries(keys["queries"], terminator, list(feeds))
    identify = load_identify(keys["identify"], terminator) if "identify" in keys else None
    on_connect = load_on_connect(keys["on_connect"], terminator) if "on_connect" in keys else ()
    parameters = load_parameters(keys["parameters"], terminator, queries) \
        if "parameters" in keys else {}
    return Description(
        file=file,
        device=keys["device"].text("what the device is"),
        framer=framer,
        send_terminator=terminator,
        port=keys["port"].whole("a TCP port", 1, 65535) if "port" in keys else None,
        timeout=keys["timeout"].seconds() if "timeout" in keys
        else DEFAULT_TIMEOUT,
        gap=keys["gap"].seconds() if "gap" in keys else 0.0,
        identify=identify,
        on_connect=on_connect,
        queries=queries,
        parameters=parameters,
        feeds=feeds,
        raw_commands="raw_commands" in keys and keys["raw_commands"].boolean(),
        answers=load_answers(keys["simulate"], queries, identify, on_connect)
        if "simulate" in keys else {},
    )


def load_feeds(section: Node) -> dict[str, FeedSpec]:
    """The section ``feeds``."""
    feeds: dict[str, FeedSpec] = {}
    for name, node in section.named("feeds").items():
        if len(feeds) >= MAX_FEEDS:
            raise section.error(f"there are more than {MAX_FEEDS} feeds")
        check_name(name, node, "a feed")
        if name != name.lower() or name in (LINK_FEED, "heartbeat"):
            raise node.at_key().error(
                f"{name!r} is a feed that every such agent has already" if name == name.lower()
                else f"{name!r} cannot name a feed; OCS wants small letters there")
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


def load_identify(node: Node, terminator: bytes) -> Query:
    """The section ``identify``: a query without fields, whose answer must be the right one."""
    keys = node.mapping(["send", "expect", "match", "length"], required=("send",))
    if "expect" not in keys and "match" not in keys:
        raise node.error("needs 'match' (or 'expect'): what must the device answer?")
    steps = load_steps(node, keys, Context(terminator, {}), reads=True)
    return Query(IDENTIFY, steps, (), None, "")


def load_on_connect(node: Node, terminator: bytes) -> tuple[Step, ...]:
    """The section ``on_connect``: a list of messages."""
    context = Context(terminator, {})
    return tuple(load_step(item, context) for item in node.items("messages"))


def load_answers(section: Node, queries: dict[str, Query], identify: Query | None,
                 on_connect: tuple[Step, ...]) -> dict[str, tuple[bytes, ...]]:
    """The section ``simulate``. An answer that the description cannot read is an error."""
    known = dict(queries)
    if identify is not None:
        known[IDENTIFY] = identify
    if on_connect:
        known[ON_CONNECT] = Query(ON_CONNECT, on_connect, (), None, "")
    answers: dict[str, tuple[bytes, ...]] = {}
    for name, node in section.named("queries").items():
        if name not in known:
            raise node.at_key().error(f"there is no query {name!r}"
                                      f"{did_you_mean(name, list(known))}; "
                                      f"there are {', '.join(known)}")
        items = node.items("answers") if node.is_list else [node]
        answers[name] = tuple(_answer(item, known[name]) for item in items)
        if not items:
            raise node.error("is an empty list; leave it out for an answer made from the fields")
    return answers


def _answer(node: Node, query: Query) -> bytes:
    reply = load_template(node, Context(b"", {}), reply=True).fill({})
    try:
        query.steps[-1].check(reply, {}, query.name)
    except ValueError as exc:
        raise node.error(str(exc)) from None
    for error in query.parse(reply)[1].values():
        raise node.error(f"the description cannot read this answer: {error}")
    return reply
