from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.errors import outcome
from whalebuild.errors import UsageError
from whalebuild.settings import (
    KEYS,
    Layer,
    Settings,
    layer_from_environment,
    layer_from_flags,
    layer_from_table,
    resolve,
)

FILE = "whalebuild.toml"


def test_without_layers_the_defaults_hold() -> None:
    settings = resolve([])
    assert (settings.deps_stage, settings.progress, settings.platform) == (
        "dependencies",
        "auto",
        (),
    )
    assert {settings.origin(key) for key in KEYS} == {"default"}


def test_every_key_can_be_set_in_every_place_and_says_where_it_came_from() -> None:
    table = {
        "image": "ghcr.io/acme/web",
        "file": ["a.hcl", "b.hcl"],
        "deps-stage": "builder",
        "app-base": "before:COPY . .",
        "scope": "pr-7",
        "base": "follow",
        "platform": ["linux/amd64"],
        "builder": "ci",
        "allow": "fs.read=/x",
        "progress": "plain",
        "retry-attempts": 3,
        "retry-deadline": 9,
        "strict-cache": True,
        "if-unchanged": True,
        "deploy-timeout": 60,
        "deploy-grace": 0.5,
        "start-first-volumes": ["media", "/srv/shared"],
        "keep": 9,
        "hosts": ["ssh://deploy@a", "b"],
        "prune": False,
        "state-dir": "/var/lib/whalebuild",
    }
    assert set(table) == set(KEYS)
    texts = {k: ",".join(v) if isinstance(v, list) else str(v) for k, v in table.items()}
    environment = {KEYS[key].variable: text for key, text in texts.items()}
    flags = {k: tuple(v) if isinstance(v, list) else v for k, v in table.items()}
    from_file = resolve([layer_from_table(table, FILE)])
    from_environment = resolve([layer_from_environment(environment)])
    from_flags = resolve([layer_from_flags(flags)])
    for key in KEYS:
        assert from_file.value(key) == from_environment.value(key) == from_flags.value(key), key
        origins = [s.origin(key) for s in (from_file, from_environment, from_flags)]
        flag = {"deploy-timeout": "timeout", "deploy-grace": "grace", "hosts": "host"}.get(key, key)
        assert origins == [FILE, f"WHALEBUILD_{key.replace('-', '_').upper()}", f"--{flag}"]
    assert from_file.file == ("a.hcl", "b.hcl")
    assert from_file.allow == ("fs.read=/x",)
    assert from_file.retry_deadline == 9.0


@pytest.mark.parametrize(
    ("text", "value"), [("1", True), ("true", True), ("TRUE", True), ("0", False), ("false", False)]
)
def test_switches_in_variables(text: str, value: bool) -> None:
    environment = {"WHALEBUILD_STRICT_CACHE": text}
    assert resolve([layer_from_environment(environment)]).strict_cache is value


@pytest.mark.parametrize("text", ["yes please", "2"])
def test_a_switch_is_true_or_false(text: str) -> None:
    with pytest.raises(UsageError, match="WHALEBUILD_IF_UNCHANGED: expected true or false"):
        layer_from_environment({"WHALEBUILD_IF_UNCHANGED": text})


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ({"image": 5}, f"{FILE}: image: expected a text, found 5"),
        ({"image": ""}, f"{FILE}: image: expected a text, found ''"),
        ({"deps-stage": ["x"]}, f"{FILE}: deps-stage: expected a text, found ['x']"),
        ({"file": [1]}, f"{FILE}: file: expected a list of texts, found [1]"),
        ({"platform": {"a": 1}}, f"{FILE}: platform: expected a list of texts, found {{'a': 1}}"),
        (
            {"retry-attempts": 0},
            f"{FILE}: retry-attempts: expected a whole number of at least 1, found 0",
        ),
        (
            {"retry-attempts": True},
            f"{FILE}: retry-attempts: expected a whole number of at least 1, found True",
        ),
        (
            {"retry-attempts": 1.5},
            f"{FILE}: retry-attempts: expected a whole number of at least 1, found 1.5",
        ),
        (
            {"deploy-timeout": 0},
            f"{FILE}: deploy-timeout: expected a number of seconds of more than 0, found 0",
        ),
        (
            {"retry-deadline": -1},
            f"{FILE}: retry-deadline: expected a number of seconds, found -1",
        ),
        (
            {"retry-deadline": float("nan")},
            f"{FILE}: retry-deadline: expected a number of seconds, found nan",
        ),
        ({"progress": "fancy"}, f'{FILE}: progress: "fancy" is not a progress mode'),
        ({"platform": "linux/amd46"}, f'"linux/amd46" is not a platform ({FILE}: platform)'),
        ({"image": "Bad Name"}, f'"Bad Name" is not an image reference ({FILE}: image)'),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_an_ill_typed_setting_names_file_key_and_what_was_found(
    table: dict[str, object], message: str
) -> None:
    with pytest.raises(UsageError) as caught:
        layer_from_table(table, FILE)
    assert caught.value.what == message


