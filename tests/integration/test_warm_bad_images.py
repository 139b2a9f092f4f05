"""Where what compilers need cannot be made, a language is ready with what there is, and the plain
commands do the rest: a full disk, images that lack something."""

import contextlib
import json
import os
import shutil
import subprocess
import urllib.parse
import uuid

import pytest

from engines import docker
from harness import IMAGES, LONG, submission, test, wait_for
from test_warm import BUILTIN, C, CPP, GO, NEEDED, WARM, languages, outcome, row

JAVA = {
    "adds": "class A { public static void main(String[] a) { System.out.print(1 + 2); } }",
    "not there": "class A { public static void main(String[] a) { System.out.print(b); } }",
}
# One that is right and one that does not compile.
TWO = {
    "c": (C["adds"], C["syntax"]),
    "cpp": (CPP["iostream second"].replace("+ 1", "+ 2"), CPP["a header is missing"]),
    "java": (JAVA["adds"], JAVA["not there"]),
    "go": (GO["prints"].replace("fmt.Fprint(w, a)", "fmt.Fprint(w, a[1])"), GO["not used"]),
}


def run(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def write_rows(directory, rows):
    """Rows for LANGUAGES_DIR, with the files that their recipes need; the value of LANGUAGES."""
    for name, made in rows.items():
        (directory / f"{name}.json").write_text(json.dumps(made))
        for file in made.get("cache_files", []) + made.get("run_cache_files", []):
            shutil.copy(os.path.join(BUILTIN, file), directory)
    return {"LANGUAGES_DIR": str(directory), "LANGUAGES": ",".join(rows), "BUILD_CACHE_BYTES": "0"}


def plain(name, **changes):
    return row(name, **{**dict.fromkeys(WARM), "compile_server": None, **NEEDED.get(name, {}), **changes})


def volumes(language, label="scrc.cache"):
    filters = urllib.parse.quote(json.dumps({"label": [f"{label}={language}"]}))
    return docker(f"/volumes?filters={filters}")["Volumes"] or []


def remove_volumes(*names):
    """Those of these languages, once nothing has them any more."""
    def removed():
        left = [v["Name"] for n in names for label in ("scrc.cache", "scrc.run_cache") for v in volumes(n, label)]
        return not left or subprocess.run(["docker", "volume", "rm", *left], capture_output=True).returncode == 0
    wait_for(removed, 30, f"volumes of {names} removed", pause=0.2)


@contextlib.contextmanager
def small_volume(server, language, label, size):
    """A disk of that size in place of the volume that the server would make; its directory. A process
    holds it, as another server would: what is on it stays, and so does the volume."""
    server.start()
    (volume,) = wait_for(lambda: volumes(language, label), 60, "its volume", pause=0.05)
    server.terminate()
    remove_volumes(language)
    run("docker", "volume", "create", "--label", f"{label}={language}", "-o", "type=tmpfs", "-o", "device=tmpfs",
        "-o", f"o=size={size}", volume["Name"])
    holder = run("docker", "run", "-d", "--network", "none", "-v", f"{volume['Name']}:/held", IMAGES["C_RUN_IMAGE"],
                 "sleep", "3600")
    try:
        yield volume["Mountpoint"]
    finally:
        if server.alive():
            server.terminate()
        run("docker", "rm", "-f", holder)
        remove_volumes(language)


FULL = [("c", "scrc.cache", "1m", "16m")]
if LONG:
    FULL += [("java", "scrc.run_cache", "1m", "64m"), ("cpp", "scrc.cache", "30m", "512m"), ("go", "scrc.cache", "15m", "1g")]


@pytest.mark.parametrize("base, label, size, enough", FULL, ids=["-".join(f[::2]) for f in FULL])
def test_a_full_disk(fresh_server, tmp_path, base, label, size, enough):
    """One warning, nothing half-made, and all of it at the next start with room."""
    name = f"full-{base}"
    server = fresh_server(**write_rows(tmp_path, {name: row(base)}))

    def judged():
        server.start().ready(200)
        says = languages(server)[name]["accelerator"]
        assert server.judge(submission(name, TWO[base][0], [test("", "3")]), 120)["verdict"] == "OK"
        return says.replace("resident compiler", ""), server.logged("language_not_prepared")

    with small_volume(server, name, label, size) as directory:
        says, (warning,) = judged()
        assert says == "" and "No space left on device" in warning
        assert not os.listdir(directory) and not server.logged("language_not_warm")
        server.terminate()
        run("mount", "-o", f"remount,size={enough}", directory)
        says, warnings = judged()
        assert says and not warnings and os.path.exists(os.path.join(directory, "scrc", "manifest"))


# Images that lack something: of which language, what is done to the image of this machine, and what is
# on with it.
LACKS = {
    "no-gold": ("c", "rm /usr/bin/*gold", "prelinked libraries"),
    "no-ar": ("c", "rm -f /usr/bin/ar /usr/bin/*-linux-gnu-ar", "gold"),
    "no-sums": ("c", "rm /usr/bin/b2sum /usr/bin/sha256sum", ""),
}
if LONG:
    LACKS |= {
        "no-ar-no-gold": ("c", "rm -f /usr/bin/ar /usr/bin/*-linux-gnu-ar /usr/bin/*gold", ""),
        "no-headers": ("cpp", r"""mv /usr/bin/g++ /usr/bin/real-g++
cat >/usr/bin/g++ <<'END'
#!/bin/sh
case $* in
*c++-header*stdc++.h.gch) exit 1 ;;
*c++-header*)
    for last; do :; done
    echo "of another version" >"$last"
    ;;
*) exec real-g++ "$@" ;;
esac
END
chmod 755 /usr/bin/g++""", "gold; prelinked libraries"),
        "no-classlist": ("java", 'rm "$(dirname "$(readlink -f /usr/bin/java)")/../lib/classlist"', "resident compiler"),
        "no-dump": ("java", r"""home=$(dirname "$(readlink -f /usr/bin/java)")
mv "$home/java" "$home/real-java"
printf '#!/bin/sh\ncase $* in *-Xshare:dump*) echo not here >&2; exit 1;; esac\nexec %s/real-java "$@"\n' "$home" >"$home/java"
chmod 755 "$home/java" """, "resident compiler"),
        "no-module": ("java", r"""home=$(dirname "$(readlink -f /usr/bin/java)")
mv "$home/java" "$home/real-java"
printf '#!/bin/sh\nexec %s/real-java --limit-modules java.base "$@"\n' "$home" >"$home/java"
chmod 755 "$home/java" """, ""),
        "no-list": ("go", r"""mv /usr/bin/go /usr/bin/real-go
printf '#!/bin/sh\n[ "$1" != list ] || exit 1\nexec real-go "$@"\n' >/usr/bin/go
chmod 755 /usr/bin/go""", ""),
    }


@contextlib.contextmanager
def changed_image(base, commands, *options):
    """An image made by these commands of a shell in another one; its name."""
    name = f"scrc-test/{uuid.uuid4().hex}"
    container = run("docker", "create", "--network", "none", *options, base, "sh", "-ec", commands)
    try:
        run("docker", "start", "-a", container)
        run("docker", "commit", container, name)
    finally:
        run("docker", "rm", "-f", container)
    try:
        yield name
    finally:
        wait_for(lambda: subprocess.run(["docker", "rmi", name], capture_output=True).returncode == 0, 30,
                 f"{name} removed", pause=0.2)


def image_of(base):
    return IMAGES[f"{base.upper()}_IMAGE"]


@pytest.fixture(scope="module")
def lacking(module_server, tmp_path_factory):
    """A server with a language for each of LACKS, and each plain one with the whole image."""
    with contextlib.ExitStack() as stack:
        rows = {f"plain-{base}": plain(base) for base in {base for base, *_ in LACKS.values()}}
        for name, (base, commands, _) in LACKS.items():
            image = stack.enter_context(changed_image(image_of(base), commands))
            rows[name] = row(base, image=image, **({"run_image": image} if base == "java" else {}))
        stack.callback(remove_volumes, *rows)
        server = module_server(RUNNER_CELL_USES="100", **write_rows(tmp_path_factory.mktemp("rows"), rows))
        stack.callback(server.close)
        yield server.start().ready(), languages(server)


@pytest.mark.parametrize("name", LACKS)
def test_an_image_that_lacks_something(lacking, name):
    server, by_name = lacking
    base, _, says = LACKS[name]
    assert by_name[name]["accelerator"] == says and not server.logged("language_not_warm")
    right, wrong = ([outcome(server.judge(submission(n, source, [test("", "3")]), 120)) for n in (name, f"plain-{base}")]
                    for source in TWO[base])
    assert right[0] == right[1] and right[0][0] == "OK"
    assert wrong[0] == wrong[1] and wrong[0][0] == "BF"
