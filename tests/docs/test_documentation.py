"""The pages: built without a warning, nothing public is missing, no link leads nowhere."""

import io
import itertools
import re
import subprocess
import sys
from html.parser import HTMLParser
from urllib.parse import unquote, urlsplit

import pytest
from docs_pages import DOCS, PAGES, ROOT

import socs_tcp
import socs_tcp.description
import socs_tcp.testing


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """The folder with the built pages, and what Sphinx said."""
    folder = tmp_path_factory.mktemp("docs")
    done = subprocess.run(
        [sys.executable, "-m", "sphinx", "-n", "-q", "--keep-going", "-d", str(folder / "trees"),
         str(DOCS), str(folder / "html")], capture_output=True, text=True, timeout=280, check=False)
    assert done.returncode == 0, done.stderr
    return folder / "html", done.stderr


@pytest.mark.timeout(300)
def test_no_warnings(built):
    assert built[1].strip() == ""


def inventory(folder):
    from sphinx.util.inventory import InventoryFile
    with (folder / "objects.inv").open("rb") as file:
        loaded = InventoryFile.load(file, "", lambda base, uri: uri)
    return {name for kind, names in loaded.items() if kind.startswith("py:") for name in names}


@pytest.mark.parametrize("module", [socs_tcp, socs_tcp.testing], ids=lambda m: m.__name__)
def test_every_public_name_is_in_the_reference(built, module):
    known = inventory(built[0])
    assert [n for n in module.__all__ if f"{module.__name__}.{n}" not in known] == []


class Links(HTMLParser):
    """The anchors of a page, and where it leads."""

    def __init__(self, path):
        super().__init__()
        self.ids, self.links = set(), []
        self.feed(path.read_text())

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        self.ids.add(attrs.get("id"))
        self.links += [attrs[key] for key in ("href", "src") if attrs.get(key)]


def test_no_link_leads_nowhere(built):
    folder = built[0]
    pages = {path: Links(path) for path in folder.rglob("*.html")}
    broken = []
    for path, page in pages.items():
        for link in page.links:
            parts = urlsplit(link)
            if parts.scheme or parts.netloc:
                continue
            target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            if not target.exists() or (parts.fragment and target in pages \
                    and unquote(parts.fragment) not in pages[target].ids):
                broken.append((path.name, link))
    assert broken == []
    assert len(pages) > 15


def test_every_page_is_in_the_menu(built):
    index = (built[0] / "index.html").read_text()
    assert [p.stem for p in PAGES if p.parent == DOCS and p.stem not in (
        "index",) and f'href="{p.stem}.html"' not in index] == []


def test_no_path_of_this_machine(built):
    found = [path.name for path in built[0].rglob("*.html") if str(ROOT) in path.read_text()]
    assert found == []


def test_no_page_has_what_the_theme_shows_already(built):
    """The theme puts a red box around tables of contents inside a page."""
    found = [path.name for path in built[0].rglob("*.html")
             if 'class="contents' in path.read_text()]
    assert found == []


def test_the_first_page_tells_what_the_readme_tells(built):
    page = (built[0] / "index.html").read_text()
    text = (ROOT / "README.rst").read_text()
    titles = [title for title, line in itertools.pairwise(text.splitlines())
              if line and set(line) == {"-"}]
    places = [page.index(f"<h2>{title}<") for title in titles]
    assert len(places) == 5 and places == sorted(places)
    assert "_images/outage-timeline.svg" in page and "more red is better" in page


def test_the_readme_is_good_where_it_is_published():
    from docutils.core import publish_string
    warnings = io.StringIO()
    publish_string((ROOT / "README.rst").read_text(), source_path=str(ROOT / "README.rst"),
                   writer="html5", settings_overrides={"warning_stream": warnings})
    assert warnings.getvalue() == ""


def test_every_example_can_be_downloaded(built):
    offered = {path.name for path in (built[0] / "_downloads").rglob("*") if path.is_file()}
    examples = {path.name for path in (DOCS / "examples").rglob("*")
                if path.suffix in (".py", ".yaml", ".json")}
    assert examples - offered == set()


def test_the_reference_shows_types_and_the_source(built):
    page = (built[0] / "reference.html").read_text()
    assert '<span class="n"><span class="pre">timeout</span></span><span class="p">' in page
    assert "_modules/socs_tcp/blocking/interface.html" in page


def test_a_block_of_code_can_be_copied(built):
    assert "copybutton.js" in (built[0] / "start.html").read_text()


#: What readers stumbled over, and its brothers.
ODD = re.compile("|".join([
    r"\banew\b", "belongs into", "to be had", "at hand, so", "tells of", r"stands? in\b",
    r"stands? (under|no|one|below)\b", "one client only", "Of a kind", r"for ever\b",
    "unless given", "Once a command"]))


@pytest.mark.parametrize("page", [page for page in PAGES if page.stem not in ("design",)],
                         ids=lambda page: page.stem)
def test_nobody_stumbles_over_old_acquaintances(page):
    text = " ".join(page.read_text().split())
    assert [text[max(0, m.start() - 40):m.end() + 40] for m in ODD.finditer(text)] == []
