"""An agency's SFTP server on this machine: one folder, one user, and faults.

Belongs here: the server (paramiko's), set-up that tests of stores.py share. Does not belong here: claims.
"""

from __future__ import annotations

import os
import socket
import threading
import time
from collections.abc import Callable
from pathlib import Path

import paramiko

USER, PASSWORD = "council", "hunter2"


class Depot:
    """Serves a folder until it is closed."""

    def __init__(self, folder: Path, key: paramiko.PKey | None = None, port: int = 0) -> None:
        self.folder = folder
        self.key = key or paramiko.ECDSAKey.generate()
        self.logins = 0
        self.read = 0  # bytes, by requests
        self.starts: list[int] = []  # where the first request of each opened file began
        self.cut_after: int | None = None  # bytes, after which the connection is ended once
        self.may_cut: Callable[[], bool] = lambda: True  # waited for, since what is under way is lost too
        self.stall_s = 0.0  # before each answer to a read
        self._before = set(threading.enumerate())
        self._transports: list[paramiko.Transport] = []
        self._listening = socket.create_server(("127.0.0.1", port))
        self.port = self._listening.getsockname()[1]
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()

    def url(self, name: str) -> str:
        return f"sftp://127.0.0.1:{self.port}/{name}"

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listening.accept()
            except OSError:
                return
            transport = paramiko.Transport(connection)
            self._transports.append(transport)
            transport.add_server_key(self.key)
            transport.set_subsystem_handler("sftp", paramiko.SFTPServer, _Folder, depot=self)
            try:
                transport.start_server(event=threading.Event(), server=_Login(self))
            except (paramiko.SSHException, EOFError):
                transport.close()

    def end_connections(self) -> None:
        for transport in self._transports:
            transport.close()

    def close(self) -> None:
        if self._thread.is_alive():
            self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        self.end_connections()
        # Threads of paramiko's, on both sides, that still tell why they ended would disturb what comes next.
        for thread in set(threading.enumerate()) - self._before:
            thread.join(timeout=10)


class _Login(paramiko.ServerInterface):
    def __init__(self, depot: Depot) -> None:
        self.depot = depot

    def get_allowed_auths(self, username: str) -> str:
        return "password"

    def check_auth_password(self, username: str, password: str) -> int:
        self.depot.logins += 1
        is_right = (username, password) == (USER, PASSWORD)
        return paramiko.AUTH_SUCCESSFUL if is_right else paramiko.AUTH_FAILED

    def check_channel_request(self, kind: str, chanid: int) -> int:
        return paramiko.OPEN_SUCCEEDED


class _File(paramiko.SFTPHandle):
    depot: Depot
    is_begun = False

    def read(self, offset: int, length: int) -> bytes | int:
        depot = self.depot
        if not self.is_begun:
            depot.starts.append(offset)
            self.is_begun = True
        time.sleep(depot.stall_s)
        found = super().read(offset, length)
        depot.read += len(found) if isinstance(found, bytes) else 0
        if depot.cut_after is not None and depot.read > depot.cut_after:
            depot.cut_after = None
            deadline = time.monotonic() + 5
            while not depot.may_cut() and time.monotonic() < deadline:
                time.sleep(0.01)
            depot.end_connections()
        return found


class _Folder(paramiko.SFTPServerInterface):
    def __init__(self, server: paramiko.ServerInterface, depot: Depot) -> None:
        super().__init__(server)
        self.depot = depot

    def _path(self, path: str) -> Path:
        return self.depot.folder / path.lstrip("/")

    def list_folder(self, path: str) -> list[paramiko.SFTPAttributes] | int:
        try:
            return [paramiko.SFTPAttributes.from_stat(p.stat(), p.name) for p in self._path(path).iterdir()]
        except OSError as error:
            return paramiko.SFTPServer.convert_errno(error.errno or 0)

    def stat(self, path: str) -> paramiko.SFTPAttributes | int:
        try:
            return paramiko.SFTPAttributes.from_stat(self._path(path).stat())
        except OSError as error:
            return paramiko.SFTPServer.convert_errno(error.errno or 0)

    lstat = stat

    def open(self, path: str, flags: int, attr: paramiko.SFTPAttributes) -> paramiko.SFTPHandle | int:
        try:
            handle = _File(flags)
            handle.depot = self.depot
            handle.readfile = self._path(path).open("rb")  # type: ignore[attr-defined]
            return handle
        except OSError as error:
            return paramiko.SFTPServer.convert_errno(error.errno or 0)


def change(path: Path, content: bytes, seconds: int) -> None:
    """Write a file, changed so many seconds after a fixed moment: SFTP tells times in seconds."""
    path.write_bytes(content)
    os.utime(path, (1_400_000_000 + seconds,) * 2)
