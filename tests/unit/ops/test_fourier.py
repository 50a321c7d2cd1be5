"""Discrete Fourier transforms have the values and derivatives of NumPy's and PyTorch's, on both engines."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

import chainrule as cr
from chainrule.errors import ChainruleError

LENGTHS = [1, 2, 3, 4, 5, 12, 64, 65, 67, 96, 128, 263, 514, 600, 1009]  # products, primes, large primes
SMALL = [1, 2, 3, 6, 8, 9, 66, 257]


def draws(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=shape)


@pytest.mark.parametrize("engine", ["native", "reference"])
@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("length", LENGTHS)
def test_values(length: int, dtype: Any, engine: Any) -> None:
    x, y = draws(3, length).astype(dtype), draws(3, length, seed=1).astype(dtype)
    a, b = (cr.input(name, (None, length), dtype) for name in "ab")
    spectrum = cr.fft(a, b)
    nodes = [*cr.rfft(a), *spectrum, *cr.ifft(*spectrum), cr.irfft(*cr.rfft(a), length=length)]
    re, im, real, imaginary, first, second, back = cr.evaluate(nodes, {"a": x, "b": y}, engine)
    tolerance = {"rtol": 0.0, "atol": (1e-13 if dtype == "float64" else 1e-6) * length}
    np.testing.assert_allclose(re + 1j * im, np.fft.rfft(x.astype("float64")), **tolerance)
    np.testing.assert_allclose(real + 1j * imaginary, np.fft.fft(x.astype("float64") + 1j * y), **tolerance)
    for result, expected in ((first, x), (second, y), (back, x)):
        np.testing.assert_allclose(result, expected, **tolerance)
    assert {node.dtype for node in nodes} == {dtype}


@pytest.mark.parametrize("length", SMALL)
def test_gradients_are_those_of_torch(length: int) -> None:
    x = draws(2, length)
    half = length // 2 + 1
    spectra = draws(2, half, seed=2), draws(2, half, seed=3)
    weights = draws(2, half, seed=4), draws(2, length, seed=5)

    t = torch.tensor(x, requires_grad=True)
    z = torch.fft.rfft(t)
    (expected,) = torch.autograd.grad((z.real * torch.tensor(weights[0]) + z.imag**2).sum(), t)
    a = cr.input("a", x.shape, "float64")
    real, imaginary = cr.rfft(a)
    (gradient,) = cr.grad((real * weights[0] + imaginary**2).sum(), [a], unused="zeros")
    np.testing.assert_allclose(cr.evaluate(gradient, {"a": x}), expected.numpy(), atol=1e-10 * length**2)

    parts = [torch.tensor(s, requires_grad=True) for s in spectra]
    back = torch.fft.irfft(torch.complex(*parts), n=length)
    known = torch.autograd.grad((back * torch.tensor(weights[1])).sum(), parts)
    nodes = [cr.input(name, (2, half), "float64") for name in ("re", "im")]
    value = cr.irfft(nodes[0], nodes[1], length)
    feed = {"re": spectra[0], "im": spectra[1]}
    np.testing.assert_allclose(cr.evaluate(value, feed), back.detach().numpy(), atol=1e-12)
    ours = cr.grad((value * weights[1]).sum(), nodes, unused="zeros")
    for result, grad in zip(cr.evaluate(list(ours), feed), known, strict=True):
        np.testing.assert_allclose(result, grad.numpy(), atol=1e-12)


@pytest.mark.parametrize("length", [1, 2, 5, 6, 68])
def test_derivatives_agree_with_finite_differences(length: int) -> None:
    x, y = draws(length) / length, draws(length, seed=1) / length

    def power(part: Any) -> Any:
        real, imaginary = cr.rfft(part)
        return real**2 + imaginary**3

    cr.check_gradient(power, [x])
    cr.check_gradient(lambda a, b: cr.fft(a, b)[1] ** 2 + cr.ifft(a, b)[0], [x, y])
    cr.check_gradient(lambda a: cr.grad(cr.sum(power(a)), [a], unused="zeros")[0], [x])
    half = length // 2 + 1
    cr.check_gradient(lambda a, b: cr.irfft(a, b, length) ** 2, [x[:half], y[:half]])


def test_any_axis_of_a_batch() -> None:
    x = draws(4, 6, 3)
    a = cr.input("a", (None, 6, 3), "float64")
    for axis in (1, -2, 2):
        real, imaginary = cr.rfft(a, axis)
        back = cr.irfft(real, imaginary, length=x.shape[axis], axis=axis)
        re, im, same = cr.evaluate([real, imaginary, back], {"a": x})
        np.testing.assert_allclose(re + 1j * im, np.fft.rfft(x, axis=axis), atol=1e-12)
        np.testing.assert_allclose(same, x, atol=1e-12)


class Spectrum(cr.Layer):
    """The powers of the frequencies of a signal."""

    def __call__(self, x: Any, scope: Any) -> Any:
        real, imaginary = cr.rfft(x)
        return real**2 + imaginary**2


def test_a_network_on_a_spectrum_trains() -> None:
    time, y = np.arange(32), np.arange(60) % 2
    phases = np.random.default_rng(0).uniform(0, 6, (60, 1))
    x = np.sin(2 * np.pi * np.where(y[:, None], 3, 5) * time / 32 + phases).astype("float32")
    model = cr.Model(cr.Sequential(Spectrum(), cr.LayerNorm(), cr.Dense(2)), "cross_entropy", cr.Adam(0.05))
    model.fit(x, y, epochs=10, verbose=False)
    assert model.evaluate(x, y)["accuracy"] == 1.0


def test_refused() -> None:
    x = cr.input("x", (None, 4), "float64")
    count = cr.input("n", (4,), "int64")
    for call, code in (
        (lambda: cr.rfft(x, axis=0), "E208"),
        (lambda: cr.rfft(x, axis=2), "E205"),
        (lambda: cr.rfft(count), "E253"),
        (lambda: cr.irfft(x, x, length=9), "E102"),
        (lambda: cr.irfft(x, cr.rfft(x)[0]), "E208"),
        (lambda: cr.fft(x, cr.cast(x, "float32")), "E208"),
    ):
        with pytest.raises(ChainruleError, match=code):
            call()


@pytest.mark.parametrize("length", [2, 4, 8, 12, 64])
def test_a_quarter_of_a_turn_is_exact(length: int) -> None:
    x = np.zeros((1, length))
    x[0, length // 2] = 1.0
    real, imaginary = cr.evaluate([*cr.rfft(cr.constant(x))])
    assert real[0].tolist() == [(-1.0) ** k for k in range(length // 2 + 1)]
    assert not imaginary.any()
