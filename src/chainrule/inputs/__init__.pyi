# Written by python -m pages.stub from __init__.py.

from chainrule.inputs.arrays import ArrayKind as ArrayKind
from chainrule.inputs.detection import DetectionKind as DetectionKind
from chainrule.inputs.items import ItemKind as ItemKind
from chainrule.inputs.kind import Evaluation as Evaluation
from chainrule.inputs.kind import InputKind as InputKind
from chainrule.inputs.kind import InputRows as InputRows
from chainrule.inputs.kind import LeftOut as LeftOut
from chainrule.inputs.kind import Output as Output
from chainrule.inputs.molecules import MoleculeKind as MoleculeKind
from chainrule.inputs.prices import PriceKind as PriceKind
from chainrule.inputs.questions import QuestionKind as QuestionKind
from chainrule.inputs.questions import QuestionRows as QuestionRows
from chainrule.inputs.reading import kind_of as kind_of
from chainrule.inputs.reading import read_rows as read_rows
from chainrule.inputs.reading import read_texts as read_texts
from chainrule.inputs.segmentation import SegmentationKind as SegmentationKind
from chainrule.inputs.sounds import SoundKind as SoundKind
from chainrule.inputs.speech import SpeechKind as SpeechKind
from chainrule.inputs.tables import TableKind as TableKind
from chainrule.inputs.texts import ContinuationKind as ContinuationKind
from chainrule.inputs.texts import TextKind as TextKind
from chainrule.inputs.transcripts import TranscriptKind as TranscriptKind
from chainrule.inputs.translations import TranslationKind as TranslationKind
