"""Step 11 · Many inputs and outputs (forward)

Problem
Add()(x0, x1) cannot be written: __call__ takes one variable and stores
one variable. Yet a sum has two inputs, and other functions have two
outputs, as division with remainder, the demo's DivMod.

Idea
Let a function take a list and give back a list, whatever their lengths:

    [x0, x1] --> Add --> [y]

For one-input functions these are lists of one element. Their backward()
goes on as before: the only input, the only output.

In the code
Function.__call__(inputs) takes a list of variables. forward(xs) gets
their arrays as a list and returns a list of arrays; each goes through
self.make_output(y), which wraps y in a Variable (by as_array, as before),
sets its creator, appends it to self.outputs, and returns it. __call__
returns a list of these. self.inputs is the list it was given, and
self.outputs starts empty at each call; they replace step 7's self.input
and self.output.
Variable.backward() works with func.inputs[0] and func.outputs[0].
Square and Exp take and return lists of one; square(x) and exp(x) hide it.
Add has a forward only: its backward is still that of Function, which
raises NotImplementedError. Step 13 adds it.
A function object remembers the call it made. Called once more, it would
forget the first: f = Square(); f(f(x)) would be its own creator, and
backward() never end. So __call__ makes a copy of itself, copy.copy(self),
if self.inputs is not None, and the copy remembers the new call.

New:      Function.make_output, Add
Changed:  Variable.backward, Function, Function.__call__, Function.forward,
          Square.forward, Square.backward, square, Exp.forward, Exp.backward,
          exp
Removed:  nothing

Elsewhere
Chainer's functions look just like this: forward takes a tuple and returns
one, and F.exp(x) is Exp().apply((x,))[0]. A TensorFlow operation has its
tensors in op.inputs and op.outputs.

Watch out
forward must return a list, for a single array, too. Without the brackets
an array of 3 elements is taken for 3 outputs, and no error says so.

Try
1. Remove the brackets in Add.forward. Why is 2 + 3 an error all the same?
2. Why does Square()(x) no longer work? Read the error from its end.
3. Compute (2 + 3) ** 2 with Add and Square.

Output
    2 + 3           5.0, in a list of 1
    17 by 5         3.0 and 2.0 left over
    (e^(x^2))^2     x.grad = 3.297443, as before
    2 + 3 backward  Add has no backward() yet.
"""

import copy

import numpy as np

NUMBERS = (int, float, np.number)


def as_array(x):
    """x as an array: an array stays itself, a number becomes a 0-d array."""
    if isinstance(x, np.ndarray):
        return x
    if isinstance(x, NUMBERS):
        return np.array(x)
    raise TypeError(f"Expected an array or a number, but got {x!r}.")


class Variable:
    """A box that holds an array."""

    def __init__(self, data):
        if data is not None and not isinstance(data, np.ndarray):
            raise TypeError(
                f"Variable holds a NumPy array, but got {data!r}. "
                f"Turn it into one first: np.array({data!r})."
            )
        self.data = data
        self.grad = None
        self.creator = None

    def set_creator(self, func):
        """Remember the function that made this variable."""
        self.creator = func

    def backward(self):
        """Give every variable this one was made from its gradient."""
        if self.grad is None:
            self.grad = np.ones_like(self.data)
        funcs = [self.creator]
        while funcs:
            func = funcs.pop()
            if func is not None:
                x, y = func.inputs[0], func.outputs[0]
                x.grad = as_array(func.backward(y.grad))
                funcs.append(x.creator)


class Function:
    """Makes variables out of variables; what it computes is up to forward()."""

    inputs = None

    def __call__(self, inputs):
        if self.inputs is not None:
            self = copy.copy(self)  # this one goes on remembering its own call
        xs = [x.data for x in inputs]
        self.inputs = inputs
        self.outputs = []
        return [self.make_output(y) for y in self.forward(xs)]

    def make_output(self, y):
        """The array y in a Variable that has this function as its creator."""
        output = Variable(as_array(y))
        output.set_creator(self)
        self.outputs.append(output)
        return output

    def forward(self, xs):
        """The arrays this function makes out of the arrays xs."""
        raise NotImplementedError(f"{type(self).__name__} has no forward() yet.")

    def backward(self, gy):
        """The gradient of the input, given gy, the gradient of the output."""
        raise NotImplementedError(f"{type(self).__name__} has no backward() yet.")


class Add(Function):
    """x0 + x1."""

    def forward(self, xs):
        x0, x1 = xs
        return [x0 + x1]


class Square(Function):
    """x ** 2."""

    def forward(self, xs):
        return [xs[0] ** 2]

    def backward(self, gy):
        x = self.inputs[0].data
        return gy * 2 * x


def square(x):
    """x ** 2, element by element."""
    return Square()([x])[0]


class Exp(Function):
    """e ** x."""

    def forward(self, xs):
        return [np.exp(xs[0])]

    def backward(self, gy):
        x = self.inputs[0].data
        return gy * np.exp(x)


def exp(x):
    """e ** x, element by element."""
    return Exp()([x])[0]


def numerical_diff(f, x, eps=1e-4):
    """The slope of f at x, a Variable, by a central difference of width 2 eps."""
    y0 = f(Variable(as_array(x.data - eps)))
    y1 = f(Variable(as_array(x.data + eps)))
    return (y1.data - y0.data) / (2 * eps)


def gradient_check(f, x, eps=1e-4, tolerance=1e-5):
    """True if backward() through f agrees with the numerical slopes at x, a Variable.

    Each element of f(x) must depend on the same element of x alone. An
    AssertionError names the first element whose two slopes are further apart
    than the tolerance, relative to the numerical one.
    """
    slopes = numerical_diff(f, x, eps)
    x = Variable(x.data)
    f(x).backward()
    for i, slope in np.ndenumerate(slopes):
        found = x.grad[i]
        if not abs(found - slope) < tolerance * (abs(slope) + 1e-3):
            raise AssertionError(
                f"Element {i}: backward() gives a slope of {found:.6g}, "
                f"but the numerical slope is {slope:.6g}."
            )
    return True


# === demo ===


class DivMod(Function):
    """The whole part and the remainder of x0 / x1."""

    def forward(self, xs):
        x0, x1 = xs
        return [x0 // x1, x0 % x1]


if __name__ == "__main__":
    x0, x1 = Variable(np.array(2.0)), Variable(np.array(3.0))
    ys = Add()([x0, x1])
    print(f"2 + 3           {ys[0].data}, in a {type(ys).__name__} of {len(ys)}")

    ys = DivMod()([Variable(np.array(17.0)), Variable(np.array(5.0))])
    print(f"17 by 5         {ys[0].data} and {ys[1].data} left over")

    x = Variable(np.array(0.5))
    y = square(exp(square(x)))
    y.backward()
    print(f"(e^(x^2))^2     x.grad = {x.grad:.6f}, as before")

    try:
        Add()([x0, x1])[0].backward()
    except NotImplementedError as error:
        print(f"2 + 3 backward  {error}")
