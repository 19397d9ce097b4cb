"""Servers that the tools start: Firn and redis-server, each on a free port, in a directory of its
own, ended by its process id.

FIRN_SERVER and FIRN_DUMP name other executables than those of the release build; without them
the release build is brought up to date first."""

import os
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

from .resp import Connection, Disconnected, ReplyError

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD_PACKAGES = ["liblmdb-dev", "liblzf-dev", "libxxhash-dev", "libjemalloc-dev", "pkg-config"]


def prepare(*packages, dump=False):
    """Installs what is missing and builds what is needed. Returns the paths of the executables
    firn-server and, if asked for, firn-dump."""
    wanted = {"FIRN_SERVER": "firn-server"}
    if dump:
        wanted["FIRN_DUMP"] = "firn-dump"
    missing = [product for name, product in wanted.items() if name not in os.environ]
    needed = list(packages) + (BUILD_PACKAGES if missing else [])
    if needed:
        subprocess.run([ROOT / "tools" / "install-packages", *needed], check=True)
    folder = None
    if missing:
        for product in missing:
            subprocess.run(
                ["swift", "build", "-c", "release", "--product", product],
                cwd=ROOT, check=True, stdout=sys.stderr)
        folder = pathlib.Path(subprocess.run(
            ["swift", "build", "-c", "release", "--show-bin-path"],
            cwd=ROOT, check=True, capture_output=True, text=True).stdout.strip())
    paths = [os.environ.get(name) or folder / product for name, product in wanted.items()]
    return paths if dump else paths[0]


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


class Scratch:
    """A directory for a run's data, removed when the run ends."""

    def __init__(self, parent=None, keep=False):
        self.path = pathlib.Path(tempfile.mkdtemp(prefix="firn-", dir=parent))
        self.keep = keep

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if not self.keep:
            shutil.rmtree(self.path, ignore_errors=True)

    def folder(self, name):
        path = self.path / name
        path.mkdir()
        return path


class Server:
    """A server on a directory; may be started again after it has ended."""

    def __init__(self, name, executable, directory, options=None, core=None, wrapper=()):
        """`core`: of the system's, or several as taskset names them; `wrapper`: words in front of the
        command line, such as a control group's."""
        self.name = name
        self.executable = executable
        self.directory = pathlib.Path(directory)
        self.options = dict(options or {})
        self.core = core
        self.wrapper = list(wrapper)
        self.port = free_port()
        self.process = None

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGCONT)
            self.kill()

    def start(self, **more):
        """Starts and waits for the first reply; returns self, with `startSeconds` set."""
        self.options.update(more)
        arguments = [self.executable, "--port", str(self.port), "--dir", str(self.directory)]
        for name, value in self.options.items():
            words = value if isinstance(value, (list, tuple)) else [value]
            arguments += ["--" + name.replace("_", "-"), *map(str, words)]
        if self.core is not None:
            arguments = ["taskset", "-c", str(self.core), *arguments]
        arguments = [*self.wrapper, *arguments]
        begun = time.monotonic()
        with open(self.directory / "server.out", "ab") as out:
            self.process = subprocess.Popen(arguments, stdout=out, stderr=out)
        self.wait_for_reply()
        self.start_seconds = time.monotonic() - begun
        return self

    def wait_for_reply(self, seconds=120):
        """Returns at the first reply to PING that is not "still loading"."""
        deadline = time.monotonic() + seconds
        while True:
            try:
                with Connection(self.port, timeout=seconds) as connection:
                    if connection.call("PING") == b"PONG":
                        return
            except (OSError, Disconnected):
                pass
            except ReplyError as error:
                if not str(error).startswith("LOADING"):
                    raise SystemExit(f"{self.name} answers PING with {error}") from error
            if self.process.poll() is not None:
                raise SystemExit(f"{self.name} did not start:\n{self.output()}")
            if time.monotonic() > deadline:
                raise SystemExit(f"{self.name} does not answer:\n{self.output()}")
            time.sleep(0.001)

    def whole_output(self):
        return (self.directory / "server.out").read_text(errors="replace")

    def output(self):
        return self.whole_output()[-4000:]

    def connect(self, **options):
        return Connection(self.port, **options)

    def stop(self, seconds=120):
        """A clean shutdown; returns how long it took."""
        begun = time.monotonic()
        self.process.terminate()
        status = self.process.wait(seconds)
        if status not in (0, -signal.SIGTERM):
            raise SystemExit(f"{self.name} ended with status {status}:\n{self.output()}")
        return time.monotonic() - begun

    def kill(self):
        """SIGKILL."""
        self.process.kill()
        self.process.wait()

    def pause(self):
        """Stops the process where it is, so that another can be measured alone."""
        self.process.send_signal(signal.SIGSTOP)

    def resume(self):
        self.process.send_signal(signal.SIGCONT)

    def info(self, section):
        """The fields of a section of INFO, as text."""
        with self.connect() as connection:
            text = connection.call("INFO", section).decode()
        return dict(line.split(":", 1) for line in text.splitlines() if ":" in line)

    def cpu_seconds(self):
        """What the process has used of its cores so far."""
        fields = open(f"/proc/{self.process.pid}/stat").read().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def settle(self):
        """Waits until what a server does beside requests (rewriting, checkpoints, merging) is over,
        so that it is charged to nobody's next round: a stopped redis-server's child would go on and
        take the core from the other, Firn's threads would stop and go on in its next round."""
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            before = self.cpu_seconds()
            time.sleep(0.4)
            if self.cpu_seconds() - before <= 0.02 \
                    and self.info("persistence")["aof_rewrite_in_progress"] == "0":
                return

    def resident(self):
        """Resident bytes: (anonymous, mapped files)."""
        sizes = {"RssAnon": 0, "RssFile": 0}
        for line in open(f"/proc/{self.process.pid}/status"):
            name, _, value = line.partition(":")
            if name in sizes:
                sizes[name] = int(value.split()[0]) * 1024
        return sizes["RssAnon"], sizes["RssFile"]
