"""From YAML to what the simulated device answers. What the description cannot read is refused."""

from __future__ import annotations

from dataclasses import replace

from .context import Context
from .errors import BadReply, did_you_mean
from .load_steps import load_template
from .model import Description, Message, Query
from .nodes import Node

#: What `Description.answers` calls the answer to the identity query.
IDENTIFY = "identify"
#: ... and the answer to a message on connect that is read but not compared.
ON_CONNECT = "on_connect"
#: ... and what is said to whoever connects.
GREETING = "greeting"


def load_answers(section: Node, description: Description, context: Context
                 ) -> dict[str, tuple[bytes, ...]]:
    """The section ``simulate``. An answer that the description cannot read is an error."""
    if description.modbus is not None:
        return _register_answers(section, description)
    known = dict(description.queries)
    known.update({name: message.query for name, message in description.messages.items()})
    if description.identify is not None:
        known[IDENTIFY] = description.identify
    if description.on_connect:
        known[ON_CONNECT] = Query(ON_CONNECT, description.on_connect, (), None, "")
    answers: dict[str, tuple[bytes, ...]] = {}
    for name, node in section.named("queries").items():
        if name == GREETING and description.greeting is not None:
            answers[name] = (load_template(node, context, reply=True).fill({}),)
            continue
        if name not in known:
            raise node.at_key().error(f"there is no query {name!r}"
                                      f"{did_you_mean(name, list(known))}; "
                                      f"there are {', '.join(known)}")
        items = node.items("answers") if node.is_list else [node]
        if not items:
            raise node.error("is an empty list; leave it out for an answer made from the fields")
        answers[name] = tuple(_answer(item, known[name], context, description.messages.get(name))
                              for item in items)
    return answers


def _answer(node: Node, query: Query, context: Context, message: Message | None) -> bytes:
    """An answer as it comes, with its checksum; one that stands without gets it."""
    reply = load_template(node, replace(context, values={}), reply=True).fill({})
    checksum = message.checksum if message is not None else query.steps[-1].checksum
    if checksum is not None:
        try:
            checksum.strip(reply)
        except BadReply as exc:
            if checksum.stands_in(reply):
                raise node.error(str(exc)) from None
            reply = checksum.add(reply)
    try:
        if message is not None:
            said = message.take(reply)
            if said is None:
                raise ValueError(f"it does not match {message.pattern.text!r}")
        else:
            said = query.steps[-1].check(reply, {}, query.name)
    except ValueError as exc:
        raise node.error(str(exc)) from None
    for error in query.parse(said)[1].values():
        raise node.error(f"the description cannot read this answer: {error}")
    return reply


def _register_answers(section: Node, description: Description) -> dict[str, tuple[bytes, ...]]:
    """The values of registers, by field."""
    fields = {field.name: field for query in description.queries.values()
              for field in query.fields}
    answers: dict[str, tuple[bytes, ...]] = {}
    for name, node in section.named("fields").items():
        if name not in fields:
            raise node.at_key().error(f"there is no field {name!r}"
                                      f"{did_you_mean(name, list(fields))}")
        labels = fields[name].labels
        if labels is None:
            text = repr(node.number("a number"))
        elif node.is_number:
            text = repr(node.whole("a value", -2 ** 63, 2 ** 64))
        else:
            text = node.choice(list(labels.values()))
        answers[name] = (text.encode(),)
    return answers
