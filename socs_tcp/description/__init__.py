"""The language in which a YAML file says what a device is. Pure: no socket, no OCS.

::

    from socs_tcp.description import load

    description = load("lakeshore372")            # or a file of your own
    values, errors = description.queries["still"].parse(b"+10.60")

See the page "Describing a device" of the documentation for every key.
"""

from .errors import DescriptionError, ParseError
from .fields import Field
from .loader import DEFAULT_FEED, IDENTIFY, LINK_FEED, find, load, loads, shipped
from .model import Description, FeedSpec, Parameter, Query
from .places import Value
from .steps import Ask, Step, script
from .template import Template

__all__ = [
    "DEFAULT_FEED",
    "IDENTIFY",
    "LINK_FEED",
    "Ask",
    "Description",
    "DescriptionError",
    "FeedSpec",
    "Field",
    "Parameter",
    "ParseError",
    "Query",
    "Step",
    "Template",
    "Value",
    "find",
    "load",
    "loads",
    "script",
    "shipped",
]
