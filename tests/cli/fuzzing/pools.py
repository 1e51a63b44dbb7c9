"""Words that a user, a script or an accident may give; ``REG`` is a registry that answers."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

DIGEST = f"sha256:{'a' * 64}"
#: What no option expects; none has a zero byte, which no command line can have.
ODD = (
    *("", " ", "-", "--", "=", "x=", "=x", ",", ",,", ".", "..", "/", "*", "?", "[", "]", "{", "}"),
    *("\n", "a\nb", "\t", "'", '"', "$HOME", "${X", "%{", "`id`", "\\", "~", "#", "a b", ":", "@"),
    *("null", "none", "true", "0", "-1", "1e999", "nan", "ünïcödé", "日本", "\u202e", "\udcff"),
    *("\x1b[31m", "x" * 5000, "../" * 300, "/" * 3000, "a:b:c", "http://", "https://u:p@x/y?z=1"),
)


@dataclass(frozen=True)
class Pool:
    """Values of one kind: some that are fine, and some that look like them."""

    good: tuple[str, ...]
    bad: tuple[str, ...] = ()

    def pick(self, random: Random, wild: float) -> str:
        """One of them: a bad or an odd one with a probability of ``wild``."""
        if random.random() >= wild:
            return random.choice(self.good)
        return random.choice(random.choice((self.bad or ODD, ODD)))


NUMBERS = Pool(
    ("1", "2", "3"),
    (
        *("0", "-1", "+1", "01", "1.5", "1e1", "nan", "inf", "-inf", "0x10", "1_0", "\uff11"),
        *("99999999999999999999999999999999", " 1", "one", "9" * 5000),
    ),
)
SECONDS = Pool(
    ("0", "0.1", "0.5"), ("-1", "nan", "inf", "1e-320", "99999999999999999999", "one", "1,5")
)
IMAGES = Pool(
    (
        *("REG/web", "REG/web:latest", "REG/web:deps", f"REG/web@{DIGEST}", "REG/web:nosuch"),
        *("REG/empty/x", "REG/denied/x", "REG/broken/x", "REG/garbage/x", "REG/null/x"),
        *("REG/list/x", "REG/odd/x", "127.0.0.1:1/web"),
    ),
    (
        *("REG/web:v1@sha256:zz", "Bad Name", "x/Y", "http://REG/web", "REG//web", "REG/"),
        *("127.0.0.1:99999/web", "[::1]:1/web", "localhost:x/web", "a" * 300),
    ),
)
HOST_IMAGES = Pool((*IMAGES.good, "local", "running"), IMAGES.bad)
TAGS = Pool((*IMAGES.good, "v1", "v2"), IMAGES.bad)
FILES = Pool(
    ("docker-bake.hcl", "docker-bake.json", "compose.yaml", "part.json", "other.json"),
    ("missing", "folder", "garbage.bin", "/dev/null", "/", "-", "no/such/folder/file", "/dev/full"),
)
PLATFORMS = Pool(
    ("linux/amd64", "linux/arm64", "linux/arm/v7", "linux/amd64,linux/arm64", "local", "amd64"),
    ("linux", "windows/amd64", "a/b/c/d", "linux/", "LINUX/AMD64", "linux/amd64,"),
)
ASSIGNMENTS = Pool(
    (
        *("app.args.A=1", "*.tags=REG/web:x", "app.output=type=local,dest=out", "*.call=check"),
        *("app.output=../out", "*.platform=linux/arm64", "app.secrets=id=t,src=/etc/x", "A=b"),
        *("app.cache-to=type=local,dest=/x", "*.no-cache=maybe"),
    ),
    ("x.y", "A=", "a.b.c.d=e", "[.x=y", "app.context"),
)
TARGETS = Pool(
    ("app", "deps", "default", "other"), ("nosuch", "a*", "https://x/y.git", "-x", "app-deps")
)
ALLOWED = Pool(
    ("fs=*", "fs.read=..", "fs.write=/", "network.host", "ssh", "device", "device=x"),
    ("foo", "fs=", "fs.read"),
)
NAMES = Pool(("web", "shop", "auto", "default", "farm", "db"), ("UPPER", "a.b", "a/b", "9x"))
TEXTS = Pool(("main", "feature/x", "dependencies", "final"), ("no such", "a..b", "é"))
FORMATS = Pool(("text", "json", "json", "json"), ("JSON", "xml"))
PROGRESS = Pool(("auto", "tty", "plain", "rawjson", "quiet"), ("fancy",))
BASES = Pool(("pin", "follow"), ("other",))
ORDERS = Pool(("start-first", "stop-first"), ("both",))
DRIVERS = Pool(("docker", "docker-container", "remote", "kubernetes"), ("other",))
NODES = Pool(("tcp://a:1", "tcp://a:1=linux/arm64", "unix:///x", "default"), ("tcp://", "a=b=c"))
SWITCHES = Pool(("true", "false"), ("1", "yes", "2"))
PARTS = Pool(("part.json", "other.json"), FILES.bad)
