"""A Flask service with an application factory."""

from flask import Flask


def create_app() -> Flask:
    app = Flask(__name__)

    @app.get("/")
    def root() -> dict[str, str]:
        return {"version": "one"}

    return app
