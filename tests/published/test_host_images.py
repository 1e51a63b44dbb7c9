from __future__ import annotations

from whalebuild.oci.reference import Reference, parse_reference
from whalebuild.published.host_images import (
    HostImage,
    RunningImage,
    named,
    read_container,
    read_image,
    running,
)
from whalebuild.published.kept import kept_name


def ref(text: str) -> Reference:
    return parse_reference(text, where="test")


def image(number: int, *tags: str, digests: tuple[str, ...] = ()) -> HostImage:
    return HostImage(
        f"sha256:{number}", tuple(map(ref, tags)), tuple(map(ref, digests)), "linux/amd64"
    )


DIGEST = f"sha256:{'a' * 64}"


def test_an_inspected_image() -> None:
    inspected = {
        "Id": "sha256:1",
        "RepoTags": ["acme/web:latest", "<none>:<none>"],
        "RepoDigests": [f"acme/web@{DIGEST}"],
        "Os": "linux",
        "Architecture": "arm64",
        "Variant": "v8",
        "RootFS": {"Type": "layers", "Layers": ["sha256:x"]},
    }
    read = read_image(inspected)
    assert read == HostImage(
        "sha256:1",
        (ref("acme/web:latest"),),
        (ref(f"acme/web@{DIGEST}"),),
        "linux/arm64",
        ("sha256:x",),
    )
    assert read.digest_in("docker.io/acme/web") == DIGEST
    assert read.digest_in("acme/other") == "sha256:1"
    assert read.name_in("acme/web") == ref("acme/web:latest")
    assert read_image({"Id": "sha256:2", "RepoTags": None, "RootFS": {}}) == HostImage("sha256:2")
    assert read_image({}) is None


def test_the_name_by_which_an_image_is_kept_is_none_of_its_own() -> None:
    kept = kept_name(DIGEST)
    read = read_image(
        {
            "Id": "sha256:1",
            "RepoTags": [str(kept)],
            "RepoDigests": [f"whalebuild-kept@{DIGEST}"],
        }
    )
    assert read == HostImage("sha256:1", kept=(kept,))
    assert read.repositories == frozenset()
    assert read.stands_for(DIGEST)
    assert read.stands_for("sha256:1")
    assert not read.stands_for(f"sha256:{'b' * 64}")
    assert image(2, digests=(f"acme/web@{DIGEST}",)).stands_for(DIGEST)


def test_a_pull_by_digest_leaves_no_tag() -> None:
    by_digest = f"acme/web@{DIGEST}"
    read = read_image({"Id": DIGEST, "RepoTags": [by_digest], "RepoDigests": [by_digest]})
    assert read == HostImage(DIGEST, (), (ref(by_digest),))
    assert read.name_in("acme/web") is None
    assert read.digest_in("acme/web") == DIGEST


def test_the_list_of_images_names_a_digest_among_the_tags_alone() -> None:
    """As Docker 28 with the containerd image store lists an image that was pulled by its digest."""
    by_digest, kept = f"acme/web@{DIGEST}", kept_name(DIGEST)
    listed = {
        "Id": DIGEST,
        "RepoTags": [by_digest, str(kept)],
        "RepoDigests": [f"whalebuild-kept@{DIGEST}"],
        "Size": 7,
    }
    assert read_image(listed) == HostImage(DIGEST, (), (ref(by_digest),), kept=(kept,), size=7)


def test_an_inspected_container() -> None:
    read = read_container({"Image": "sha256:1", "Config": {"Image": "acme/web"}})
    assert read == RunningImage("sha256:1", ref("acme/web"))
    # An image was named by its ID.
    assert read_container({"Image": "sha256:1", "Config": {"Image": DIGEST}}) == RunningImage(
        "sha256:1", None
    )
    assert read_container({"Config": {}}) is None


def test_the_name_itself_counts_and_else_the_repository() -> None:
    images = [image(1, "r.test/web:v1"), image(2, "r.test/web:latest"), image(3, "r.test/other")]
    assert named(images, ref("r.test/web")) == (images[1],)
    assert named(images, ref("r.test/web:v1")) == (images[0],)
    assert named(images, ref("r.test/web:v3")) == tuple(images[:2])
    assert named(images, ref("r.test/none")) == ()
    hub = image(4, "acme/web:latest")
    assert named([hub], ref("docker.io/acme/web")) == (hub,)


def test_an_image_that_lost_its_name_still_runs() -> None:
    lost, current, other = image(1), image(2, "r.test/web:latest"), image(3, "r.test/other:latest")
    images = [lost, current, other]
    old = RunningImage("sha256:1", ref("r.test/web:latest"))
    assert running(images, [old], "r.test/web") == (lost,)
    by_id = RunningImage("sha256:2", None)
    assert running(images, [by_id, RunningImage("sha256:3", None)], "r.test/web") == (current,)
    assert running(images, [], "r.test/web") == ()
