"""How Sphinx makes the pages; ``python3 run.py docs`` runs it."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

import socs_tcp  # this checkout, whatever is installed

project = "socs_tcp"
author = "the socs_tcp developers"
project_copyright = author
release = version = socs_tcp.__version__

extensions = ["sphinx.ext.autodoc", "sphinx.ext.napoleon"]
exclude_patterns = ["_build", "examples"]
html_theme = "furo"
html_title = f"socs_tcp {release}"
html_static_path = ["_static"]
html_css_files = ["pages.css"]
html_copy_source = False
pygments_style = "friendly"

autodoc_member_order = "bysource"
autodoc_typehints = "none"          # the docstrings say it in words
napoleon_google_docstring = False
napoleon_use_rtype = False
#: `name` in a docstring is a link where there is something to link to.
default_role = "py:obj"

# `sphinx-build -n` complains of links that lead nowhere. Words such as "callable" in
# docstrings are none; what is ours by its full name must be there.
nitpick_ignore_regex = [(r"py:.*", r"(?!~?socs_tcp\.).*"),
                        (r"py:obj", r".*")]
