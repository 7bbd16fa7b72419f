"""Step 4 · Numerical differentiation

Problem
y = (e^(x²))² is 1.648721 at x = 0.5. We want to know how fast y grows if x
grows a little. The chain can compute y and nothing else. But that is enough
for a start: compute it twice and compare.

    x = 0.5    y = 1.648721
    x = 0.6    y = 2.054433    slope (2.054433 - 1.648721) / 0.1 = 4.06

With a pencil, the slope at 0.5 is 4x e^(2x²) = 3.30. So 4.06 is far off.

Idea
To see what went wrong, take x² at 2. Its slope is 2x = 4. We move x by a small
distance, called eps. Let it be 0.1 again:

    (2.1² - 2²) / 0.1  =  (4.41 - 4) / 0.1  =  4.1       0.1 too much

It is too large by exactly eps, and that is no accident. (x + eps)² is
x² + 2x eps + eps². Take away x², divide by eps, and 2x + eps is left. The
curve becomes steeper to the right, and we looked to the right.

To the left it is flatter by as much. So look to both sides:

    (2.1² - 1.9²) / 0.2  =  (4.41 - 3.61) / 0.2  =  4    exact

Both squares contain the same eps², and the subtraction cancels it. The first
way is the forward difference, this one the central difference:

                              o
                                         central joins the outer two
                                         points, forward the middle one
                    o                    and the right one
          o
    ------+---------+---------+------
       x - eps      x      x + eps

A square is a lucky case. For x³ at 1 the slope is 3, and an error remains:

    forward    (1.331 - 1) / 0.1        =  3.31    error 0.31
    central    (1.331 - 0.729) / 0.2    =  3.01    error 0.01 = eps²

This is the rule. Make eps ten times smaller: the forward error becomes ten
times smaller, the central error a hundred times, since it goes with eps².

Then why not eps = 1e-12? A float has about 16 digits, so f(x + eps) and
f(x - eps) are each rounded, by about 1e-16. Their difference can be wrong by
2e-16. Divided by 2e-12, that is an error of 1e-4. We call this the noise.

In the code
We take the central difference. eps is 1e-4 unless you pass another:

    [numerical_diff]

It moves all elements of x at once. So two calls of f give the slopes of all
elements. This is right as long as each element of y depends on the same
element of x alone. It returns the bare slope, not a Variable: an array, or a
number where x holds a single number.

The demo measures both ways on x⁴, whose slope is 4x³. It takes 101 points
from 0 to 1 and prints the worst error among them, with a # for each right
digit after the point. Read the central column of the Output from top to
bottom: down to 1e-5 the rule of eps² holds, and from 1e-7 on the noise grows.

The best eps in this table is 1e-6. Why then 1e-4? Because the noise grows with
y, and here y is at most 1. At x = 100, where y is 10⁸, the slope is 4,000,000.
With 1e-6 it comes out wrong by 0.0149, with 1e-4 only by 0.0003. So 1e-4 keeps
away from the noise. In the table it has seven right digits, and that is plenty
to tell a right formula from a wrong one.

For training, this way is too slow: it takes two runs for each number that a
network adjusts. Step 5 finds out how one run can be enough.

New:      numerical_diff
Changed:  nothing
Removed:  nothing

Elsewhere
PyTorch uses such differences as well, but only for tests:
torch.autograd.gradcheck compares each gradient with a central difference.

Watch out
A smaller eps is not always better. The table has three right digits for
central at 1e-2, and again three at 1e-12.

Try
1. Which eps is the best for central, and which for forward? Why is the best
   error of central so much smaller?
2. Take numerical_diff(Square(), x, eps=0.1) at 2. How wrong is it?
3. Make the points float32, which has about 7 digits. Where does the noise take
   over?

Output
    slope of x^2 at 2            4.00000000
    slope of (e^(x^2))^2 at 0.5  3.29744263
    exactly                      3.29744254

    slope of x^4 between 0 and 1: the worst error, # = one right digit
    eps    forward           central
    1e-01  6e-01             4e-02  #
    1e-02  6e-02  #          4e-04  ###
    1e-03  6e-03  ##         4e-06  #####
    1e-04  6e-04  ###        4e-08  #######
    1e-05  6e-05  ####       4e-10  #########
    1e-06  6e-06  #####      2e-10  #########
    1e-07  6e-07  ######     2e-09  ########
    1e-08  9e-08  #######    2e-08  #######
    1e-09  3e-07  ######     2e-07  ######
    1e-10  2e-06  #####      1e-06  #####
    1e-11  2e-05  ####       1e-05  #####
    1e-12  4e-04  ###        2e-04  ###

Answers
1. 1e-6 for central, with an error of 2e-10, and 1e-8 for forward, with 9e-8.
   As eps falls, the noise of 1e-16 / eps rises, the same for both. The best
   eps is near where the noise meets the error of the method. Forward's error
   is about 6 eps. It falls slowly and meets the noise between 1e-9 and 1e-8.
   Central's is about 4 eps². It falls fast and meets the noise near 3e-6
   already, where both are 3e-11.
2. By 1e-15: it gives 4.000000000000001. In x² nothing is left of eps, however
   large it is. The 1e-15 is noise.
3. Between 1e-2 and 1e-3. With 7 digits each f is wrong by about 1e-7, so the
   noise is about 1e-7 / eps: 1e-5 at 1e-2, and 1e-4 at 1e-3. The error of the
   method is 4e-4 at 1e-2, and 4e-6 at 1e-3, so there the noise is the larger.
   Central is at its best at 1e-3, with 9e-5. At 1e-4 it has 1e-3, ten times
   as much. At 1e-8 it has 4: near x = 1, x + eps and x - eps are both x.
"""

