"""Kinds of input: how files for a trained model are recognized, read, predicted and explained.

Input: a model, and a file or a folder. Output: rows for the network, and predictions, scores and attributions
in the form of the kind: boxes, masks, sounds, names of items. Nothing is printed.

    kind.py      reading.py         InputKind and its records;  the kind of a model; rows of a file, or typed
    tables.py    arrays.py          rows of a table or of images with a preparation;  ``.npz`` files
    texts.py     translations.py    texts that are classified or continued;  texts that are translated
    questions.py                    questions about a passage
    molecules.py items.py           SMILES;  items that are ranked
    prices.py                       daily prices, whose variance is predicted
    sounds.py    speech.py          sounds that are classified;  texts that become sounds
    images.py                       images without a preparation, of the next two
    detection.py segmentation.py    boxes in images;  a class for each pixel

A kind is a class in one file, found by ``python -m pages.block_index``. What it reads from a model file is
checked, and becomes its fields: ``QuestionKind(reader, 0.4).attach(model)`` records them in a model.
"""

from __future__ import annotations

from chainrule.lazy_imports import LazyNames

_LAZY = LazyNames(
    __name__,
    {
        "kind": "Evaluation InputKind InputRows LeftOut Output",
        "arrays": "ArrayKind",
        "transcripts": "TranscriptKind",
        "detection": "DetectionKind",
        "items": "ItemKind",
        "molecules": "MoleculeKind",
        "prices": "PriceKind",
        "reading": "kind_of read_rows read_texts",
        "questions": "QuestionKind QuestionRows",
        "segmentation": "SegmentationKind",
        "sounds": "SoundKind",
        "speech": "SpeechKind",
        "tables": "TableKind",
        "texts": "ContinuationKind TextKind",
        "translations": "TranslationKind",
    },
)
__getattr__, __dir__ = _LAZY.hooks
