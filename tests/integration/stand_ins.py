"""An image that stands in for all public ones, which cannot be pulled here.

It has a shell, a few commands, and one script under the names of package managers, compilers and
the like. That writes small files where later instructions expect them, the same ones each time.
"""

from __future__ import annotations

from pathlib import Path

from tests.integration.sandbox import REPOSITORIES, Sandbox

REPOSITORY = f"{REPOSITORIES}/stand-in"
#: What a step that runs one of the names writes to the console.
RUNS = "now running"
_COMMANDS = "sh cat chmod chown cp install ln ls mkdir mv rm sed touch"
_NAMES = (
    "pip python poetry uv npm yarn pnpm corepack bun composer bundle go cargo jar dotnet make"
    " apt-get apk docker-php-ext-install update-app useradd adduser groupadd addgroup"
)
# As Debian's: links from / into /usr, folders with modes and owners of their own.
_DOCKERFILE = f"""\
FROM {{base}} AS all
COPY stand-in /out/usr/local/bin/stand-in
RUN cd /out \\
 && mkdir -p usr/bin usr/lib usr/lib64 usr/local/lib etc/nginx/conf.d etc/ssl/certs root srv opt \\
    home var/log var/lib var/www/html usr/share/nginx/html tmp usr/local/bundle \\
 && for each in bin lib lib64; do ln -s usr/$each $each; done \\
 && for each in {_COMMANDS}; do cp -L $(command -v $each) usr/bin/; done \\
 && for each in $(ldd usr/bin/* | grep -o '/[^ ]*\\.so[^ )]*' | sort -u); do \\
      mkdir -p .$(dirname $each) && cp -L $each .$each; done \\
 && for each in {_NAMES}; do ln -s stand-in usr/local/bin/$each; done \\
 && for each in uv uvx; do cp usr/local/bin/stand-in $each; done \\
 && cp usr/local/bin/stand-in usr/bin/composer && ln -s /usr/local/lib usr/local/lib64 \\
 && echo 'server {{ }}' > etc/nginx/conf.d/default.conf \\
 && echo certificates > etc/ssl/certs/ca-certificates.crt \\
 && chmod 1777 tmp && chmod 700 root && chmod 2775 var/log && chown 33:33 var/www var/www/html \\
 && printf '%s\\n' root:x:0:0:root:/root:/bin/sh www-data:x:33:33::/var/www:/bin/sh \\
    bun:x:1000:1000::/home/bun:/bin/sh > etc/passwd \\
 && printf '%s\\n' root:x:0: staff:x:50: www-data:x:33: bun:x:1000: > etc/group
FROM scratch
COPY --from=all /out /
ENV PATH=/usr/local/bin:/usr/bin:/bin APP_UID=1654
CMD ["sh"]
"""
_SCRIPT = f"""\
#!/bin/sh
set -eu
name=${{0##*/}}
echo "{RUNS} $name $*"

put() {{
  case $1 in */*) mkdir -p "${{1%/*}}" ;; esac
  echo "$2" > "$1"
}}

add() {{  # another line; -a of neither cat nor tee is here
  echo "$2" >> "$1"
}}

gid_of() {{
  while IFS=: read -r one _ gid _; do
    [ "$one" != "$1" ] || echo "$gid"
  done < /etc/group
}}

account() {{
  who='' id=1001 group='' home='' make=''
  while [ $# -gt 0 ]; do
    case $1 in
    -u | --uid) id=$2; shift ;;
    -g | --gid | -G) group=$2; shift ;;
    -d) home=$2; shift ;;
    -m | --create-home) make=yes ;;
    -*) ;;
    *) who=$1 ;;
    esac
    shift
  done
  case $name in
  group* | addgroup) add /etc/group "$who:x:${{group:-$id}}:" ;;
  *)
    gid=$([ -z "$group" ] || gid_of "$group")
    [ -n "$group" ] || add /etc/group "$who:x:$id:"
    add /etc/passwd "$who:x:$id:${{gid:-$id}}::${{home:=/home/$who}}:/bin/sh"
    [ -z "$make" ] || install -d -m 750 -o "$id" -g "${{gid:-$id}}" "$home"
    ;;
  esac
}}

packages=/usr/local/lib/site-packages output=out
case $0 in /venv/*) packages=/venv/lib/site-packages ;; esac
before=''
for word; do
  case $word in
  --target=*) packages=${{word#*=}} ;;
  --prefix=*) packages=${{word#*=}}/lib/site-packages ;;
  esac
  [ "$before" != -o ] || output=$word
  before=$word
done

case "$name $*" in
"pip install"*) put "$packages/installed.py" "$*" ;;
"python -m venv "*)
  mkdir -p "$3/bin"
  for each in pip python; do ln -s /usr/local/bin/stand-in "$3/bin/$each"; done
  ;;
"python -m compileall"*) put __pycache__/all.pyc compiled ;;
"python "*collectstatic*) put /static/app.css 'p {{}}' ;;
"uv sync"* | "poetry install"*)
  mkdir -p .venv/bin
  [ -h .venv/bin/python ] || ln -s /usr/local/bin/python .venv/bin/python
  last=${{3:-all}}
  put ".venv/lib/${{last#--}}.py" "$*"
  ;;
"npm ci"* | *"n install"* | "pnpm install"*) put node_modules/one/index.js "$*" ;;
*"npm run build"*)
  put dist/index.html "$(cat src/index.js index.js 2> /dev/null || true)"
  put .next/standalone/server.js 'serve()'
  put public/robots.txt '*'
  ;;
"composer install"*) put vendor/one/one.php '<?php' ;;
"composer dump-autoload"*) put vendor/autoload.php '<?php' ;;
"bundle install"*) put /usr/local/bundle/gems/one.rb 'module One end' ;;
"go mod download"*) put /go/pkg/mod/one.go 'package one' ;;
"go build"*) put "$output" "$(cat ./*.go)" && chmod 755 "$output" ;;
"cargo build"*) put target/release/app "$(cat src/main.rs)" && chmod 755 target/release/app ;;
"jar "*)
  put BOOT-INF/lib/one.jar PK
  put META-INF/MANIFEST.MF one
  put BOOT-INF/classes/App.class "$(cat ../src/App.java)"
  ;;
"dotnet publish"*) put "$output/app" "$(cat ./*.cs)" ;;
"make -C "*) put "$2/html/index.html" docs ;;
"useradd "* | "adduser "* | "groupadd "* | "addgroup "*) account "$@" ;;
*)
  mkdir -p /var/lib/packages
  add "/var/lib/packages/$name" "$*"
  ;;
esac
"""


def push_stand_in(sandbox: Sandbox, folder: Path) -> str:
    """Push the stand-in; its name.

    Args:
        folder: Where its files may be written.
    """
    image = f"{sandbox.registry}/{REPOSITORY}:1"
    (folder / "stand-in").write_text(_SCRIPT)
    (folder / "stand-in").chmod(0o755)
    (folder / "Dockerfile").write_text(_DOCKERFILE.replace("{base}", sandbox.python_image))
    words = ("--provenance=false", f"--output=type=image,name={image},push=true,store=false")
    sandbox.run("docker", "buildx", "build", *words, ".", cwd=folder, check=True)
    return image
