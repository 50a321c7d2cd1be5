"""Cases of the layers that turn texts into spectrograms."""

from __future__ import annotations

import torch

from chainrule import nn
from layer_cases.case import Case, P


def _repeated(x: dict[str, torch.Tensor], p: P) -> torch.Tensor:
    """Each vector for its duration by PyTorch, with its place and duration, filled with 0 to 5 frames."""
    rows = []
    for values, durations in zip(x["values"], x["durations"].long(), strict=True):
        vectors = values.repeat_interleave(durations, dim=0)
        lengths = durations.repeat_interleave(durations)[:, None].to(values)
        starts = (durations.cumsum(0) - durations).repeat_interleave(durations)[:, None]
        time = torch.arange(len(vectors), dtype=values.dtype)[:, None]
        frames = torch.cat([vectors, (time - starts) / lengths, torch.log1p(lengths)], dim=1)[:5]
        rows.append(torch.cat([frames, torch.zeros(5 - len(frames), frames.shape[1]).to(frames)]))
    return torch.stack(rows)


_PARTS = (nn.Embedding(4, 3, padding_index=0), nn.Dense(1), nn.Dense(2, "tanh"))
_JOINED = nn.Parallel(spectrogram=nn.Flatten(), log_durations=nn.Identity())

CASES: dict[str, Case] = {
    "length regulator": Case(
        nn.LengthRegulator(5), {"values": (4, 3), "durations": (4,)}, _repeated, masks=("durations",)
    ),
    "length regulator that cuts": Case(
        nn.Sequential(
            nn.Parallel("none", values=nn.Embedding(5, 2), durations=nn.Identity()), nn.LengthRegulator(5)
        ),
        {"values": (3,), "durations": (3,)},
        lambda x, p: _repeated({**x, "values": p["parallel1.values.weight"][x["values"]]}, p),
        vocabulary=5,
    ),
    "fast speech": Case(
        nn.Sequential(nn.FastSpeech(*_PARTS, 6), _JOINED), {"phonemes": (3,), "durations": (3,)}, vocabulary=4
    ),
}
