"""From YAML to queries, and to what a device says unasked."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from ..core.framing import FixedFramer, Framer
from .context import MAX_ENTRIES, Context, repeated
from .fields import Field
from .keys import names, required
from .load_fields import check_name, load_fields
from .load_steps import load_steps
from .model import Message, Query
from .nodes import Node
from .reply import Packed
from .steps import Step

QUERY_KEYS = names("query")
LoadQuery: TypeAlias = "Callable[[str, Node, dict[str, Node], Context, list[str]], Query]"
DEFAULT_PERIOD = 1.0
#: An agent that asks more often does nothing else.
LEAST_PERIOD = 0.01


def load_queries(section: Node, context: Context, feeds: list[str], load: LoadQuery,
                 known: list[str]) -> dict[str, Query]:
    """The section ``queries``; `load` makes one of them, whose keys are `known`."""
    queries: dict[str, Query] = {}
    seen: dict[str, str] = {}
    for template_name, node in section.named("queries").items():
        keys = node.mapping(known)
        for name, inside in repeated(node, keys, template_name, context):
            check_query(name, node, queries, seen)
            query = load(name, node, keys, inside, feeds)
            remember(query, keys, seen)
            queries[name] = query
    return queries


def check_query(name: str, node: Node, queries: dict[str, Query], seen: dict[str, str]) -> None:
    """May there be a query of that name?"""
    if len(queries) + len(seen) > MAX_ENTRIES:
        raise node.at_key().error(f"there are more than {MAX_ENTRIES} queries and fields")
    if name in queries:
        raise node.at_key().error(f"there are two queries called {name!r}")
    if name in ("identify", "on_connect"):
        raise node.at_key().error(f"{name!r} cannot name a query; it is a section of its own")
    check_name(name, node, "a query")


def remember(query: Query, keys: dict[str, Node], seen: dict[str, str]) -> None:
    """Each field has its name for itself."""
    for field in query.fields:
        if field.name in seen:
            raise keys["fields"].error(f"the field {field.name!r} is already in the query "
                                       f"{seen[field.name]!r}; each needs its own name")
        seen[field.name] = query.name


def load_query(name: str, node: Node, keys: dict[str, Node], context: Context,
               feeds: list[str]) -> Query:
    steps = load_steps(node, keys, context, reads=True)
    period, feed = load_period(keys), load_feed(node, keys, feeds)
    _one_way(node, keys)
    fields = load_fields(keys, context)
    _fit(fields, steps[-1], steps[-1].framer or context.framer, keys["fields"])
    return Query(name, steps, fields, period, feed)


def _fit(fields: tuple[Field, ...], step: Step, framer: Framer | None, node: Node) -> None:
    """Replies of a fixed length must have room for the fields."""
    if not isinstance(framer, FixedFramer):
        return
    length = framer.length - (step.checksum.length if step.checksum else 0)
    for field in fields:
        place = field.place
        if isinstance(place, Packed) and place.within is None and not (
                -length <= place.at and place.at + place.size <= (length if place.at >= 0 else 0)):
            raise node.error(f"{field.name} does not lie within the {length} bytes of the reply "
                             "('at' counts from 0)")


def load_period(keys: dict[str, Node]) -> float | None:
    """Seconds, or None for never."""
    if "period" not in keys:
        return DEFAULT_PERIOD
    at = keys["period"]
    if not at.is_number and not at.is_mapping and not at.is_list and at.node.value == "never":
        return None
    return at.seconds("a number of seconds, or never", LEAST_PERIOD)


def load_feed(node: Node, keys: dict[str, Node], feeds: list[str]) -> str:
    """Where it is published."""
    if "feed" in keys:
        return keys["feed"].choice(feeds)
    if len(feeds) > 1:
        raise node.error(f"the key 'feed' is missing; it must be one of {', '.join(feeds)}")
    return feeds[0]


def _one_way(node: Node, keys: dict[str, Node]) -> None:
    if "split" in keys and "regex" in keys:
        raise keys["regex"].error("a reply is read by 'split' or by 'regex', not by both")
    if "max_length" in keys and "regex" not in keys:
        raise keys["max_length"].error("is only for queries with 'regex'")
    if "fields" not in keys:
        raise node.error("the key 'fields' is missing: what does the reply contain?")


def load_messages(section: Node, context: Context, feeds: list[str],
                  queries: dict[str, Query]) -> dict[str, Message]:
    """The section ``messages``."""
    messages: dict[str, Message] = {}
    seen = {field.name: query.name for query in queries.values() for field in query.fields}
    for name, node in section.named("messages").items():
        keys = node.mapping(names("message"), required("message"))
        check_name(name, node, "a message")
        if name in queries or len(messages) > MAX_ENTRIES:
            raise node.at_key().error(f"there is a query called {name!r}, too")
        _one_way(node, keys)
        query = Query(name, (), load_fields(keys, context), None, load_feed(node, keys, feeds))
        remember(query, keys, seen)
        messages[name] = Message(name, context.pattern(keys["match"]), query, context.checksum
                                 if context.sums_replies else None)
    return messages
