"""Step 10 · Testing

Problem
A backward() that forgets a factor runs as smoothly as a right one. It
gives a wrong number, training gets a little worse, and nobody knows why.
Comparing by eye with numerical_diff works for one number, not for 1,000.

Idea
Let the computer compare, element by element. square and exp treat each
element by itself: element i of y depends on element i of x alone. So
numerical_diff gives all the slopes in one call, and x.grad has those of
backward(). A slope counts as right if

    |backward - numerical| < tolerance * (|numerical| + 0.001)

0.001 lets two slopes near 0 count as equal. With <= an infinite
numerical slope would agree with any other.

In the code
gradient_check(f, x, eps=1e-4, tolerance=1e-5) takes f, from Variable to
Variable, and returns True. Or it raises an AssertionError at the first
element that is wrong: with its index, its slope by backward() and then the
numerical one. Both are written with six digits that count (:.6g), since a
slope may be as small as 1e-6. np.ndenumerate gives each index and its
slope. The test is "if not a < b", for a nan is not >= b either and would
slip through. The check works on a Variable of its own, so x.grad stays as
it is.

In the demo, NoTwo is x ** 2 with a backward() that forgets the 2; OneOff is
right but for its last element.

New:      gradient_check
Changed:  nothing
Removed:  nothing

Elsewhere
torch.autograd.gradcheck compares all of the Jacobian, or random
directions in its fast mode; jax.test_util.check_grads and Chainer's
gradient_check.check_backward use random directions, as we do from step 39
on: there, elements no longer stay by themselves.

Watch out
The check sees one point. At x = 0 both slopes of NoTwo are 0, and it
passes. At a kink, as |x| has one at 0, even a right backward() may fail:
the numerical slope mixes both sides. Check where neither is the case.
And f must use x: without a gradient in x.grad the check is a TypeError.

Try
1. Repair NoTwo.backward. What does its line say now?
2. Pass tolerance=0.6 to gradient_check. Which fault goes unseen?

Output
    square   True
    chain    True
    NoTwo    Element (0,): backward() gives a slope of 0.5,
             but the numerical slope is 1.
    OneOff   Element (2,): backward() gives a slope of 5,
             but the numerical slope is 4.
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
    """A box that holds an array, the very one it is given, as its data."""

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
        """Give every variable this one was made from its gradient.

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
    elements are all moved by eps, down and up; x stays as it is.
    """
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


class NoTwo(Square):
    """x ** 2, with a backward() that forgets the 2."""

    def backward(self, gy):
        return gy * self.input.data


class OneOff(Square):
    """x ** 2, with a gradient that is too large by 1 at the end."""

    def backward(self, gy):
        gx = super().backward(gy)
        gx[-1] += 1
        return gx


def verdict(f, x):
    """What gradient_check says, over two lines if it is an error."""
    try:
        return str(gradient_check(f, x))
    except AssertionError as error:
        return str(error).replace(", but", ",\n         but")


if __name__ == "__main__":
    x = Variable(np.array([0.5, -1.0, 2.0]))
    print("square  ", verdict(square, x))
    print("chain   ", verdict(lambda x: square(exp(square(x))), x))
    print("NoTwo   ", verdict(NoTwo(), x))
    print("OneOff  ", verdict(OneOff(), x))
