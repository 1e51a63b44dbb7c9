"""A FastAPI service."""

from fastapi import FastAPI

app = FastAPI(title="stock")


@app.get("/")
def root() -> dict[str, str]:
    return {"version": "one"}
