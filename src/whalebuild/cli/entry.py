"""The console script, which is docker's plugin where it is called ``docker-whale``.

https://docs.docker.com/engine/extend/cli_plugins/; ``cli-plugins/metadata`` and
``cli-plugins/manager`` of docker/cli. Docker asks every plugin what it is whenever it lists them,
so that answer imports nothing else.
"""

from __future__ import annotations

import os
import sys

from whalebuild import __version__

#: The name of the program in docker's folder of plugins, and the word after ``docker``.
PLUGIN, WORD = "docker-whale", "whale"
_ASKS = "docker-cli-plugin-metadata"
_COMPLETES = "__complete"
_METADATA = {
    "SchemaVersion": "0.1.0",
    "Vendor": "whalebuild",
    "Version": __version__,
    "ShortDescription": "Publish dependencies and code as two tags",
}


def main() -> None:
    """Run the command line."""
    if sys.argv[0].rpartition("/")[2] != PLUGIN:
        from whalebuild.cli.run import main as run

        run()
    elif sys.argv[1:2] == [_ASKS]:
        import json

        sys.stdout.write(json.dumps(_METADATA) + "\n")
    else:
        _run_as_plugin()


def _run_as_plugin() -> None:
    from whalebuild.cli.plugin_call import WrongCallError, read_call
    from whalebuild.cli.plugin_signal import stop_with_docker
    from whalebuild.cli.run import main as run

    # Docker's own completion hands on what its user has typed so far: ``newPluginCommand`` of
    # cli-plugins/manager/cobra.go.
    if sys.argv[1:3] == [_COMPLETES, WORD]:
        del sys.argv[2]
        run(f"docker {WORD}")
        return
    try:
        call = read_call(sys.argv[1:])
    except WrongCallError as wrong:
        sys.stderr.write(f"error: {wrong}\n")
        sys.exit(2)
    for name, value in call.variables.items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value
    sys.argv[1:] = call.words
    stop_with_docker(os.environ)
    run(f"docker {WORD}")
