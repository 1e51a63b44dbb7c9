"""A migration: it brings the schema to its release, and knows no later one.

``job.json`` beside it says how: "" works, "fails" ends with 3, "hangs" never ends.
"""

import json
import sys
import time
from pathlib import Path

SCHEMA = Path("/data/schema")
here = Path(__file__).parent
release = int(json.loads((here / "settings.json").read_text())["release"])
how = json.loads((here / "job.json").read_text())
schema = int(SCHEMA.read_text()) if SCHEMA.exists() else 0
print(f"the schema is {schema}, this is release {release}", flush=True)
with SCHEMA.with_name("runs").open("a") as runs:
    runs.write(f"{release}\n")
if schema > release:
    sys.exit(f"Can't locate revision {schema}")
if how == "fails":
    print("relation orders exists", flush=True)
    sys.exit(3)
while how == "hangs":
    time.sleep(0.1)
SCHEMA.write_text(str(release))
