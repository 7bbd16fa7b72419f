"""Step 10 · Testing

Problem
Here is a square whose backward() forgets the 2:

    class NoTwo(Square):
        def backward(self, gy):
            return gy * self.input.data

It runs as smoothly as the right one. At x = 0.5 it gives 0.5, which looks as
good as any number. A network trained with it learns from wrong slopes, and no
error ever says so.

Idea
numerical_diff knows nothing of backward(). So compare the two. For NoTwo at
0.5 they are:

    numerical   (0.5001 ** 2 - 0.4999 ** 2) / 0.0002 = 1.0000, rounded
    backward    0.5

That is a fault, and now we see it. But 1,000 elements are too many to compare
by eye. Let the computer do it. When do two slopes count as equal? == fails
even for square, whose backward() is right:

    x          numerical              backward
    0.5         0.9999999999998899     1.0
    -1.0       -1.9999999999992246    -2.0
    2.0         4.000000000004         4.0

Then allow a difference of 1e-5? Our chain square(exp(square(x))) is right as
well. But at x = 2 it is steep:

    numerical           23847.6669
    backward            23847.6639    0.0030 apart

What counts is the difference as a part of the slope. 0.0030 of 23,848 is about
one in eight million. For NoTwo it is a half. So allow 1e-5 of the numerical
slope.

That goes wrong near a slope of 0. Take exp(square(x)) at x = 1e-9:

    numerical           1.9995e-9
    backward            2e-9          4.9e-13 apart

backward() is right, and the difference is only the noise of step 4. But 1e-5
of the slope is 2e-14, far less. So add a little to the slope. Two slopes count
as equal if

    |backward - numerical| < tolerance * (|numerical| + 0.001)

Now 1e-5 · 0.001 = 1e-8 is allowed, and 4.9e-13 is less. For NoTwo at 0.5 we
ask whether 0.5 is less than 1e-5 · 1.001. It is not.

In the code
square and exp treat each element by itself: element i of y depends on element
i of x alone. So numerical_diff gives the slopes of all elements in one go, and
x.grad has those of backward(). np.ndenumerate goes through them, and gives the
index with each. For an array of no axes the index is the empty tuple ():

    [gradient_check]

Why "if not a < b", and not "if a >= b"? A wrong formula may give nan. Every
comparison with nan is False, so nan >= b would let it pass. Why < and not <=?
Where f overflows, the numerical slope may be inf. Then both sides are inf,
and <= would let any gradient pass.

The check works on a new Variable, so the x that you pass keeps its gradient.
The message rounds both slopes to six digits (:.6g).

In the demo, NoTwo is the class from above. OneOff is the square again, with a
slope that is wrong in the last element alone. The check finds both, and names
the element.

From here on we can check each function that treats its elements one by one.
Those that mix them come in step 39. But all our functions have one input, and
the plainest sum has two. Step 11 makes room for the second.

New:      gradient_check
Changed:  nothing
Removed:  nothing

Elsewhere
torch.autograd.gradcheck does the same, also for functions that mix elements.
It compares the slope of each output along each input. For a NoTwo written for
PyTorch it raises a GradcheckError that shows both tables of slopes.

Watch out
The check sees the points you give it. At x = 0 both slopes of NoTwo are 0, and
it passes.

Where a function has a kink, even a right backward() fails. |x| has one at 0.
At x = 1e-5 its slope is 1, but x - eps lies on the other side, and the
numerical slope is 0.1.

f must use its input. If it does not, the check's Variable gets no gradient,
and a TypeError follows.

Try
1. Repair NoTwo.backward. What does the demo print for NoTwo now?
2. Check OneOff with tolerance=0.2, then 0.3. Why does it pass at 0.3?
3. Check lambda x: square(NoTwo()(x)). Does the message say which of the two
   functions is wrong?

Output
    square   True
    chain    True
    NoTwo    Element (0,): backward() gives a slope of 0.5,
             but the numerical slope is 1.
    OneOff   Element (2,): backward() gives a slope of 5,
             but the numerical slope is 4.

Answers
1. True, with gy * 2 * self.input.data.
2. The difference is 1. At 0.2 only 0.2 · 4.001 = 0.8 is allowed, and at 0.3 it
   is 0.3 · 4.001 = 1.2.
3. No. It says 0.25 and 0.5, for the chain as a whole. Check each function by
   itself to find out.
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


def gradient_check(f, x, eps=1e-4, tolerance=1e-5):
    """True if backward() through f agrees with the numerical slopes at x, a Variable.

    Each element of f(x) must depend on the same element of x alone. An
    AssertionError names the first element whose two slopes are further apart
    than tolerance * (abs(numerical slope) + 0.001), and says both. x.grad stays
    as it is.
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