import numpy as np


class Variable:
    """A box that holds an array as its data: the one it is given, not a copy."""

    def __init__(self, data):
        self.data = data


class Function:
    """Makes a variable out of a variable; what it computes is up to forward()."""

    def __call__(self, x):
        """The variable that this function makes out of the variable x."""
        return Variable(self.forward(x.data))

    def forward(self, x):
        """The array this function makes out of the array x.

        Each function has its own. This one raises NotImplementedError and names the
        class that has none.
        """
        raise NotImplementedError(f"{type(self).__name__} has no forward() yet.")


class Square(Function):
    """x ** 2."""

    def forward(self, x):
        return x**2


class Exp(Function):
    """e ** x."""

    def forward(self, x):
        return np.exp(x)


def numerical_diff(f, x, eps=1e-4):
    """The slope of f at x, a Variable, by a central difference of width 2 eps.

    f takes a Variable and returns one. It is called twice, on new Variables whose
    elements are all moved by eps, down and up; x stays as it is. The slope is what
    NumPy computes, not a Variable: an array, or a number for a 0-d x.
    """
    y0 = f(Variable(x.data - eps))
    y1 = f(Variable(x.data + eps))
    return (y1.data - y0.data) / (2 * eps)


# === demo ===


def forward_diff(f, x, eps):
    """The slope of f at x, a Variable, by a forward difference."""
    return (f(Variable(x.data + eps)).data - f(x).data) / eps


def f(x):
    """(e^(x²))²."""
    return Square()(Exp()(Square()(x)))


def quartic(x):
    """x⁴."""
    return Square()(Square()(x))


def error_bar(slopes, exact):
    """The worst error, and a # for each digit after the point that is right."""
    error = np.abs(slopes - exact).max()
    return f"{error:.0e}  {'#' * int(-np.log10(error))}"


if __name__ == "__main__":
    two, half = Variable(np.array(2.0)), Variable(np.array(0.5))
    print(f"slope of x^2 at 2            {numerical_diff(Square(), two):.8f}")
    print(f"slope of (e^(x^2))^2 at 0.5  {numerical_diff(f, half):.8f}")
    print(f"exactly                      {2 * np.exp(0.5):.8f}")

    x = Variable(np.linspace(0, 1, 101))
    exact = 4 * x.data * x.data * x.data
    print("\nslope of x^4 between 0 and 1: the worst error, # = one right digit")
    print(f"eps    {'forward':<18}central")
    for k in range(1, 13):
        eps = float(f"1e-{k}")
        forward = error_bar(forward_diff(quartic, x, eps), exact)
        central = error_bar(numerical_diff(quartic, x, eps), exact)
        print(f"{eps:.0e}  {forward:<18}{central}")
