"""Write the reference of the description language, and its JSON Schema, from the table of keys.

    python docs/make_keys.py
"""

import json
from pathlib import Path

from socs_tcp.description.schema import reference, schema

ROOT = Path(__file__).resolve().parents[1]
REFERENCE = ROOT / "docs" / "description_keys.inc"
SCHEMA = ROOT / "socs_tcp" / "description" / "schema.json"


def texts():
    """What each file is to hold, by its path."""
    made = ".. Made by docs/make_keys.py from socs_tcp/description/keys.py.\n\n"
    return {REFERENCE: made + reference(), SCHEMA: json.dumps(schema(), indent=1) + "\n"}


if __name__ == "__main__":
    for path, text in texts().items():
        path.write_text(text)
