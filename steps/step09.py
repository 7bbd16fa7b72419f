"""Step 9 · Nicer to use

Problem
For one gradient we write
    y = Square()(Exp()(Square()(x)))     six pairs of brackets
    y.grad = np.array(1.0)               the same line every time
and Variable(0.5) is accepted, to break something else, much later.

Idea
1. A function square(x) that makes the Square and calls it at once.
2. dy/dy = 1. If nobody gave y a gradient, it can only be ones.
3. Refuse at the door what is not an array, and say what to write.

The third needs care, because NumPy turns 0-d arrays into numbers:

    np.array(2.0) ** 2    is no array, but a np.float64

In the code
NUMBERS = (int, float, np.number) are the types that count as a number.
as_array(x) gives an array back as it is (the same object, no copy) and a
number as a 0-d array; anything else is a TypeError that shows x.
Variable(data) takes an array, or None for "nothing yet"; anything else is
a TypeError that shows data and says how to make it an array.
square(x) and exp(x) take a Variable and return one.
Variable.backward() sets its own gradient to np.ones_like(data), if it
has none, and puts the gradients it finds through as_array.
Function.__call__ and numerical_diff put what they compute through
as_array, before they wrap it in a Variable.

New:      NUMBERS, as_array, square, exp
Changed:  Variable.__init__, Variable.backward, Function.__call__,
          numerical_diff
Removed:  nothing

Elsewhere
torch.exp(x) hides its function object as exp(x) does here. PyTorch starts
at ones only if y is one number, and JAX's grad takes no other y: a slope
of many numbers is a slope of their sum, and both want you to say so.
Chainer refuses Variable(0.5) as we do; torch.tensor(0.5) takes it.

Watch out
The gradient starts at ones only where there is none. A second
y.backward() starts from what is still in y.grad.

Try
1. Set y.grad = np.array(10.0) before y.backward(). What is x.grad?
2. Let Function.__call__ leave as_array out. Which line stops the demo?
3. Let backward() leave as_array out. What type is x.grad then?

Output
    (e^(x^2))^2 at x = 0.5   x.grad = 3.297443
    type of y.data   ndarray
    type of x.grad   ndarray

    Variable(0.5)    TypeError
        Variable holds a NumPy array, but got 0.5
        Turn it into one first: np.array(0.5).
"""

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
    """A box that holds an array, the very one it is given, as its data."""

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
                func.input.grad = as_array(func.backward(func.output.grad))
                funcs.append(func.input.creator)


class Function:
    """Makes a variable out of a variable; what it computes is up to forward()."""

    def __call__(self, x):
        y = Variable(as_array(self.forward(x.data)))
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


def square(x):
    """x ** 2, element by element."""
    return Square()(x)


class Exp(Function):
    """e ** x."""

    def forward(self, x):
        return np.exp(x)

    def backward(self, gy):
        x = self.input.data
        return gy * np.exp(x)


def exp(x):
    """e ** x, element by element."""
    return Exp()(x)


def numerical_diff(f, x, eps=1e-4):
    """The slope of f at x, a Variable, by a central difference of width 2 eps.

    f takes a Variable and returns one. It is called twice, on new Variables whose
    elements are all moved by eps, down and up; x stays as it is.
    """
    y0 = f(Variable(as_array(x.data - eps)))
    y1 = f(Variable(as_array(x.data + eps)))
    return (y1.data - y0.data) / (2 * eps)


# === demo ===


if __name__ == "__main__":
    x = Variable(np.array(0.5))
    y = square(exp(square(x)))
    y.backward()
    print(f"(e^(x^2))^2 at x = 0.5   x.grad = {x.grad:.6f}")
    print(f"type of y.data   {type(y.data).__name__}")
    print(f"type of x.grad   {type(x.grad).__name__}")
    print()
    try:
        Variable(0.5)
    except TypeError as error:
        print(f"Variable(0.5)    {type(error).__name__}")
        for sentence in str(error).split(". "):
            print(f"    {sentence}")
