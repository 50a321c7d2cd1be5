"""Training: from a net, a loss, an optimizer and rows of data to a trained state, and back to answers.

In: a net as layers, arrays or a table, options. Out: a ``ModelState`` that predicts, is measured, saved and
loaded; a history; events for whoever listens; checkpoints from which a training goes on to the same bits.
This room never knows
how a number is computed: a step is a graph, and an engine runs it.

    ModelState.fit                       learner.py   the object a person holds
      Request, Work                   request.py, fitting.py     what is asked for, checked
      Network, Step                   step.py      the whole step as one graph
      Target, sample_weights          target.py, weighing.py     labels and weights as numbers
      training_need, refuse_too_large need.py      what it takes of memory, before anything is allocated
      train(job, step, state)         loop.py      batches, epochs, events, checkpoints
      TrainState                      state.py     everything needed to go on
      BlackBox                        blackbox/    where a NaN or an infinity came from
      Cutting                         cutting.py   sequences: batches cut to their own length
      EarlyStopping, Converged        stopping.py  when to end
      Prober, Probe                   probing.py   what goes on inside meanwhile, at some steps
      Reading                         reading.py   its numbers, read from a step's arrays as they come
      Judge, METRICS                  judging.py, metric/        how good it is
      Callback, Training              callback/    what else is done meanwhile: logs, model files
      replay                          replaying.py one update of a training again, to the last bit
      freeze                          freezing.py  parts that stay as they are
      Lexicon, Memory                 lexicon.py   translating without a net, to be measured against
      LearningRateSweep                       finder.py    which learning rate suits
      Decoder, Cache                  decoder.py   a net that writes, run word by word
      generate, generate_text         generation/  what it writes: draws and beam search
"""

from __future__ import annotations

from typing import Any

from chainrule.lazy_imports import LazyNames

_LAZY = LazyNames(
    __name__,
    {
        "monitor.parity": "parity",
        "monitor.progress_bar": "watched_by_bar",
        "nonfinite": "BlackBox black_box_of read_black_box",
        "monitor.lr_finder": "LearningRateSweep find_learning_rate",
        "freezing": "freeze",
        "generation": "decoder_of generate_text stream_text",
        "monitor.profile": "measure_step plan_step",
        "trainer": "Batch Trainer partial_fit",
    },
)


def __getattr__(name: str) -> Any:
    return _LAZY.load(name)


def __dir__() -> list[str]:
    return _LAZY.names
