"""A Bottle service in one file."""

from bottle import route, run


@route("/")
def root() -> dict[str, str]:
    return {"version": "one"}


if __name__ == "__main__":
    run(host="0.0.0.0", port=8000)
