"""Names of fields follow OCS' own rules, which are asked here."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ocs.ocs_feed import Feed

from socs_tcp.description import DescriptionError, loads
from socs_tcp.description.load_queries import check_name
from socs_tcp.description.nodes import compose

ANYWHERE = compose("x", "f.yaml")


def allowed_here(name):
    try:
        check_name(name, ANYWHERE, "a field")
    except DescriptionError:
        return False
    return True


def allowed_by_ocs(name):
    try:
        return Feed.verify_data_field_string(name)
    except ValueError:
        return False


@given(st.one_of(st.text(max_size=6), st.from_regex(r"[_a-zA-Z0-9 .-]{1,8}", fullmatch=True),
                 st.integers(250, 260).map(lambda n: "a" * n)))
def test_what_we_let_pass_ocs_takes(name):
    if allowed_here(name):
        assert allowed_by_ocs(name)
    elif name not in ("time", "feed") and name.strip("_"):        # OCS forgot about "___"
        assert not allowed_by_ocs(name)


@pytest.mark.parametrize("name", ["time", "feed"])
def test_names_that_would_hide_every_point_from_influxdb(name):
    with pytest.raises(DescriptionError, match=f"f.yaml:3: queries.q.fields.{name}: '{name}' "
                                               "cannot name a field: InfluxDB"):
        loads("device: x\nframing: {length: 1}\n"
              f"queries: {{q: {{send: X, fields: {{{name}: {{}}}}}}}}\n", "f.yaml")


@pytest.mark.parametrize("name", ["T", "_x9", "Channel_01_T"])
def test_usual_names(name):
    assert allowed_here(name)


def test_names_made_by_repeat_are_checked_too():
    with pytest.raises(DescriptionError, match=r"f.yaml:6: queries.q_\{ch\}: 'q_A B' cannot name"):
        loads("device: x\nframing: {length: 1}\n\nqueries:\n\n  q_{ch}:\n    send: X\n"
              "    repeat: {ch: [A B]}\n    fields:\n      T_{ch}: {}\n", "f.yaml")
