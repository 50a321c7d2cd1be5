"""Elementwise arithmetic on vectors of ``LANES`` elements, as LLVM instructions.

A generated loop uses explicit vector instructions, so it does not depend on the compiler's proof that two
arrays do not overlap. The rest of a row goes through the *same* instructions one lane wide: the value of an
element never depends on its position.

float32 functions are short polynomials (fitted by ``campaigns/fit_curves.py``) after the usual range
reductions, e^x = 2^n e^r and log(2^n m) = n log 2 + log m, accurate to about 2 units in the last place.
float64 functions and rarer ones call the C library lane by lane.

Reference: Cody and Waite (1980), Software manual for the elementary functions.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from llvmlite import ir

LANES = 16
BITS = {"bool": 1, "int32": 32, "int64": 64, "uint32": 32}
EXP = (0.5, 0.16666577, 0.0416665547, 0.00836317307, 0.00139261761)
LOG = tuple(
    float(term)
    for term in """0.333333312 -0.24999997 0.200007157 -0.166678023 0.142490576 -0.124256873 0.116854199
    -0.114797339 0.0697161162""".split()
)
ERF = (0.12837915, -0.376125288, 0.112821941, -0.0267807191, 0.00501448415, -0.000610268704)
ERFC = tuple(
    float(term)
    for term in """-0.000318539673 1.13023106 0.631823918 0.110087167 -0.0264276372 0.00476262585
    -0.000597585774 4.61638591e-05 -1.64306368e-06""".split()
)
TANH = (-0.333333289, 0.133327697, -0.0538509096, 0.020997179, -0.00609671417)
Value = Any


def scalar_type(dtype: str) -> ir.Type:
    """Return the LLVM type of one number in a register."""
    return {"float32": ir.FloatType(), "float64": ir.DoubleType()}.get(dtype) or ir.IntType(BITS[dtype])


@dataclass
class Lanes:
    """Generator of instructions for ``width`` elements at once.

    Args:
        width: 1 (scalars) or a vector length.
    """

    builder: ir.IRBuilder
    width: int

    def type(self, dtype: str) -> ir.Type:
        scalar = scalar_type(dtype)
        return scalar if self.width == 1 else ir.VectorType(scalar, self.width)

    def constant(self, dtype: str, value: float) -> Value:
        scalar = scalar_type(dtype)
        number = ir.Constant(scalar, int(value) if dtype in BITS else float(value))
        return number if self.width == 1 else ir.Constant(self.type(dtype), [number] * self.width)

    def broadcast(self, value: Value) -> Value:
        """Return a vector with one number in every lane."""
        if self.width == 1:
            return value
        empty = ir.Constant(ir.VectorType(value.type, self.width), ir.Undefined)
        first = self.builder.insert_element(empty, value, ir.IntType(32)(0))
        mask = ir.Constant(ir.VectorType(ir.IntType(32), self.width), [0] * self.width)
        return self.builder.shuffle_vector(first, empty, mask)

    def intrinsic(self, name: str, dtype: str, *values: Value) -> Value:
        """Call an LLVM intrinsic such as sqrt, fabs, floor."""
        typ = self.type(dtype)
        suffix = ("" if self.width == 1 else f"v{self.width}") + ("f32" if dtype == "float32" else "f64")
        function = self._declare(f"llvm.{name}.{suffix}", typ, [typ] * len(values))
        return self.builder.call(function, values)

    def call_per_lane(self, name: str, dtype: str, *values: Value) -> Value:
        """Call a function of the C library for each lane."""
        scalar = scalar_type(dtype)
        function = self._declare(name + ("f" if dtype == "float32" else ""), scalar, [scalar] * len(values))
        if self.width == 1:
            return self.builder.call(function, values)
        result = ir.Constant(self.type(dtype), ir.Undefined)
        for lane in range(self.width):
            index = ir.IntType(32)(lane)
            value = self.builder.call(function, [self.builder.extract_element(v, index) for v in values])
            result = self.builder.insert_element(result, value, index)
        return result

    def _declare(self, name: str, result: ir.Type, arguments: list[ir.Type]) -> ir.Function:
        module = self.builder.module
        if name in module.globals:
            return module.globals[name]
        return ir.Function(module, ir.FunctionType(result, arguments), name)

    def polynomial(self, dtype: str, x: Value, coefficients: tuple[float, ...]) -> Value:
        """Return c0 + x (c1 + x (c2 + ...)), lowest power first, by fused multiply-add where available."""
        total = self.constant(dtype, coefficients[-1])
        for c in reversed(coefficients[:-1]):
            total = self.intrinsic("fmuladd", dtype, total, x, self.constant(dtype, c))
        return total

    def less(self, x: Value, y: Value) -> Value:
        return self.builder.fcmp_ordered("<", x, y)

    def integers(self) -> ir.Type:
        return self.type("int32")


def exp(lanes: Lanes, dtype: str, x: Value, is_small: bool = False) -> Value:
    """Return e^x; with |x| known to be at most 80 the steps for large values are skipped: the same bits."""
    if dtype == "float64":
        return lanes.call_per_lane("exp", dtype, x)
    b, c = lanes.builder, lambda v: lanes.constant("float32", v)
    bounded = x
    if not is_small:
        bounded = b.select(lanes.less(x, c(-104.0)), c(-104.0), x)
        bounded = b.select(lanes.less(c(89.0), bounded), c(89.0), bounded)
    magic = c(12582912.0)  # 1.5 * 2^23: adding it rounds to an integer, which is then in the low bits
    shifted = b.fadd(b.fmul(bounded, c(1.4426950408889634)), magic)
    rounded = b.fsub(shifted, magic)
    r = b.fsub(bounded, b.fmul(rounded, c(0.693359375)))
    r = b.fsub(r, b.fmul(rounded, c(-2.12194440e-4)))
    y = b.fadd(b.fadd(b.fmul(b.fmul(r, r), lanes.polynomial("float32", r, EXP)), r), c(1.0))
    n = b.sub(b.bitcast(shifted, lanes.integers()), b.bitcast(magic, lanes.integers()))
    if is_small:
        return b.fmul(y, _power_of_two(lanes, n))
    half = b.ashr(n, lanes.constant("int32", 1))
    return b.fmul(b.fmul(y, _power_of_two(lanes, half)), _power_of_two(lanes, b.sub(n, half)))


def _power_of_two(lanes: Lanes, n: Value) -> Value:
    """Return 2^n for -126 <= n <= 127, by writing n into the exponent."""
    b = lanes.builder
    bits = b.shl(b.add(n, lanes.constant("int32", 127)), lanes.constant("int32", 23))
    return b.bitcast(bits, lanes.type("float32"))


def log(lanes: Lanes, dtype: str, x: Value) -> Value:
    """Return the natural logarithm."""
    if dtype == "float64":
        return lanes.call_per_lane("log", dtype, x)
    b, c, i = lanes.builder, lambda v: lanes.constant("float32", v), lambda v: lanes.constant("int32", v)
    tiny = lanes.less(x, c(1.17549435e-38))
    scaled = b.select(tiny, b.fmul(x, c(8388608.0)), x)
    bits = b.bitcast(scaled, lanes.integers())
    # The mantissa's range starts at sqrt(1/2), so that log m stays small.
    moved = b.add(bits, i(0x3F800000 - 0x3F3504F3))
    n = b.sub(b.ashr(moved, i(23)), i(127))
    mantissa = b.add(b.and_(moved, i(0x007FFFFF)), i(0x3F3504F3))
    f = b.fsub(b.bitcast(mantissa, lanes.type("float32")), c(1.0))
    exponent = b.fsub(b.sitofp(n, lanes.type("float32")), b.select(tiny, c(23.0), c(0.0)))
    square = b.fmul(f, f)
    y = b.fmul(b.fmul(square, f), lanes.polynomial("float32", f, LOG))
    y = b.fadd(y, b.fmul(exponent, c(-2.12194440e-4)))
    y = b.fsub(y, b.fmul(square, c(0.5)))
    y = b.fadd(b.fadd(y, f), b.fmul(exponent, c(0.693359375)))
    infinity = float("inf")
    y = b.select(b.fcmp_ordered("==", x, c(infinity)), c(infinity), y)
    y = b.select(b.fcmp_ordered("==", x, c(0.0)), c(-infinity), y)
    return b.select(b.fcmp_unordered("<", x, c(0.0)), c(float("nan")), y)


def tanh(lanes: Lanes, dtype: str, x: Value) -> Value:
    """Return the hyperbolic tangent."""
    if dtype == "float64":
        return lanes.call_per_lane("tanh", dtype, x)
    b, c = lanes.builder, lambda v: lanes.constant("float32", v)
    magnitude = lanes.intrinsic("fabs", "float32", x)
    square = b.fmul(x, x)
    small = b.fadd(b.fmul(b.fmul(x, square), lanes.polynomial("float32", square, TANH)), x)
    large = b.fsub(c(1.0), b.fdiv(c(2.0), b.fadd(exp(lanes, dtype, b.fadd(magnitude, magnitude)), c(1.0))))
    large = lanes.intrinsic("copysign", "float32", large, x)
    return b.select(b.fcmp_unordered("<", magnitude, c(0.625)), small, large)


def erf(lanes: Lanes, dtype: str, x: Value) -> Value:
    """Return the error function: x + x P(x^2) near 0, else 1 - e^-Q(|x|)."""
    if dtype == "float64":
        return lanes.call_per_lane("erf", dtype, x)
    b, c = lanes.builder, lambda v: lanes.constant("float32", v)
    magnitude = lanes.intrinsic("fabs", "float32", x)
    small = b.fadd(b.fmul(x, lanes.polynomial("float32", b.fmul(x, x), ERF)), x)
    bounded = b.select(lanes.less(c(4.0), magnitude), c(4.0), magnitude)  # beyond 4 it rounds to 1
    tail = exp(lanes, dtype, b.fneg(lanes.polynomial("float32", bounded, ERFC)), is_small=True)
    large = lanes.intrinsic("copysign", "float32", b.fsub(c(1.0), tail), x)
    return b.select(b.fcmp_unordered("<", magnitude, c(0.9)), small, large)


def sigmoid(lanes: Lanes, dtype: str, x: Value) -> Value:
    """Return 1 / (1 + e^-x): an infinite e^-x gives 0."""
    b, one = lanes.builder, lanes.constant(dtype, 1.0)
    return b.fdiv(one, b.fadd(one, exp(lanes, dtype, b.fneg(x))))


def softplus(lanes: Lanes, dtype: str, x: Value) -> Value:
    """Return max(x, 0) + log(1 + e^-|x|)."""
    b, one, zero = lanes.builder, lanes.constant(dtype, 1.0), lanes.constant(dtype, 0.0)
    exponential = exp(lanes, dtype, b.fneg(lanes.intrinsic("fabs", dtype, x)))
    # log(1 + t) for 0 <= t <= 1 without losing a small t: log(u) t / (u - 1) with u = 1 + t rounded (Kahan)
    u = b.fadd(one, exponential)
    exact = b.fcmp_ordered("==", u, one)
    tail = b.fdiv(b.fmul(log(lanes, dtype, u), exponential), b.select(exact, one, b.fsub(u, one)))
    return b.fadd(b.select(b.fcmp_unordered(">", x, zero), x, zero), b.select(exact, exponential, tail))


Emit = Callable[[Lanes, str, list[Value]], Value]


def _instruction(float_name: str, integer_name: str = "") -> Emit:
    """Return an instruction, which may have another name for integers."""

    def write(lanes: Lanes, dtype: str, values: list[Value]) -> Value:
        return getattr(lanes.builder, integer_name if integer_name and dtype in BITS else float_name)(*values)

    return write


def _intrinsic(name: str) -> Emit:
    return lambda lanes, dtype, values: lanes.intrinsic(name, dtype, *values)


def _library(name: str) -> Emit:
    """Return a function of the C library."""
    return lambda lanes, dtype, values: lanes.call_per_lane(name, dtype, *values)


def _function(write: Callable[[Lanes, str, Value], Value]) -> Emit:
    return lambda lanes, dtype, values: write(lanes, dtype, *values)


def _comparison(sign: str) -> Emit:
    def write(lanes: Lanes, dtype: str, values: list[Value]) -> Value:
        if dtype in ("float32", "float64"):
            ordered = lanes.builder.fcmp_unordered if sign == "!=" else lanes.builder.fcmp_ordered
            return ordered(sign, *values)
        signed = lanes.builder.icmp_unsigned if dtype in ("uint32", "bool") else lanes.builder.icmp_signed
        return signed(sign, *values)

    return write


def _select_extreme(sign: str) -> Emit:
    """Return the larger or smaller of two numbers; NaN if either is NaN."""

    def write(lanes: Lanes, dtype: str, values: list[Value]) -> Value:
        b, (x, y) = lanes.builder, values
        first = b.or_(b.fcmp_ordered(sign, x, y), b.fcmp_unordered("!=", x, x))
        return b.select(first, x, y)

    return write


def _square(lanes: Lanes, dtype: str, values: list[Value]) -> Value:
    (x,) = values
    return lanes.builder.fmul(x, x)


def _relu(lanes: Lanes, dtype: str, values: list[Value]) -> Value:
    b, (x,), zero = lanes.builder, values, lanes.constant(dtype, 0.0)
    return b.select(b.fcmp_ordered("<=", x, zero), zero, x)


def _sign(lanes: Lanes, dtype: str, values: list[Value]) -> Value:
    """Return 1, 0 or -1; NaN for NaN."""
    b, (x,), c = lanes.builder, values, lambda n: lanes.constant(dtype, n)
    level = b.select(b.fcmp_ordered("==", x, c(0.0)), c(0.0), b.fmul(x, c(0.0)))
    up = b.select(b.fcmp_ordered(">", x, c(0.0)), c(1.0), level)
    return b.select(b.fcmp_ordered("<", x, c(0.0)), c(-1.0), up)


def _finite(lanes: Lanes, dtype: str, values: list[Value]) -> Value:
    (x,) = values
    infinity = lanes.constant(dtype, float("inf"))
    return lanes.builder.fcmp_ordered("<", lanes.intrinsic("fabs", dtype, x), infinity)


def _identity(lanes: Lanes, dtype: str, values: list[Value]) -> Value:
    return values[0]


def round_to_bfloat16(lanes: Lanes, x: Value) -> Value:
    """Return a float32 rounded to the nearest bfloat16, ties to even; subnormal numbers become 0."""
    b, i = lanes.builder, lambda bits: lanes.constant("uint32", bits)
    bits = b.bitcast(x, lanes.integers())
    odd = b.and_(b.lshr(bits, i(16)), i(1))
    rounded = b.add(bits, b.add(odd, i(0x7FFF)))
    rounded = b.select(b.fcmp_unordered("uno", x, x), b.or_(bits, i(0x00400000)), rounded)
    rounded = b.and_(rounded, i(0xFFFF0000))
    magnitude = b.and_(bits, i(0x7FFFFFFF))
    is_small = b.icmp_unsigned("<", magnitude, i(0x00800000))
    return b.bitcast(b.select(is_small, b.and_(bits, i(0x80000000)), rounded), x.type)


EMIT: dict[str, Emit] = {
    "add": _instruction("fadd", "add"),
    "subtract": _instruction("fsub", "sub"),
    "multiply": _instruction("fmul", "mul"),
    "divide": _instruction("fdiv"),
    "negative": _instruction("fneg", "neg"),
    "square": _square,
    "power": _library("pow"),
    "abs": _intrinsic("fabs"),
    "sign": _sign,
    "maximum": _select_extreme(">="),
    "minimum": _select_extreme("<="),
    "exp": _function(exp),
    "log": _function(log),
    "sqrt": _intrinsic("sqrt"),
    "sin": _library("sin"),
    "cos": _library("cos"),
    "tanh": _function(tanh),
    "sigmoid": _function(sigmoid),
    "relu": _relu,
    "softplus": _function(softplus),
    "erf": _function(erf),
    "floor": _intrinsic("floor"),
    "less": _comparison("<"),
    "less_equal": _comparison("<="),
    "greater": _comparison(">"),
    "greater_equal": _comparison(">="),
    "equal": _comparison("=="),
    "not_equal": _comparison("!="),
    "logical_and": _instruction("and_"),
    "logical_or": _instruction("or_"),
    "logical_not": _instruction("not_"),
    "is_finite": _finite,
    "where": _instruction("select"),
    "round_to_bfloat16": _function(lambda lanes, dtype, x: round_to_bfloat16(lanes, x)),
    "stop_gradient": _identity,
    "again": _identity,
}


def clip(lanes: Lanes, dtype: str, x: Value, low: float, high: float) -> Value:
    """Return x limited to [low, high]; NaN for NaN."""
    b = lanes.builder
    for sign, limit in (("<", low), (">", high)):
        bound = lanes.constant(dtype, limit)
        x = b.select(b.fcmp_ordered(sign, x, bound), bound, x)
    return x


def cast(lanes: Lanes, x: Value, before: str, after: str) -> Value:
    """Convert a value to another dtype."""
    b, typ, floats = lanes.builder, lanes.type(after), ("float32", "float64")
    if before == after:
        return x
    if after == "bool":
        zero = lanes.constant(before, 0)
        return b.fcmp_unordered("!=", x, zero) if before in floats else b.icmp_signed("!=", x, zero)
    if before in floats and after in floats:
        return b.fptrunc(x, typ) if after == "float32" else b.fpext(x, typ)
    if before in floats:
        return b.fptoui(x, typ) if after == "uint32" else b.fptosi(x, typ)
    unsigned = before in ("bool", "uint32")
    if after in floats:
        return b.uitofp(x, typ) if unsigned else b.sitofp(x, typ)
    if BITS[after] < BITS[before]:
        return b.trunc(x, typ)
    if BITS[after] == BITS[before]:
        return x
    return b.zext(x, typ) if unsigned else b.sext(x, typ)
