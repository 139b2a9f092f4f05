"""What scrc prints of itself: manual pages, and completion for shells."""

import os
import pty
import re
import select
import shutil
import subprocess
import time

import pytest

from harness import SCRC_BIN

COMMANDS = ("submit", "grade")


def printed(*words):
    return subprocess.run([SCRC_BIN, *words], check=True, capture_output=True, text=True, timeout=60).stdout


def options_of(*command):
    """Every option that its --help lists."""
    return re.findall(r"^ +(?:-\w, )?(--[a-z-]+)", printed(*command, "--help"), re.M)


@pytest.mark.parametrize("section", ("1", "8"))
def test_manual_page_has_no_warnings(tmp_path, section):
    page = tmp_path / f"scrc.{section}"
    page.write_text(printed("--man", section))
    lint = subprocess.run(["mandoc", "-Tlint", "-Wwarning", page], capture_output=True, text=True)
    assert (lint.returncode, lint.stdout, lint.stderr) == (0, "", "")


def rendered(tmp_path, section):
    page = tmp_path / f"scrc.{section}"
    page.write_text(printed("--man", section))
    text = subprocess.run(["mandoc", "-Tascii", page], check=True, capture_output=True, text=True).stdout
    return re.sub(r".\x08", "", text)


def test_manual_pages_have_every_option_and_setting(tmp_path):
    commands, server = rendered(tmp_path, "1"), rendered(tmp_path, "8")
    for command in COMMANDS:
        options = options_of(command)
        assert "--tests" in options
        part = commands.split(f"SCRC {command}\n")[1].split("\nSCRC ")[0].split("\nTESTS\n")[0]
        for option in options:
            assert option in ("--help", "--usage") or re.search(rf"^ +{option}\b", part, re.M), (command, option)
    settings = re.findall(r"^  ([A-Z][A-Z_]+)  ", printed("--help"), re.M)
    assert "MAX_TESTS" in settings and len(settings) > 60
    for name in settings:
        assert re.search(rf"^ +{name}\b", server, re.M), name
    assert "--check" in server and "--man" not in server, "what is hidden is in no page"


def test_a_page_that_is_not_there():
    for words, says in ((("--man", "2"), "there are the sections 1 and 8"),
                        (("--completion", "tcsh"), "there is bash, zsh and fish")):
        p = subprocess.run([SCRC_BIN, *words], capture_output=True, text=True)
        assert p.returncode == 2 and says in p.stderr and p.stdout == ""


def completed(script, *words):
    """What bash offers for the last of these words."""
    run = f'. {script}\nCOMP_WORDS=(scrc "$@") COMP_CWORD=$#\n_scrc\nprintf "%s\\n" "${{COMPREPLY[@]}}"'
    p = subprocess.run(["bash", "--norc", "-c", run, "bash", *words], check=True, capture_output=True, text=True,
                       cwd=script.parent)
    assert p.stderr == "", p.stderr
    return sorted(p.stdout.split())


def test_bash_completes_from_the_tables(tmp_path):
    script = tmp_path / "completion"
    script.write_text(printed("--completion", "bash"))
    (tmp_path / "sum.py").touch()
    subprocess.run(["bash", "-n", script], check=True)
    if shutil.which("shellcheck"):
        subprocess.run(["shellcheck", "-s", "bash", script], check=True)
    assert completed(script, "") == ["grade", "submit"]
    assert completed(script, "s") == ["submit"]
    assert completed(script, "--ch") == ["--check"]
    for command in COMMANDS:
        wanted = [o for o in options_of(command) if o != "--usage"]
        assert completed(script, command, "--") == sorted(wanted)
    assert completed(script, "submit", "--checker", "to") == ["tokens"]
    assert completed(script, "submit", "--checker", "=", "to") == ["tokens"], "bash splits --checker=to so"
    assert completed(script, "submit", "--checker", "=") == ["exact", "float", "lines", "none", "tokens"]
    assert completed(script, "submit", "su") == ["sum.py"]
    assert completed(script, "submit", "--tests", "su") == ["sum.py"]
    assert completed(script, "submit", "--id", "su") == []


def test_bash_completes_what_is_typed(tmp_path):
    """A shell on a terminal, and the Tab key."""
    script = tmp_path / "completion"
    script.write_text(printed("--completion", "bash"))
    pid, fd = pty.fork()
    if pid == 0:
        os.execvpe("bash", ["bash", "--norc", "--noprofile", "-i"], {**os.environ, "PS1": "ready> ", "TERM": "dumb"})
    seen = b""

    def until(text):
        nonlocal seen
        end = time.monotonic() + 60
        while text not in seen:
            assert time.monotonic() < end, seen
            if select.select([fd], [], [], 1)[0]:
                seen += os.read(fd, 4096)
        seen = seen[seen.index(text) + len(text):]
    until(b"ready> ")
    os.write(fd, f". {script}\n".encode())
    until(b"ready> ")
    os.write(fd, b"scrc sub\t--checker=tok\t")
    until(b"scrc submit --checker=tokens ")
    os.kill(pid, 9)
    os.waitpid(pid, 0)
    os.close(fd)


@pytest.mark.parametrize("shell", ("zsh", "fish"))
def test_other_shells_can_read_theirs(tmp_path, shell):
    script = tmp_path / "completion"
    text = printed("--completion", shell)
    script.write_text(text)
    for command in COMMANDS:
        for option in options_of(command):
            assert option in ("--help", "--usage") or re.search(rf"(--|-l ){option[2:]}\b", text), (shell, option)
    if not shutil.which(shell):
        pytest.skip(f"there is no {shell} to read it")
    p = subprocess.run([shell, "-n", script], capture_output=True, text=True)
    assert (p.returncode, p.stderr) == (0, "")


def test_fish_offers_what_fits(tmp_path):
    if not shutil.which("fish"):
        pytest.skip("there is no fish")
    script = tmp_path / "completion.fish"
    script.write_text(printed("--completion", "fish"))

    def offers(line):
        p = subprocess.run(["fish", "--no-config", "-c", f"source {script}; complete -C '{line}'"], check=True,
                           capture_output=True, text=True, env={**os.environ, "HOME": str(tmp_path)})
        return [row.split("\t")[0] for row in p.stdout.splitlines()]
    assert offers("scrc su") == ["submit"]
    assert offers("scrc submit --checker to") == ["tokens"]
    assert "--csv" in offers("scrc grade --c") and "--csv" not in offers("scrc submit --c")
