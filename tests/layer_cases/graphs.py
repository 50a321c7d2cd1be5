"""Message passing in graphs; the peers loop over kinds of edges and use PyTorch's gated recurrent cell."""

from __future__ import annotations

import torch

from chainrule import nn
from layer_cases.case import Case, P, dense

NODES, KINDS, UNITS = 4, 2, 3
GRAPH = {"nodes": (NODES, UNITS), "edges": (KINDS, NODES, NODES)}


def _gated(x: dict[str, torch.Tensor], p: P, prefix: str = "", rounds: int = 2) -> torch.Tensor:
    """Rounds of messages: PyTorch's gates are r, z, n, ours z, r, n."""
    h, edges = x["nodes"], x["edges"].to(x["nodes"].dtype)
    units = h.shape[-1]
    weights = p[f"{prefix}message.weight"].reshape(edges.shape[1], units, units)
    order = torch.cat(
        [torch.arange(units, 2 * units), torch.arange(units), torch.arange(2 * units, 3 * units)]
    )
    received, own = p[f"{prefix}received.weight"][order], p[f"{prefix}own.weight"][order]
    bias = p[f"{prefix}received.bias"][order]
    for _ in range(rounds):
        m = sum(edges[:, k] @ (h @ weights[k].T) for k in range(edges.shape[1]))
        flat = torch._VF.gru_cell(  # pyright: ignore[reportAttributeAccessIssue]
            m.reshape(-1, units), h.reshape(-1, units), received, own, bias, torch.zeros_like(bias)
        )
        h = flat.reshape(h.shape)
    return h


def _network(x: dict[str, torch.Tensor], p: P) -> torch.Tensor:
    exists = x["mask"].to(x["nodes"].dtype)[..., None]
    h = torch.tanh(dense(x["nodes"], p, "input.")) * exists
    h = _gated({"nodes": h, "edges": x["edges"]}, p, "messages.", rounds=1)
    gate = torch.sigmoid(dense(torch.cat([h, x["nodes"]], -1), p, "gate."))
    return (gate * dense(h, p, "value.") * exists).sum(1)


CASES: dict[str, Case] = {
    "gated graph convolution": Case(nn.GatedGraphConv(2), GRAPH, _gated),
    "graph network": Case(
        nn.GraphNetwork(5, rounds=1, activation="tanh"),
        {**GRAPH, "mask": (NODES,)},
        _network,
        masks=("edges", "mask"),
    ),
}
