"""Step 7 · Backpropagation by itself

Problem
Every program has to be written a second time, by hand and backwards.
With two lines exchanged it breaks:

    a.grad = B.backward(b.grad)      b.grad is still None: TypeError
    b.grad = C.backward(y.grad)

Idea
Going forward leaves a trail. Each variable remembers the function that
made it, its creator; each function remembers its input and its output:

       input     output    input     output    input     output
    x <------ A <------> a <------ B <------> b <------ C <------> y
                creator             creator             creator

So y knows the way back to x, whatever the program was:

    1. Get the function that made me. None? Then I am the start: done.
    2. Give its input a gradient: func.backward(my gradient).
    3. Have its input do the same.

In the code
A new Variable has creator None. set_creator(func) sets it. __call__ of
Function calls y.set_creator(self) and keeps y as self.output, which is
not needed until step 8. The backward() of Variable needs no argument:
the three lines above, with a call of itself as the third. It starts from
self.grad, set beforehand. The demo chains many PlusOne, which is x + 1.

New:      Variable.set_creator, Variable.backward
Changed:  Variable.__init__, Function.__call__
Removed:  nothing

Elsewhere
PyTorch: y.grad_fn is the creator, y.grad_fn.next_functions the way back.
Chainer says creator, too. TensorFlow's GradientTape has no such links:
it writes down each operation, as a tape does, and reads it backwards.

Watch out
Set y.grad = np.array(1.0) before y.backward(), or the first function is
handed None. backward() calls itself, one call deeper for each function:
Python stops at about 1,000, with RecursionError. So it does for A(A(x)),
however short: A is the creator of its own input, and the way back leads
from A to A for ever.

Try
1. Put one more Exp() into the chain. What else has to change?
2. Call a.backward() alone, with a.grad = 1. Which gradient is x.grad?
3. Find the longest chain that works. What uses the rest of the 1,000 calls?

Output
    y -> Square -> Exp -> Square -> x
    y.grad = 1.00000000
    b.grad = 2.56805083
    a.grad = 3.29744254
    x.grad = 3.29744254
    500 PlusOne in a row:  x.grad = 1.0
    5000 PlusOne in a row: RecursionError
"""

import numpy as np


class Variable:
    """A box that holds an array, the very one it is given, as its data."""

    def __init__(self, data):
        self.data = data
        self.grad = None
        self.creator = None

    def set_creator(self, func):
        """Remember the function that made this variable."""
        self.creator = func

    def backward(self):
        """Give every variable this one was made from its gradient."""
        func = self.creator
        if func is not None:
            func.input.grad = func.backward(self.grad)
            func.input.backward()


class Function:
    """Makes a variable out of a variable; what it computes is up to forward()."""

    def __call__(self, x):
        y = Variable(self.forward(x.data))
        y.set_creator(self)
        self.input = x
        self.output = y
        return y

    def forward(self, x):
        """The array this function makes out of the array x.

        Function has none: it raises NotImplementedError, naming the class of self.
        """
        raise NotImplementedError(f"{type(self).__name__} has no forward() yet.")

    def backward(self, gy):
        """The gradient of the input, given gy, the gradient of the output."""
        raise NotImplementedError(f"{type(self).__name__} has no backward() yet.")


class Square(Function):
    """x ** 2."""

    def forward(self, x):
        return x**2

    def backward(self, gy):
        x = self.input.data
        return gy * 2 * x


class Exp(Function):
    """e ** x."""

    def forward(self, x):
        return np.exp(x)

    def backward(self, gy):
        x = self.input.data
        return gy * np.exp(x)


def numerical_diff(f, x, eps=1e-4):
    """The slope of f at x, a Variable, by a central difference of width 2 eps.

    f takes a Variable and returns one. It is called twice, on new Variables whose
    elements are all moved by eps, down and up; x stays as it is.
    """
    y0 = f(Variable(x.data - eps))
    y1 = f(Variable(x.data + eps))
    return (y1.data - y0.data) / (2 * eps)


# === demo ===


class PlusOne(Function):
    """x + 1."""

    def forward(self, x):
        return x + 1

    def backward(self, gy):
        return gy


def links(y):
    """The way back from y, function by function."""
    names = ["y"]
    while y.creator is not None:
        names.append(type(y.creator).__name__)
        y = y.creator.input
    return " -> ".join([*names, "x"])


def slope_of_chain(length):
    """dy/dx for a chain of so many PlusOne."""
    x = y = Variable(np.array(0.0))
    for _ in range(length):
        y = PlusOne()(y)
    y.grad = np.array(1.0)
    y.backward()
    return x.grad


if __name__ == "__main__":
    x = Variable(np.array(0.5))
    a = Square()(x)
    b = Exp()(a)
    y = Square()(b)
    print(links(y))

    y.grad = np.array(1.0)
    y.backward()
    for name, v in (("y", y), ("b", b), ("a", a), ("x", x)):
        print(f"{name}.grad = {v.grad:.8f}")

    for length in (500, 5000):
        try:
            print(f"{length} PlusOne in a row:  x.grad = {slope_of_chain(length)}")
        except RecursionError as error:
            print(f"{length} PlusOne in a row: {type(error).__name__}")
