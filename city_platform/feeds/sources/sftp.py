"""SFTP: which servers are trusted.

Belongs here: a server's key, remembered when it is met first and compared ever after. Does not belong here: taking
files (stores.py).
"""

from __future__ import annotations

from pathlib import Path

import paramiko

from city_platform.feeds.problems import NotReceivedError


class KnownHosts(paramiko.MissingHostKeyPolicy):
    """Takes a server that was never met for what it says it is, and any later one only with the same key.

    Who knows the key beforehand writes it into the file, as ssh-keyscan prints it.
    """

    def __init__(self, path: Path, shown: str) -> None:
        self._path = path
        self._shown = shown

    def missing_host_key(self, client: paramiko.SSHClient, hostname: str, key: paramiko.PKey) -> None:
        known = paramiko.HostKeys(str(self._path) if self._path.is_file() else None)
        if known.lookup(hostname) is None:
            known.add(hostname, key.get_name(), key)
            self._path.parent.mkdir(parents=True, exist_ok=True)
            known.save(str(self._path))
        elif not known.check(hostname, key):
            raise NotReceivedError(
                f"{self._shown} shows another key than {self._path} holds for {hostname}: it may be another server that "
                "passes for it. Ask the agency; where it has a new key, take the old line out of that file."
            )
