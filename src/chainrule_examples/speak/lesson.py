"""Speech synthesis: a network of convolutions learns the voice of recordings, and reads any English text.

Phonemes get a duration, are repeated for as many frames, and become a spectrogram, all frames at once.
Reference: Ren et al. (2019), FastSpeech: fast, robust and controllable text to speech (NeurIPS).
"""

from __future__ import annotations

import chainrule as cr
from chainrule.generation import SpeechOutput
from chainrule.inputs import SpeechKind
from chainrule.messages import Text, Texts, in_language
from chainrule_examples import COMMON, Count
from chainrule_examples.score_table import Score, credit_line, print_scores, save_run
from chainrule_examples.speak.distortion import SPECTROGRAM
from chainrule_examples.speak.evaluation import baselines, distortion, limit_of_griffin_lim, speech_files
from chainrule_examples.speak.voice_clips import LANGUAGE, Clip, read_clips, training_rows

OPTIONS: Texts = {
    **COMMON,
    "data": "folder of the two Debian packages, or of their files",
    "long": "train for 20 epochs instead of 6",
}
TEXTS: Texts = {
    "data": "{0} training, {1} validation, {2} test recordings of one voice; no text is in two parts",
    "done": "seed {seed}: {size:,} parameters; validation spectrogram error {error:.3f}",
    "vocoder": "Recordings converted to spectrograms and back: MCD {:.4g}.",
    "limits": (
        "MCD measures vowels, not melody: the network learns none, and its voice is rough.\n"
        "espeak-ng teaches the timing. The voice is a human's: mark its speech as synthetic."
    ),
}
NET: Text = "network"
SIZE, CHANNELS, QUICK, LONG = (48, 400), 96, 6, 20  # phonemes and frames of a row; epochs


def convolutions() -> list[cr.Layer]:
    """Four convolutions over time."""
    norm, activation, dropout = cr.BatchNorm(), cr.Activation("relu"), cr.Dropout(0.1)
    return [cr.Conv(CHANNELS, 5, padding="same", bias=False), norm, activation, dropout] * 4


def network(symbols: int) -> cr.Layer:
    """Encoder of phonemes (B, P), head of durations, decoder of frames (B, T, bands)."""
    encoder = cr.Sequential(cr.Embedding(symbols + 1, CHANNELS), *convolutions())
    head = cr.Sequential(cr.Conv(CHANNELS, 3, padding="same", activation="relu"), cr.Dense(1))
    decoder = cr.Sequential(*convolutions(), cr.Dense(SPECTROGRAM.n_mels), cr.Rescaling(4.0, -4.7))
    return cr.FastSpeech(encoder, head, decoder, SIZE[1])


def train_network(parts: dict[str, list[Clip]], output: SpeechOutput, seed: int, epochs: int) -> cr.Model:
    """Train a network; the model contains how texts are read, for ``chainrule predict RUN TEXT.txt``."""
    net, optimizer = network(len(output.symbols)), cr.AdamW(cr.OneCycle(3e-3))
    losses: dict[str, cr.Loss] = {"spectrogram": cr.MAE(), "log_durations": cr.Huber()}
    model = cr.Model(net, losses, optimizer, metrics=[], clip=cr.ClipGlobalNorm(1.0))
    (x, y), held_out = (training_rows(parts[name], output, SIZE) for name in ("training", "validation"))
    model.fit(x, y, validation=held_out, epochs=epochs, batch_size=8, seed=seed)
    if model.facts["ended"] == "interrupted":
        raise KeyboardInterrupt
    SpeechKind(output).attach(model)
    return model


def main(
    lang: str = "en", data: str = "", long: bool = False, seeds: Count = 3, epochs: int = 0, out: str = ""
) -> None:
    """Train networks, and compare their speech with recordings of texts that they were not trained on."""
    texts, parts = in_language(TEXTS, lang), read_clips(data)
    training, test = parts["training"], parts["test"]
    print(texts["data"].format(*(len(clips) for clips in parts.values())), flush=True)
    symbols = sorted({symbol for clip in training for symbol in clip.symbols})
    output = SpeechOutput(tuple(symbols), SPECTROGRAM, LANGUAGE)
    models, values, sounds = [], [], []
    for seed in range(seeds):
        models.append(model := train_network(parts, output, seed, epochs or (LONG if long else QUICK)))
        size = sum(array.size for array in model.parameters().values())
        error = model.history[-1]["val_spectrogram_loss"]
        print(texts["done"].format(seed=seed, size=size, error=error), flush=True)
    for model in models:  # the only use of the test recordings
        phonemes = [output.numbers(clip.symbols, clip.name) for clip in test]
        sounds = [output.sound_of(output.spectrogram_of(model, own, SIZE)) for own in phonemes]
        values.append({"MCD": distortion(test, [SPECTROGRAM(sound) for sound in sounds])})
    scores = [*baselines(training, test), Score.on_test_set(NET, values)]
    print_scores(scores, lang, "MCD")
    limit = texts["vocoder"].format(limit_of_griffin_lim(test, output))
    print(limit, texts["limits"], credit_line("voice", lang), sep="\n")
    if out:
        save_run(out, models[-1], scores, speech_files(test, sounds, lang))


if __name__ == "__main__":
    main()
