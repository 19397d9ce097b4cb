"""Redis's own test suite: the Debian source package `redis`, unpacked once under .build, and one
run of one of its units against a server that is already there.

The suite is changed in one line only: it loads conformance.tcl, which reports what happens."""

import glob
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time

from .servers import ROOT

FOLDER = ROOT / ".build" / "conformance"
HOOK = "if {$::client} {\n"


class NoSuite(Exception):
    """The source package is not to be had."""


def unpacked():
    """The suite's directory; fetches and unpacks the source package if that is not done yet."""
    ready = FOLDER / "ready"
    if ready.exists():
        return FOLDER / ready.read_text().strip()
    needed = ["tcl8.6", "dpkg-dev", "redis-server", "redis-tools"]
    if subprocess.run([ROOT / "tools" / "install-packages", *needed]).returncode:
        raise NoSuite("cannot install " + " ".join(needed))
    FOLDER.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="unpack-", dir=FOLDER) as scratch:
        fetch(scratch)
        source = next(iter(glob.glob(f"{scratch}/redis-*/runtest")), None)
        if source is None:
            raise NoSuite("the source package redis has no runtest in it")
        source = pathlib.Path(source).parent
        tailor(source)
        place = FOLDER / source.name
        shutil.rmtree(place, ignore_errors=True)
        source.rename(place)
    ready.write_text(place.name)
    return place


def fetch(folder):
    """`apt-get source redis` in a folder, with source packages enabled if they are not."""
    # apt drops its privileges to download, and warns where it may not write as that user.
    command = ["apt-get", "source", "-q", "-o", "APT::Sandbox::User=root", "redis"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    if done.returncode:
        enable_source_packages()
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    if done.returncode:
        raise NoSuite(
            "cannot get the Debian source package redis, which holds the test suite. It is needed "
            "once, and a network for it. apt-get source redis says:\n" + done.stderr.strip())


def enable_source_packages():
    """Adds deb-src to the sources of Debian itself, and reads the lists anew."""
    root = [] if os.geteuid() == 0 else ["sudo"]
    for path in glob.glob("/etc/apt/sources.list.d/*.sources"):
        text = pathlib.Path(path).read_text()
        if "debian.org" in text and "deb-src" not in text:
            edit = [*root, "sed", "-i", r"s/^Types: *deb *$/Types: deb deb-src/", path]
            subprocess.run(edit, check=True)
    old = pathlib.Path("/etc/apt/sources.list")
    if old.exists() and re.search(r"(?m)^deb .*debian\.org", text := old.read_text()):
        if not re.search(r"(?m)^deb-src ", text):
            edit = [*root, "sed", "-i", r"/^deb .*debian\.org/{p;s/^deb /deb-src /}", str(old)]
            subprocess.run(edit, check=True)
    subprocess.run([*root, "apt-get", "update", "-q"], check=False, stdout=sys.stderr)


def tailor(source):
    """Makes the suite load conformance.tcl, and find the programs that it expects beside it."""
    helper = source / "tests" / "test_helper.tcl"
    text = helper.read_text()
    if text.count(HOOK) != 1:
        raise NoSuite("tests/test_helper.tcl is not as tools/conformance expects it")
    helper.write_text(text.replace(HOOK, "source $::env(FIRN_CONFORMANCE_TCL)\n" + HOOK))
    for name in ("redis-cli", "redis-benchmark", "redis-server"):
        program = shutil.which(name)
        if program:
            (source / "src" / name).symlink_to(program)


def end_group(group):
    """Ends the suite and all that it started: they are a process group of their own."""
    try:
        os.killpg(group, signal.SIGKILL)
    except ProcessLookupError:
        pass


class UnitRun:
    """What came of one unit: `passed`, `failed` (name to text), `skipped` (name to reason),
    `trouble` (a text, if the unit did not come to its end)."""

    def __init__(self):
        self.passed, self.failed, self.skipped = set(), {}, {}
        self.trouble = None
        self.seconds = 0.0
        self.durations = {}

    def take(self, report, status, timed_out, seconds_max):
        running = None
        ended = False
        for line in report.splitlines():
            kind, name, text = (line + "  ").split(" ")[:3]
            name = bytes.fromhex(name).decode(errors="replace").replace("\n", " ")
            text = bytes.fromhex(text).decode(errors="replace")
            if kind == "testing":
                running = name
            elif kind == "ok":
                self.passed.add(name)
                self.durations[name] = int(text)
            elif kind == "err":
                self.failed[name] = text
            elif kind in ("skip", "ignore"):
                self.skipped[name] = text
            elif kind == "exception" and not ended:
                self.trouble = f"the suite gave up during {running!r}:\n{text}"
            elif kind == "done":
                ended = True
        self.passed -= self.failed.keys()
        if timed_out:
            self.trouble = f"not done after {seconds_max} s, during {running!r}"
        elif not ended and not self.trouble:
            self.trouble = f"the suite ended with status {status} during {running!r}"


def run_unit(suite, unit, port, log, seconds_max, skips=(), denied=(), only=()):
    """Runs one unit against the server on `port`; the suite's output goes to the file `log`.
    `skips` are names of tests and `denied` their tags, both with the reasons."""
    run = UnitRun()
    with tempfile.TemporaryDirectory(prefix="firn-conformance-") as scratch:
        report = pathlib.Path(scratch) / "report"
        report.touch()
        skip_file = pathlib.Path(scratch) / "skip"
        skip_file.write_text("\n".join(skips) + "\n")
        command = [
            "./runtest", "--host", "127.0.0.1", "--port", str(port), "--single", unit,
            "--durable", "--clients", "1", "--timeout", str(seconds_max + 60),
            "--tags", " ".join("-" + tag for tag in denied),
            "--skipfile", str(skip_file)]
        for name in only:
            command += ["--only", name]
        environment = {
            **os.environ, "TERM": "dumb", "FIRN_CONFORMANCE_REPORT": str(report),
            "FIRN_CONFORMANCE_TCL": str(ROOT / "tools" / "support" / "conformance.tcl")}
        begun = time.monotonic()
        with open(log, "wb") as out:
            process = subprocess.Popen(
                command, cwd=suite, env=environment, stdin=subprocess.DEVNULL, stdout=out,
                stderr=out, start_new_session=True)
            timed_out = False
            try:
                process.wait(seconds_max)
            except subprocess.TimeoutExpired:
                timed_out = True
            finally:
                end_group(process.pid)
            status = process.wait()
        run.seconds = time.monotonic() - begun
        run.take(report.read_text(), status, timed_out, seconds_max)
    for name, reason in run.skipped.items():
        tag = re.fullmatch(r"Tag: (\S+) denied", reason)
        if tag and tag[1] in denied:
            run.skipped[name] = f"{tag[1]}: {denied[tag[1]]}"
    return run