def test_a_deadline_too_large_for_a_float_is_ill_typed_too() -> None:
    with pytest.raises(UsageError, match="retry-deadline"):
        layer_from_table({"retry-deadline": 10**400}, FILE)


@pytest.mark.parametrize(
    ("key", "guess"), [("deps_stage", "deps-stage"), ("plattform", "platform"), ("qqq", None)]
)
def test_an_unknown_setting_gets_a_guess_and_the_list(key: str, guess: str | None) -> None:
    with pytest.raises(UsageError) as caught:
        layer_from_table({key: 1}, FILE)
    assert caught.value.what == f'{FILE}: unknown setting "{key}"'
    assert caught.value.cause == (f'did you mean "{guess}"?' if guess else None)
    assert "deps-stage" in str(caught.value.next_step)


@pytest.mark.parametrize(
    ("variable", "text", "message"),
    [
        (
            "WHALEBUILD_RETRY_ATTEMPTS",
            "many",
            "expected a whole number of at least 1, found 'many'",
        ),
        ("WHALEBUILD_RETRY_ATTEMPTS", "9" * 5000, "expected a whole number of at least 1"),
        ("WHALEBUILD_RETRY_DEADLINE", "soon", "expected a number of seconds, found 'soon'"),
        ("WHALEBUILD_RETRY_DEADLINE", "inf", "expected a number of seconds"),
        ("WHALEBUILD_PROGRESS", "x", "is not a progress mode"),
    ],
    ids=["text", "digits", "seconds", "infinite", "progress"],
)
def test_an_ill_typed_variable_is_named(variable: str, text: str, message: str) -> None:
    with pytest.raises(UsageError) as caught:
        layer_from_environment({variable: text})
    assert f"environment variable {variable}" in caught.value.what
    assert message in caught.value.what


def test_lists_in_variables_are_separated_by_commas() -> None:
    layer = layer_from_environment({"WHALEBUILD_FILE": "a.hcl, b.hcl,"})
    assert resolve([layer]).file == ("a.hcl", "b.hcl")


def test_an_empty_variable_counts_as_not_set() -> None:
    assert layer_from_environment({"WHALEBUILD_IMAGE": ""}) == Layer({})


def test_an_unknown_variable_is_a_warning_with_a_guess() -> None:
    layer = layer_from_environment({"WHALEBUILD_IMGAE": "x", "HOME": "/x"})
    assert layer.values == {}
    assert layer.warnings == (
        'environment variable WHALEBUILD_IMGAE is not a setting; did you mean "WHALEBUILD_IMAGE"?',
    )


@pytest.mark.parametrize("variable", ["WHALEBUILD_SANDBOX", "WHALEBUILD_SANDBOX_REGISTRY"])
def test_variables_of_the_sandbox_are_its_own_affair(variable: str) -> None:
    assert layer_from_environment({variable: "x"}) == Layer({})


def test_flags_that_were_not_given_set_nothing() -> None:
    assert layer_from_flags({"image": None, "file": ()}) == Layer({})


def test_an_ill_typed_flag_is_named() -> None:
    with pytest.raises(UsageError, match=r"--retry-attempts: expected .* found 0"):
        layer_from_flags({"retry-attempts": 0})


builders = st.lists(st.none() | st.text(alphabet="abc", min_size=1, max_size=3), max_size=4)


