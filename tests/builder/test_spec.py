"""What a builder is to be made of."""

from __future__ import annotations

import pytest

from whalebuild.builder.spec import BuilderSpec, NodeSpec, make_spec, parse_node
from whalebuild.errors import UsageError

ARM64, AMD64 = "linux/arm64", "linux/amd64"
FAR, FARTHER = "tcp://far:1234", "tcp://farther:1234"
TLS = ("cacert=ca.pem", "cert=cert.pem", "key=key.pem")


@pytest.mark.parametrize(
    ("text", "node"),
    [
        (FAR, NodeSpec(FAR)),
        (f"{FAR}={ARM64}", NodeSpec(FAR, (ARM64,))),
        (f"{FAR}=linux/aarch64,linux/arm/v7", NodeSpec(FAR, (ARM64, "linux/arm/v7"))),
        ("unix:///run/x=y/sock=linux/amd64", NodeSpec("unix:///run/x=y/sock", (AMD64,))),
        (f"={ARM64}", NodeSpec("", (ARM64,))),
        (
            "kubernetes://?deployment=x&kubeconfig=/y",
            NodeSpec("kubernetes://?deployment=x&kubeconfig=/y"),
        ),
        (f"kubernetes://?deployment=x={ARM64}", NodeSpec("kubernetes://?deployment=x", (ARM64,))),
    ],
)
def test_an_endpoint_with_or_without_platforms(text: str, node: NodeSpec) -> None:
    assert parse_node(text) == node


def test_two_remote_nodes_become_two_commands() -> None:
    spec = make_spec("farm", "remote", [f"{FAR}={AMD64}", f"{FARTHER}={ARM64}"], TLS, None)
    options = [word for option in TLS for word in ("--driver-opt", option)]
    first = ["--name", "farm", "--driver", "remote"]
    assert spec.create_arguments(0) == [*first, *options, "--platform", AMD64, FAR]
    # Without a name of its own buildx would give it the first one's; with one, the first command
    # would change a builder that is there already.
    named = ["--append", "--node", "farm1"]
    assert spec.create_arguments(1) == [*first, *named, *options, "--platform", ARM64, FARTHER]


def test_a_container_needs_nothing() -> None:
    spec = make_spec(None, "docker-container", [], [], None)
    assert spec.create_arguments(0) == ["--name", "whalebuild", "--driver", "docker-container"]


def test_pods_for_one_architecture_are_placed_on_it() -> None:
    nodes = [f"={AMD64},linux/amd64/v2", f"={ARM64}"]
    spec = make_spec("k", "kubernetes", nodes, ["namespace=ci"], None)
    assert "nodeselector=kubernetes.io/arch=amd64" in spec.create_arguments(0)
    assert "nodeselector=kubernetes.io/arch=arm64" in spec.create_arguments(1)
    own = make_spec("k", "kubernetes", nodes, ["nodeselector=pool=build"], None)
    assert [w for w in own.create_arguments(1) if "nodeselector" in w] == [
        "nodeselector=pool=build"
    ]


def test_options_are_buildxs_csv() -> None:
    spec = make_spec("k", "kubernetes", [], ["replicas=2,rootless=true", '"tolerations=a,b"'], None)
    assert spec.options == (("replicas", "2"), ("rootless", "true"), ("tolerations", "a,b"))
    assert '"tolerations=a,b"' in spec.create_arguments(0)


def test_files_are_named_and_replaced_in_order() -> None:
    spec = make_spec("f", "remote", [FAR], [*TLS, "servername=x"], None)
    assert spec.files == (
        ("--driver-opt cacert", "ca.pem"),
        ("--driver-opt cert", "cert.pem"),
        ("--driver-opt key", "key.pem"),
    )
    assert dict(spec.with_files(["/1", "/2", "/3"]).options) == {
        "cacert": "/1",
        "cert": "/2",
        "key": "/3",
        "servername": "x",
    }
    config = BuilderSpec("c", config="b.toml")
    assert config.with_files(["/b.toml"]).create_arguments(0)[-2:] == [
        "--buildkitd-config",
        "/b.toml",
    ]


@pytest.mark.parametrize(
    ("name", "driver", "nodes", "options", "config", "what", "cause"),
    [
        ("f", "kuberntes", [], [], None, '"kuberntes" is not a driver', 'mean "kubernetes"?'),
        ("f", "docker", [], [], None, '"docker" is not a driver', "every docker context"),
        ("f", "remote", [], [], None, "a remote builder needs --node", ""),
        ("f", "remote", ["far:1234"], [], None, "not a BuildKit's address", "no scheme"),
        ("f", "remote", ["tpc://far:1234"], [], None, "not a BuildKit's address", '"tcp"?'),
        ("f", "remote", ["tcp://far"], [], None, "has no host and port", ""),
        ("f", "remote", [f"{FAR}=linux/amd46"], [], None, "is not a platform", "linux/amd64"),
        ("f", "remote", [f"{FAR}=amd64"], [], None, "is not a platform", "linux/amd64"),
        ("f", "remote", [f"{FAR}=local"], [], None, "names no platform", ""),
        ("f", "remote", [f"{FAR}="], [], None, "names no platform", ""),
        ("f", "remote", [FAR, FARTHER], [], None, "every --node but the first needs", ""),
        ("f", "remote", [f"{FAR}={ARM64}", f"{FARTHER}={ARM64}"], [], None, "two nodes", ""),
        ("f", "remote", [FAR], ["cert=x"], None, "needs its key", ""),
        ("f", "remote", [FAR], ["cert"], None, "is not an option (--driver-opt)", ""),
        ("f", "remote", [FAR], ["=x"], None, "is not an option (--driver-opt)", ""),
        ("f", "remote", [FAR], [], "b.toml", "--config is not for the driver remote", ""),
        ("1f", "remote", [FAR], [], None, '"1f" cannot be a builder\'s name', ""),
        ("auto", "remote", [FAR], [], None, '"auto" cannot be a builder\'s name', "of its own"),
        ("default", "remote", [FAR], [], None, '"default" cannot be a builder', "of its own"),
    ],
)
def test_what_cannot_be_made_says_why(
    name: str,
    driver: str,
    nodes: list[str],
    options: list[str],
    config: str | None,
    what: str,
    cause: str,
) -> None:
    with pytest.raises(UsageError) as caught:
        make_spec(name, driver, nodes, options, config)
    assert what in caught.value.what
    assert cause in str(caught.value.cause)
    assert caught.value.next_step
