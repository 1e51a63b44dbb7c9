"""A FastAPI service as people begin one."""

from fastapi import FastAPI

app = FastAPI()


@app.get("/")
def root() -> dict[str, str]:
    return {"version": "one"}
