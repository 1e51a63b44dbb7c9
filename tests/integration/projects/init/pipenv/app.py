"""A Flask service in one file."""

from flask import Flask

app = Flask(__name__)


@app.get("/")
def root() -> dict[str, str]:
    return {"version": "one"}
