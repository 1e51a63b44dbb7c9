"""The web service: readings in, a summary per station out."""

from datetime import UTC, datetime
from threading import Lock

import pandas as pd
from fastapi import FastAPI, HTTPException
from pydantic import BaseModel, Field

from app import RELEASE


class Reading(BaseModel):
    """One report of a station: pieces made and pieces rejected since its last report."""

    station: str = Field(min_length=1, max_length=40)
    made: int = Field(ge=0)
    rejected: int = Field(ge=0)


app = FastAPI(title="production-control", version=RELEASE)
_readings: list[dict[str, object]] = []
_lock = Lock()


@app.get("/healthz")
def healthz() -> dict[str, str]:
    """Answer the container's health check."""
    return {"status": "ok", "release": RELEASE}


@app.post("/readings", status_code=201)
def report(reading: Reading) -> dict[str, str]:
    """Take in one reading."""
    if reading.rejected > reading.made:
        raise HTTPException(422, "more pieces rejected than made")
    at = datetime.now(UTC).isoformat()
    with _lock:
        _readings.append({**reading.model_dump(), "at": at})
    return {"station": reading.station, "at": at}


@app.get("/summary")
def summary() -> list[dict[str, object]]:
    """Pieces, rejects and yield (0 to 1) per station."""
    with _lock:
        frame = pd.DataFrame(_readings, columns=["station", "made", "rejected", "at"])
    if frame.empty:
        return []
    totals = frame.groupby("station", as_index=False)[["made", "rejected"]].sum()
    made = totals["made"].where(totals["made"] > 0)
    totals["yield"] = (1 - totals["rejected"] / made).fillna(1.0).round(4)
    return totals.to_dict(orient="records")
