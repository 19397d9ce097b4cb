"""Starting, ending, and what stops a start."""

import os
import signal
import subprocess
import time

import pytest
import redis

from conftest import BINARY, Server, command, free_port


def run(*arguments, **options):
    return subprocess.run(
        [BINARY, *arguments], capture_output=True, text=True, timeout=20, **options)


def test_version_and_help():
    for flag in ["--version", "-v"]:
        done = run(flag)
        assert done.returncode == 0 and "v=" in done.stdout
    for flag in ["--help", "-h"]:
        done = run(flag)
        assert done.returncode == 0 and "Usage" in done.stdout


def test_log_of_a_start(start):
    server = start(activedefrag="yes")
    server.client().ping()
    log = server.log()
    assert f"pid {server.process.pid}" in log
    assert "Memory budget" in log
    assert str(server.directory) in log
    # The socket takes connections a moment before the line is written.
    deadline = time.time() + 10
    while "Ready to accept connections" not in server.log():
        assert time.time() < deadline, server.log()
        time.sleep(0.01)
    assert "activedefrag" in log
    server.stop()
    assert "bye bye" in server.log()


def test_unknown_directive(tmp_path):
    done = run("--dir", str(tmp_path), "--no-such-directive", "1")
    assert done.returncode == 1
    assert "FATAL CONFIG FILE ERROR" in done.stderr
    assert "Bad directive or wrong number of arguments" in done.stderr


def test_missing_directory(tmp_path):
    done = run("--dir", str(tmp_path / "missing"))
    assert done.returncode == 1
    assert "No such file or directory" in done.stderr + done.stdout


def test_port_in_use(start, tmp_path):
    server = start()
    done = run("--port", str(server.port), "--dir", str(tmp_path))
    assert done.returncode == 1
    assert "Address already in use" in done.stdout
    assert server.client().ping()


def test_directory_in_use(start):
    server = start()
    done = run("--port", str(free_port()), "--dir", str(server.directory))
    assert done.returncode == 1
    assert f"in use by process {server.process.pid}" in done.stdout
    assert server.client().ping()


def test_configuration_file(tmp_path):
    port = free_port()
    file = tmp_path / "firn.conf"
    file.write_text(f"port {port}\ndir {tmp_path}\nmaxclients 77\nlogfile server.out\n")
    process = subprocess.Popen([BINARY, str(file), "--appendfsync", "always"])
    try:
        client = redis.Redis(port=port)
        deadline = time.time() + 10
        while True:
            try:
                client.ping()
                break
            except redis.ConnectionError:
                assert time.time() < deadline
                time.sleep(0.02)
        assert client.config_get("maxclients") == {"maxclients": "77"}
        assert client.config_get("appendfsync") == {"appendfsync": "always"}
        client.close()
        # The socket takes connections a moment before the line is written.
        while "Ready to accept" not in (tmp_path / "server.out").read_text():
            assert time.time() < deadline
            time.sleep(0.01)
    finally:
        process.terminate()
        assert process.wait(20) == 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_signals(start, number):
    server = start(appendfsync="no")
    client = server.client()
    client.set("kept", "1")
    assert server.stop(number) == 0
    server.start()
    assert server.client().get("kept") == b"1"


@pytest.mark.parametrize("words", [[], ["NOSAVE"], ["SAVE"], ["NOW"]])
def test_shutdown_command(start, words):
    server = start()
    client = server.client()
    client.set("kept", "1")
    raw = server.raw()
    raw.send(command("SHUTDOWN", *words))
    assert raw.rest() == b""
    assert server.wait() == 0
    server.start()
    assert server.client().get("kept") == b"1"


def test_daemonize(tmp_path):
    port = free_port()
    pid_file = tmp_path / "firn.pid"
    done = run("--daemonize", "yes", "--pidfile", str(pid_file), "--port", str(port),
               "--dir", str(tmp_path), "--logfile", str(tmp_path / "log"))
    assert done.returncode == 0
    deadline = time.time() + 10
    while True:
        try:
            client = redis.Redis(port=port)
            client.ping()
            break
        except redis.ConnectionError:
            assert time.time() < deadline
            time.sleep(0.02)
    pid = int(pid_file.read_text())
    assert pid == client.info("server")["process_id"]
    os.kill(pid, signal.SIGTERM)
    while os.path.exists(f"/proc/{pid}") and time.time() < deadline:
        time.sleep(0.02)
    assert not pid_file.exists()
    assert "bye bye" in (tmp_path / "log").read_text()


def test_read_only_directory_does_not_crash_a_start(tmp_path):
    file = tmp_path / "appendonlydir"
    file.write_text("not a directory")
    done = run("--port", str(free_port()), "--dir", str(tmp_path))
    assert done.returncode == 1
    assert done.stdout.strip()
