"""Step 5 · The theory of backpropagation

Problem
In step 4 two runs of f gave all slopes at once, since each element of y
depended on one element of x. A neural network is different. It has many
numbers that can be adjusted, its weights, and one number that says how wrong
it is, the loss. The loss depends on every weight. So each weight must be moved
alone, and that costs two runs of the whole program. For a million weights it
is two million runs, just to move each of them once. How can one run be enough?

Idea
The chain rule helps: the slope of a chain is the product of the slopes of its
links. For each link we have a formula. At x = 0.5:

         A          B          C
    x -----> a -------> b -------> y       y = (e^(x²))²
        2x        e^a        2b
         1       1.284      2.568          slope 1 · 1.284 · 2.568 = 3.297

That is the 3.297 of step 4. The three formulas need only x, a and b, and these
are there after one run.

Here a link leads from one number to one number. In a network it leads from
many to many, and has many slopes. Take a link from 2 numbers to 2 numbers,
y = (W x)². Its four slopes form a matrix, the Jacobian: row i, column j holds
the slope of y_i along x_j. For example

    W = [1  2]    x = [1]    W x = [ 9]    y = [81]
        [3 -1]        [4]          [-1]        [ 1]

    Jacobian    2 ·  9 · [1  2]  =  [18 36]
                2 · -1 · [3 -1]  =  [-6  2]

By hand: the first element of W x is 1 · 1 + 2 · 4 = 9. If x_1 grows by 0.001,
the 9 grows by 1 · 0.001, and its square by 2 · 9 · 0.001 = 0.018. So the slope
is 18.

In a chain, x_j reaches y_i through each of the numbers in between. Along one
of these paths the slopes are multiplied, and the paths add up. A product of
matrices does just that: row times column. So the slope of a chain is
C' B' A', where A' is the Jacobian of A, and so on.

Where we put the brackets never changes the result, but it changes the work. An
(m, n) matrix times an (n, p) matrix takes m · n · p multiplications. Let a
chain go from 4 numbers to 3, to 2 and to 1, and begin at the input:

    B' A'       (2, 3) (3, 4)    2 · 3 · 4 = 24
    C' (B' A')  (1, 2) (2, 4)    1 · 2 · 4 =  8    together 32

Now begin at the output:

    C' B'       (1, 2) (2, 3)    1 · 2 · 3 =  6
    (C' B') A'  (1, 3) (3, 4)    1 · 3 · 4 = 12    together 18

The result is the same, and the work is about half. From the output side there
is a single row all the way, because y is a single number. From the input side
a whole matrix is carried along, one column for each input.

With more numbers the gap is wider. The demo goes from 1000 numbers to 100, to
10 and to 1:

    input side     10 · 100 · 1000  +  1 · 10 · 1000   =  1,010,000
    output side     1 ·  10 ·  100  +  1 · 100 · 1000  =    101,000

A loss is one number and the weights are many, so start at the output. One run
forward and one walk back give every slope. That is backpropagation.

The count leaves out what the Jacobians themselves cost: the first has 100,000
slopes. Step 6 gets by without them for functions like Square, and step 41 for
W x.

In the code
All of this step is in the demo. Link(W) is the Function (W x)², and its
jacobian(x) is the matrix from above. One forward run through a chain gives
A', B' and C' in local_jacobians(links, x).

Then from_input_side() and from_output_side() take the product and count the
multiplications. They differ only in the order:

    product = local @ product       from the input side
    product = product @ local       from the output side

compare(1000, 100, 10, 1) makes a chain of links between vectors of these
sizes, with random matrices from the seed 0, and prints both counts. It takes
four sizes, for three links.

As a check it asks numerical_diff(), which moves all inputs at once. So for
each output it gives the sum of that output's row. For the link above that is
18 + 36 = 54 and -6 + 2 = -4.

In step 6 we take the walk back through our own chain, function by function.

New:      nothing
Changed:  nothing
Removed:  nothing

Elsewhere
PyTorch has both sides: torch.func.jacfwd starts at the inputs,
torch.func.jacrev at the outputs. In JAX they have the same names. What both
libraries use for training starts at the outputs.

Watch out
The walk back needs the values of the forward run, the last one first. So all
of them must be kept until then. Backpropagation pays for its speed with
memory.

Try
1. Give the chain as many inputs as outputs: compare(50, 50, 50, 50). Which
   side wins?
2. And for compare(1000, 1000, 1000, 1), by how much?

Output
    inputs: 1000, outputs: 1
      C', B', A'           (1, 10) (10, 100) (100, 1000)
      input side  C'(B'A') 1,010,000 multiplications
      output side (C'B')A'   101,000 multiplications
      the products agree   True
      and numerical_diff   True
    inputs: 1, outputs: 1000
      C', B', A'           (1000, 100) (100, 10) (10, 1)
      input side  C'(B'A')   101,000 multiplications
      output side (C'B')A' 1,010,000 multiplications
      the products agree   True
      and numerical_diff   True

Answers
1. Neither. Both take 250,000 multiplications.
2. The output side, by 500 times: 2,000,000 against 1,001,000,000. On the
   input side two square matrices meet, and that alone is 1,000,000,000.
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


class Link(Function):
    """(W x) ** 2 for a matrix W: from as many numbers as W has columns to its rows."""

    def __init__(self, W):
        self.W = W

    def forward(self, x):
        return (self.W @ x) ** 2

    def jacobian(self, x):
        """The local derivative at the array x: row i, column j is dy_i / dx_j."""
        return 2 * (self.W @ x)[:, None] * self.W


def local_jacobians(links, x):
    """The Jacobian of each link, in the order of the links, from one forward run."""
    jacobians = []
    for link in links:
        jacobians.append(link.jacobian(x.data))
        x = link(x)
    return jacobians


def from_input_side(jacobians):
    """C' (B' A') for A', B', C', and the number of multiplications it takes."""
    product, count = jacobians[0], 0
    for local in jacobians[1:]:
        count += local.shape[0] * local.shape[1] * product.shape[1]
        product = local @ product
    return product, count


def from_output_side(jacobians):
    """(C' B') A' for A', B', C', and the number of multiplications it takes."""
    product, count = jacobians[-1], 0
    for local in reversed(jacobians[:-1]):
        count += product.shape[0] * local.shape[0] * local.shape[1]
        product = product @ local
    return product, count


def compare(*sizes):
    """Multiply a chain through vectors of these sizes from either side, and print."""
    rng = np.random.default_rng(0)
    shapes = zip(sizes[1:], sizes)
    links = [Link(rng.standard_normal(shape) / shape[1] ** 0.5) for shape in shapes]
    x = Variable(rng.standard_normal(sizes[0]))
    jacobians = local_jacobians(links, x)
    from_input, input_count = from_input_side(jacobians)
    from_output, output_count = from_output_side(jacobians)
    slope = numerical_diff(lambda x: links[2](links[1](links[0](x))), x)

    print(f"inputs: {sizes[0]}, outputs: {sizes[-1]}")
    print("  C', B', A'          ", *(J.shape for J in reversed(jacobians)))
    print(f"  input side  C'(B'A') {input_count:>9,} multiplications")
    print(f"  output side (C'B')A' {output_count:>9,} multiplications")
    print(f"  the products agree   {np.allclose(from_input, from_output)}")
    print(f"  and numerical_diff   {np.allclose(from_output.sum(axis=1), slope)}")


if __name__ == "__main__":
    compare(1000, 100, 10, 1)
    compare(1, 10, 100, 1000)
