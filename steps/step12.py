"""Step 12 · Many inputs and outputs (nicer)

Problem
Step 11 asks for brackets at every turn, and each is easily forgotten:
    y = Add()([x0, x1])[0]               in each call
    x0, x1 = xs; return [x0 + x1]        in each forward
The lists are the business of Function, and nobody else should see them.

Idea
Python packs and unpacks lists with a star:

    def f(*inputs)    f(a, b) is called with inputs = (a, b)
    f(*xs)            with xs = [a, b] is the call f(a, b)

A single output comes back bare. Several are a tuple out of forward and a
list of variables out of the call.

In the code
Function.__call__(*inputs) keeps self.inputs, a tuple from now on, and
calls self.forward(*xs) with the arrays. Function's own forward(self, *xs)
takes any number of them, and raises NotImplementedError as before.
If forward gives a tuple, the call returns the list of the outputs, even
if the tuple has one element only; else it returns the variable itself.
make_output(y) raises a TypeError with the name of the function's class,
if y is None: whoever wrote forward has forgotten the return.
forward(x) of Square and Exp, square(x) and exp(x) are as plain again as
in step 10. Add.forward(x0, x1) returns x0 + x1, and add(x0, x1) calls it.
Variable.backward() is as it was: it looks at the first input and the
first output of each function and at no other. Step 13 mends that.
The demo has DivMod again, and Silent, an Exp whose forward has no return.

New:      add
Changed:  Function.__call__, Function.make_output, Function.forward,
          Add.forward, Square.forward, square, Exp.forward, exp
Removed:  nothing

Elsewhere
In PyTorch y = F.apply(x0, x1) calls forward(ctx, x0, x1), unpacked in the
same way; a tensor comes back, or a tuple of them: torch.max(x, dim=0) has
two outputs, the values and where they stood.

Watch out
The comma makes the tuple. return x0 // x1, x0 % x1 has two outputs;
return [x0 // x1, x0 % x1] has one, a list, which as_array refuses.

Try
1. Write forward of Silent with a return. What does the demo print?
2. Put a comma behind the x0 + x1 of Add.forward. What does the demo say?
3. Write DivMod() with three inputs. Which line complains, and how?

Output
    2 + 3    5.0, in a Variable
    17 by 5  3.0 and 2.0 left over
    Silent   Silent.forward gave None, not an array.
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

    def __call__(self, *inputs):
        if self.inputs is not None:
            self = copy.copy(self)  # this one goes on remembering its own call
        xs = [x.data for x in inputs]
        self.inputs = inputs
        self.outputs = []
        ys = self.forward(*xs)
        if isinstance(ys, tuple):
            return [self.make_output(y) for y in ys]
        return self.make_output(ys)

    def make_output(self, y):
        """The array y in a Variable that has this function as its creator."""
        if y is None:
            raise TypeError(f"{type(self).__name__}.forward gave None, not an array.")
        output = Variable(as_array(y))
        output.set_creator(self)
        self.outputs.append(output)
        return output

    def forward(self, *xs):
        """The array, or the tuple of arrays, this function makes out of xs."""
        raise NotImplementedError(f"{type(self).__name__} has no forward() yet.")

    def backward(self, gy):
        """The gradient of the input, given gy, the gradient of the output."""
        raise NotImplementedError(f"{type(self).__name__} has no backward() yet.")


class Add(Function):
    """x0 + x1."""

    def forward(self, x0, x1):
        return x0 + x1


def add(x0, x1):
    """x0 + x1, element by element."""
    return Add()(x0, x1)


class Square(Function):
    """x ** 2."""

    def forward(self, x):
        return x**2

    def backward(self, gy):
        x = self.inputs[0].data
        return gy * 2 * x


def square(x):
    """x ** 2, element by element."""
    return Square()(x)


class Exp(Function):
    """e ** x."""

    def forward(self, x):
        return np.exp(x)

    def backward(self, gy):
        x = self.inputs[0].data
        return gy * np.exp(x)


def exp(x):
    """e ** x, element by element."""
    return Exp()(x)


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

    def forward(self, x0, x1):
        return x0 // x1, x0 % x1


class Silent(Function):
    """e ** x, by someone who forgot the return."""

    def forward(self, x):
        np.exp(x)


if __name__ == "__main__":
    x0, x1 = Variable(np.array(2.0)), Variable(np.array(3.0))
    y = add(x0, x1)
    print(f"2 + 3    {y.data}, in a {type(y).__name__}")

    whole, rest = DivMod()(Variable(np.array(17.0)), Variable(np.array(5.0)))
    print(f"17 by 5  {whole.data} and {rest.data} left over")

    try:
        print(f"Silent   {Silent()(x0).data:.6f}")
    except TypeError as error:
        print(f"Silent   {error}")
