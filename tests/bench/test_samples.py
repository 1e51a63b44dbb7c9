from __future__ import annotations

from wbbench.proxy import Request
from wbbench.samples import Sample, count, summarize


def test_medians_leave_out_what_failed() -> None:
    runs = [Sample("code", "from", "max", n, seconds=s) for n, s in enumerate((3.0, 1.0, 8.0), 1)]
    failed = Sample("code", "from", "max", 4, error="it broke\nat length")
    (summary,) = summarize([*runs, failed])
    assert summary.seconds == 3.0
    assert len(summary.good) == 3
    assert summary.error == ""


def test_what_always_failed_says_why_in_one_line() -> None:
    (summary,) = summarize([Sample("code", "from", "max", 1, error="it broke\nat length")])
    assert summary.error == "it broke"


def test_samples_are_grouped_by_scenario_shape_and_way() -> None:
    runs = [Sample("code", shape, way, 1) for shape in ("from", "copy") for way in ("a", "b")]
    assert len(summarize(runs + runs)) == 4


def test_bytes_of_the_base_image_are_counted_apart() -> None:
    seen = [
        Request("GET", "/v2/", 200, 2, 0),
        Request("GET", "/v2/base/python/blobs/sha256:1", 200, 1000, 0),
        Request("GET", "/v2/bench/app/manifests/deps", 200, 30, 0),
        Request("PATCH", "/v2/bench/app/blobs/uploads/1", 202, 0, 500),
    ]
    assert count(seen, "base/python") == {
        "down": 32,
        "base_down": 1000,
        "up": 500,
        "requests": 4,
        "kinds": {"GET blobs": 1, "GET manifests": 1, "GET ping": 1, "PATCH blobs": 1},
    }