@given(builders)
def test_a_later_layer_wins_and_silence_keeps_the_earlier(values: list[str | None]) -> None:
    layers = [Layer({"builder": (v, f"layer {n}")} if v else {}) for n, v in enumerate(values)]
    settings = resolve(layers)
    said = [(v, f"layer {n}") for n, v in enumerate(values) if v]
    assert (settings.builder, settings.origin("builder")) == (said or [(None, "default")])[-1]


toml = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=5,
)


@given(st.dictionaries(st.sampled_from([*KEYS]) | st.text(), toml, max_size=3))
def test_any_table_is_a_layer_or_a_usage_error(table: dict[str, object]) -> None:
    made = outcome(lambda: resolve([layer_from_table(table, FILE)]))
    assert FILE in made.what if isinstance(made, UsageError) else isinstance(made, Settings)


@given(st.dictionaries(st.sampled_from([k.variable for k in KEYS.values()]), st.text()))
def test_any_environment_is_a_layer_or_a_usage_error(environment: dict[str, str]) -> None:
    made = outcome(lambda: layer_from_environment(environment))
    said = "environment variable WHALEBUILD_"
    assert said in made.what if isinstance(made, UsageError) else isinstance(made, Layer)


def test_a_target_has_settings_of_its_own() -> None:
    table = {
        "deps-stage": "builder",
        "targets": {"api": {"deps-stage": "wheels"}, "web": {"app-base": "before:COPY . ."}},
    }
    settings = resolve([layer_from_table(table, FILE)])
    api, web, other = (settings.of_target(name) for name in ("api", "web", "other"))
    assert [each.deps_stage for each in (api, web, other)] == ["wheels", "builder", "builder"]
    assert [each.app_base for each in (api, web, other)] == [None, "before:COPY . .", None]
    assert (web.origin("app-base"), other.origin("app-base")) == (FILE, "default")


def test_a_flag_goes_before_what_the_file_has_for_a_target() -> None:
    table = {"targets": {"api": {"deps-stage": "wheels", "app-base": "before:COPY . ."}}}
    flags = layer_from_flags({"deps-stage": "builder"})
    api = resolve([layer_from_table(table, FILE), flags]).of_target("api")
    assert (api.deps_stage, api.origin("deps-stage")) == ("builder", "--deps-stage")
    assert api.app_base == "before:COPY . ."


@pytest.mark.parametrize(
    ("targets", "what"),
    [
        ("api", "whalebuild.toml: targets: expected a table, found 'api'"),
        ({"api": "x"}, "whalebuild.toml: targets.api: expected a table, found 'x'"),
        ({"api": {"image": "x"}}, 'whalebuild.toml: targets.api: unknown setting "image"'),
        ({"api": {"app-base": 5}}, "whalebuild.toml: targets.api: app-base: expected a text"),
    ],
)
def test_what_is_wrong_in_a_targets_table_is_named(targets: object, what: str) -> None:
    with pytest.raises(UsageError) as caught:
        layer_from_table({"targets": targets}, FILE)
    assert caught.value.what.startswith(what)


def test_the_progress_of_buildx_s_variable_is_ours() -> None:
    layer = layer_from_environment({"BUILDKIT_PROGRESS": "plain"})
    settings = resolve([Layer({"progress": ("quiet", "whalebuild.toml")}), layer])
    assert (settings.progress, settings.origin("progress")) == ("plain", "BUILDKIT_PROGRESS")
    own = {"BUILDKIT_PROGRESS": "plain", "WHALEBUILD_PROGRESS": "tty"}
    assert resolve([layer_from_environment(own)]).progress == "tty"
    for nothing in ("", "tty"):
        assert layer_from_environment({"BUILDKIT_PROGRESS": nothing}).values == {}
    strange = layer_from_environment({"BUILDKIT_PROGRESS": "nope"})
    assert strange.values == {}
    assert "BUILDKIT_PROGRESS=nope is no progress mode" in strange.warnings[0]


def test_a_setting_for_all_is_no_target_s() -> None:
    with pytest.raises(UsageError) as caught:
        layer_from_table({"targets": {"api": {"platform": "linux/amd64"}}}, "whalebuild.toml")
    assert "holds for all targets" in str(caught.value.cause)
