"""Fit the short polynomials of engines/native/codegen/vector.py: ``python campaigns/fit_curves.py``.

Each is interpolated at Chebyshev points in float64 (near-minimax) and printed with its largest relative
error, which must be well below the float32 rounding error of 6e-8 times the size of its term.
"""

import numpy as np
from numpy.polynomial import chebyshev, polynomial
from scipy.special import erf, erfc


def fit(name, function, low, high, degree):
    """Coefficients, lowest power first, of a polynomial close to ``function`` on [low, high]."""
    series = chebyshev.Chebyshev.interpolate(function, degree, domain=[low, high])
    powers = series.convert(kind=polynomial.Polynomial, domain=[-1, 1], window=[-1, 1]).coef
    x = np.linspace(low, high, 100_001)
    x = x[np.abs(x) > 1e-3]
    error = np.max(np.abs(polynomial.polyval(x, powers) / function(x) - 1))
    print(f"{name}: relative error {error:.1e}")
    print("   ", ", ".join(f"{c:.9g}" for c in powers))


def series(x, terms, closed):
    """A quotient that is 0/0 at 0: its power series near 0, the closed form elsewhere."""
    near = np.abs(x) < 0.02
    safe = np.where(near, 1.0, x)
    return np.where(near, polynomial.polyval(x, terms), closed(safe))


half = np.log(2) / 2
E = [1 / 2, 1 / 6, 1 / 24, 1 / 120, 1 / 720, 1 / 5040]
L = [1 / 3, -1 / 4, 1 / 5, -1 / 6, 1 / 7, -1 / 8, 1 / 9]
T = [-1 / 3, 0, 2 / 15, 0, -17 / 315, 0, 62 / 2835]
fit("exp: (e^r - 1 - r) / r^2", lambda r: series(r, E, lambda s: (np.expm1(s) - s) / s**2), -half, half, 4)
fit(
    "log: (log(1+f) - f + f^2/2) / f^3",
    lambda f: series(f, L, lambda s: (np.log1p(s) - s + s**2 / 2) / s**3),
    np.sqrt(0.5) - 1,
    np.sqrt(2) - 1,
    8,
)
fit(
    "tanh: (tanh(x) - x) / x^3 in x^2",
    lambda z: series(np.sqrt(z), T, lambda s: (np.tanh(s) - s) / s**3),
    0.0,
    0.625**2,
    4,
)
R = np.array([1, 0, -1 / 3, 0, 1 / 10, 0, -1 / 42]) * 2 / np.sqrt(np.pi)
fit(
    "erf: erf(x) / x in x^2 (1 is taken off the first)",
    lambda z: series(np.sqrt(z), R, lambda s: erf(s) / s),
    0.0,
    0.9**2,
    5,
)
fit("erf: -log(1 - erf(x))", lambda x: -np.log(erfc(x)), 0.9, 4.0, 8)
