"""Step 9 · Nicer to use

Problem
Backpropagation works, but three things are a nuisance:

    y = Square()(Exp()(Square()(x)))     six pairs of brackets
    y.grad = np.array(1.0)               the same line every time
    x = Variable([1.0, 2.0])             a list, and no complaint

The third is the worst. The mistake shows up one or a hundred lines later:

    Square()(x)      TypeError: unsupported operand type(s) for ** or pow():
                     'list' and 'int'

Idea
1. Write a function that makes the Square and calls it at once. Then the line
   is y = square(exp(square(x))).
2. dy/dy is always 1. So backward() can set it, if y has no gradient yet.
3. Let Variable refuse what is not an array, and say what to write instead.

In the code
The first is easy:

    [square]

    [exp]

Now the third. Refusing is easy:

    [Variable.__init__]

None stays allowed, for a variable that has nothing in it yet, as in step 44.
But with this check alone our chain breaks, and at its first link:

    x = Variable(np.array(0.5))
    square(x)        TypeError: Variable holds a NumPy array, but got
                     np.float64(0.25)

We did pass an array! It is NumPy that squared an array with no axes and
returned a number. It does so with every such array, in nearly all that it
computes:

    np.array(0.5) ** 2       np.float64(0.25)
    np.array([0.5]) ** 2     array([0.25])

So a number that comes out of a calculation must become an array again. The
types of numbers are in NUMBERS at the top of the file: int, float, and all of
NumPy's. Anything else is refused here, too:

    [as_array]

It is needed wherever a result goes into a Variable:

    [Function.__call__]

numerical_diff() puts x.data - eps and x.data + eps into Variables. The slope
that it returns goes into none, so it stays as NumPy gives it:

    [numerical_diff]

Now the second. It is two lines at the top of backward(). They use
np.ones_like(data) instead of 1.0, because a gradient has the shape of what it
belongs to. Further down, each gradient goes through as_array(), too:

    [Variable.backward]

Variable could call as_array() itself, and take the 0.5. But then x.data would
be what you passed only if that is an array. One rule is simpler: what you pass
to Variable() is checked, and what the framework computes is converted.

It is pleasant to use now. But is it right? A backward() that forgets a factor
runs as smoothly as a good one. Step 10 puts each of them to the test.

New:      NUMBERS, as_array, square, exp
Changed:  Variable.__init__, Variable.backward, Function.__call__,
          numerical_diff
Removed:  nothing
Given:    NUMBERS

Elsewhere
torch.exp(x) hides its function object as exp(x) does here. PyTorch starts at
one only if y is a single number, and otherwise asks for the gradient.
torch.tensor(0.5) takes a number.

Watch out
For a y with several elements, ones mean that you get the slope of their sum.
For y = square(x) at [1, 2, 3], x.grad is [2, 4, 6].

Ones are set only where there is no gradient. A second y.backward() starts from
what is in y.grad, whoever put it there.

Only Variable() is checked, not what you write into x.data later. x.data = [1]
passes, and the next square(x) fails with the message from the top.

Try
1. Set y.grad = np.array(10.0) before y.backward(). What is x.grad?
2. Let Function.__call__ leave as_array out. Which call stops the demo?
3. Let backward() leave as_array out. What type is x.grad then?

Output
    (e^(x^2))^2 at x = 0.5   x.grad = 3.297443
    type of y.data   ndarray
    type of x.grad   ndarray

    Variable(0.5)    TypeError
        Variable holds a NumPy array, but got 0.5
        Turn it into one first: np.array(0.5).

Answers
1. 32.974425, ten times as much: the gradient of 10y.
2. The inner square(x). Its result is np.float64(0.25), which Variable refuses.
3. np.float64. The number is the same, but it is no longer an array.
"""

import numpy as np

NUMBERS = (int, float, np.number)


def as_array(x):
    """x as an array: an array stays itself, a number becomes a 0-d array.

    NUMBERS are the types of a number. Anything else is a TypeError that shows it.
    """
    if isinstance(x, np.ndarray):
        return x
    if isinstance(x, NUMBERS):
        return np.array(x)
    raise TypeError(f"Expected an array or a number, but got {x!r}.")


class Variable:
    """A box that holds an array as its data: the one it is given, not a copy."""

    def __init__(self, data):
        """data is an array or None; a TypeError shows anything else, and what to do."""
        if data is not None and not isinstance(data, np.ndarray):
            raise TypeError(
                f"Variable holds a NumPy array, but got {data!r}. "
                f"Turn it into one first: np.array({data!r})."
            )
        self.data = data
        self.grad = None
        self.creator = None

    def set_creator(self, func):
        """Remember func as the creator, the function that made this variable."""
        self.creator = func

    def backward(self):
        """Give a gradient to every variable that this one was made from.

        It starts from self.grad, or from ones where that is None.
        """
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
        """The variable that this function makes out of the variable x.

        It keeps both, in self.input and self.output, and is the creator.
        """
        y = Variable(as_array(self.forward(x.data)))
        y.set_creator(self)
        self.input = x
        self.output = y
        return y

    def forward(self, x):
        """The array this function makes out of the array x.

        Each function has its own. This one raises NotImplementedError and names the
        class that has none.
        """
        raise NotImplementedError(f"{type(self).__name__} has no forward() yet.")

    def backward(self, gy):
        """The gradient of the input, given gy, the gradient of the output.

        Each function has its own. This one raises NotImplementedError and names the
        class that has none.
        """
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
    elements are all moved by eps, down and up; x stays as it is. The slope is what
    NumPy computes, not a Variable: an array, or a number for a 0-d x.
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
