"""Example programs: ``chainrule example NAME``.

An example is a file here, or a folder with ``lesson.py`` and the files that it needs. Files of one example:

    payments.py     of fraud;  volatility.py  of shares;  first_names.py  of microgpt;
    clothing_networks.py  of fashion-mnist

Shared by several:

    score_table.py  scores with their baselines, as a table and as files of a run
    pixel_forest.py  the class of each pixel by a random forest
    tuning.py       baselines with the settings that are best on validation rows
    table_folds.py  training tables in folds, and the texts of these examples
    conv_block.py   blocks of convolutions
    ngram.py        language models of counts
    replay_buffer.py  the last transitions of an agent, from which batches are drawn
"""

from __future__ import annotations

from typing import Annotated

import typer

from chainrule.messages import Texts

Count = Annotated[int, typer.Option(min=1)]  # an integer option of at least 1
Natural = Annotated[int, typer.Option(min=0)]  # an integer option of at least 0
COMMON: Texts = {  # options of several examples
    "seeds": "number of trainings, with seeds 0, 1, ...",
    "epochs": "number of epochs; 0: chosen for the form",
    "out": "folder for the model, the scores and a page",
}
