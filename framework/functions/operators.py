# Cut from steps/step60.py by "make framework": edit the step, not this file.
"""+ - * / ** and comparisons."""

import operator

import numpy as np

from framework.core import NUMBERS, Function, Variable
from framework.functions.shape import unbroadcast


class Add(Function):
    """x0 + x1."""

    def forward(self, x0, x1):
        return x0 + x1

    def backward(self, gy):
        x0, x1 = self.saved_inputs
        gx0 = unbroadcast(gy, x0.shape) if self.needs(0) else None
        gx1 = unbroadcast(gy, x1.shape) if self.needs(1) else None
        return gx0, gx1


def add(x0, x1):
    """x0 + x1, element by element."""
    return Add()(x0, x1)


Variable.__add__ = add
Variable.__radd__ = add


class Mul(Function):
    """x0 * x1."""

    def forward(self, x0, x1):
        return x0 * x1

    def backward(self, gy):
        x0, x1 = self.saved_inputs
        gx0 = unbroadcast(gy * x1, x0.shape) if self.needs(0) else None
        gx1 = unbroadcast(gy * x0, x1.shape) if self.needs(1) else None
        return gx0, gx1


def mul(x0, x1):
    """x0 * x1, element by element."""
    return Mul()(x0, x1)


Variable.__mul__ = mul
Variable.__rmul__ = mul


class Neg(Function):
    """-x."""

    def forward(self, x):
        return -x

    def backward(self, gy):
        return -gy


def neg(x):
    """-x, element by element."""
    return Neg()(x)


Variable.__neg__ = neg


class Sub(Function):
    """x0 - x1."""

    def forward(self, x0, x1):
        return x0 - x1

    def backward(self, gy):
        x0, x1 = self.saved_inputs
        gx0 = unbroadcast(gy, x0.shape) if self.needs(0) else None
        gx1 = unbroadcast(-gy, x1.shape) if self.needs(1) else None
        return gx0, gx1


def sub(x0, x1):
    """x0 - x1, element by element."""
    return Sub()(x0, x1)


def rsub(x0, x1):
    """x1 - x0: Python swaps the operands of a reflected operator."""
    return sub(x1, x0)


Variable.__sub__ = sub
Variable.__rsub__ = rsub


class Div(Function):
    """x0 / x1."""

    def forward(self, x0, x1):
        return x0 / x1

    def backward(self, gy):
        x0, x1 = self.saved_inputs
        gx0 = gy / x1
        gx1 = unbroadcast(-gx0 * x0 / x1, x1.shape) if self.needs(1) else None
        return unbroadcast(gx0, x0.shape), gx1


def div(x0, x1):
    """x0 / x1, element by element."""
    return Div()(x0, x1)


def rdiv(x0, x1):
    """x1 / x0: Python swaps the operands of a reflected operator."""
    return div(x1, x0)


Variable.__truediv__ = div
Variable.__rtruediv__ = rdiv


class Log(Function):
    """The natural logarithm of x."""

    def forward(self, x):
        return np.log(x)

    def backward(self, gy):
        (x,) = self.saved_inputs
        return gy / x


def log(x):
    """The natural logarithm of x, element by element."""
    return Log()(x)


class Pow(Function):
    """x ** c for a number c; where c is 0, the slope is 0 everywhere."""

    def __init__(self, c):
        self.c = c

    def forward(self, x):
        return x**self.c

    def backward(self, gy):
        (x,), c = self.saved_inputs, self.c
        if c == 0:
            return gy * 0.0  # not gy * 0 * x ** -1, which has no value at 0
        if c == 2:
            return gy * (2 * x)  # a product takes less time than a power
        return gy * (c * x ** (c - 1))


class ConstantPow(Function):
    """c ** x for a number c; where c is 0, the slope is 0 everywhere."""

    def __init__(self, c):
        self.c = c

    def forward(self, x):
        return self.c**x

    def backward(self, gy):
        (y,) = self.saved_outputs
        if self.c == 0:
            return gy * 0.0  # not gy * log 0 * y, which has no value
        return gy * np.log(self.c) * y


class VariablePow(Function):
    """x0 ** x1 where both may vary; a constant gets no gradient.

    The slope along x1 needs x0 > 0. The slope of 0 ** 0 along x0 is 0.
    """

    def forward(self, x0, x1):
        return x0**x1

    def backward(self, gy):
        x0, x1 = self.saved_inputs
        gx0 = gx1 = None
        if self.needs(0):
            less = (x0 != 0) | (x1 != 0)  # 0 ** 0 has the slope 0, not nan
            less = less.astype(np.result_type(x1.dtype, 0.0))
            gx0 = unbroadcast(gy * x1 * x0 ** (x1 - less), x0.shape)
        if self.needs(1):
            gx1 = unbroadcast(gy * x0**x1 * log(x0), x1.shape)
        return gx0, gx1


def python_number(c):
    """A number as Python's own, which leaves the dtype of the arrays it meets."""
    return c.item() if isinstance(c, np.generic) else c


def pow(x, c):
    """x ** c, element by element, for a number, an array or a Variable c.

    Pow for a number, VariablePow for any other c.
    """
    if isinstance(c, NUMBERS):
        return Pow(python_number(c))(x)
    return VariablePow()(x, c)


def rpow(x, c):
    """c ** x, element by element, for a number, an array or a Variable c.

    ConstantPow for a number, VariablePow for any other c.
    """
    if isinstance(c, NUMBERS):
        return ConstantPow(python_number(c))(x)
    return VariablePow()(c, x)


Variable.__pow__ = pow
Variable.__rpow__ = rpow


def comparison(operate):
    """A method that compares the array in a Variable with another or a number.

    It gives an array of bool: nothing about it can be differentiated.
    """

    def compare(x0, x1):
        return operate(x0.data, x1.data if isinstance(x1, Variable) else x1)

    return compare


Variable.__lt__ = comparison(operator.lt)
Variable.__le__ = comparison(operator.le)
Variable.__gt__ = comparison(operator.gt)
Variable.__ge__ = comparison(operator.ge)
Variable.__eq__ = comparison(operator.eq)
Variable.__ne__ = comparison(operator.ne)
