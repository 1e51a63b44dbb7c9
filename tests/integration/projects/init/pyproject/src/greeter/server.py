"""A Bottle service that a console script starts."""

from bottle import route, run


@route("/")
def root() -> dict[str, str]:
    return {"version": "one"}


def main() -> None:
    run(host="0.0.0.0", port=8000)
