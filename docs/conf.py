"""How Sphinx makes the pages; ``python3 run.py docs`` runs it."""

import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

import socs_tcp  # this checkout, whatever is installed

project = "socs_tcp"
author = "the socs_tcp developers"
project_copyright = author
release = version = socs_tcp.__version__

extensions = ["sphinx.ext.autodoc", "sphinx.ext.napoleon", "sphinx.ext.viewcode",
              "sphinx_copybutton", "sphinxarg.ext"]
exclude_patterns = ["_build", "examples"]
html_theme = "furo"
html_title = f"socs_tcp {release}"
html_static_path = ["_static"]
html_css_files = ["pages.css"]
html_copy_source = False
pygments_style = "friendly"

autodoc_member_order = "bysource"
autodoc_typehints = "signature"
python_maximum_signature_line_length = 80
python_use_unqualified_type_names = True

#: The copy button leaves out the prompt and the output.
copybutton_prompt_text = "$ "
copybutton_only_copy_prompt_lines = True

# Links to the names of others need their sites. A build here needs no network; Read the Docs
# has one, and so has who sets this variable.
if os.environ.get("READTHEDOCS") == "True":
    extensions.append("sphinx.ext.intersphinx")
    intersphinx_mapping = {"python": ("https://docs.python.org/3", None),
                           "twisted": ("https://docs.twisted.org/en/stable/api", None),
                           "ocs": ("https://ocs.readthedocs.io/en/main", None)}
    intersphinx_timeout = 10
napoleon_google_docstring = False
napoleon_use_rtype = False
#: `name` in a docstring is a link where there is something to link to.
default_role = "py:obj"

# `sphinx-build -n` complains of links that lead nowhere. Words such as "callable" in
# docstrings are none; what is ours by its full name must be there.
nitpick_ignore_regex = [(r"py:.*", r"(?!~?socs_tcp\.).*"),
                        # in signatures: the types of parts that are not public
                        (r"py:class", r"socs_tcp\.\w+\.\w+\..*"),
                        (r"py:obj", r".*")]
