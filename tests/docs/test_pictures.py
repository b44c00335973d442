"""Pictures that are drawn from the code are those of the code as it is."""

import importlib.util
import xml.etree.ElementTree as ET

import pytest
from docs_pages import DOCS

SPEC = importlib.util.spec_from_file_location("make_pictures", DOCS / "make_pictures.py")
make_pictures = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(make_pictures)


@pytest.mark.parametrize("path", make_pictures.FILES, ids=lambda path: path.name)
def test_it_is_up_to_date(path):
    assert path.read_text() == make_pictures.FILES[path](), "run: python docs/make_pictures.py"


@pytest.mark.parametrize("path", sorted((DOCS / "img").glob("*.svg")), ids=lambda path: path.name)
def test_it_is_a_picture_that_scales(path):
    assert ET.parse(path).getroot().get("viewBox")


def test_what_the_demonstration_says_is_understood():
    said = """\
 25.5 s  3/4 late answers
 34.4 s      socs_tcp   degraded = True 1.06 s after the fault
 38.4 s      socs_tcp   degraded = False 5.11 s after the fault
late answers
    socs_tcp         1.06 s             0.06 s                       0
    original         1.19 s             2.2 s INTO the fault         4
"""
    (scene,) = make_pictures.read_demo(said)
    assert scene["agents"] == {
        "original": {"changes": [], "wrong": 4},
        "socs_tcp": {"changes": [[1.06, True], [5.11, False]], "wrong": 0}}


def test_the_screenshots_are_those_that_the_command_takes():
    spec = importlib.util.spec_from_file_location("make_screens", DOCS / "make_screens.py")
    make_screens = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(make_screens)
    commands = {f"screen-{name}.svg" for name in make_screens.SCREENS}
    pages = {f"screen-page-{name}.png" for name in make_screens.PAGES}
    assert {path.name for path in (DOCS / "img").glob("screen-*")} == commands | pages
    for page, names in (("command_line", commands), ("contributing", pages)):
        text = (DOCS / f"{page}.rst").read_text()
        assert all(f"img/{name}" in text for name in names)
