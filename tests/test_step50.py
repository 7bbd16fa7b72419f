"""Step 50: batches of examples, and the share of them that is recognized."""

import gc
import re
import weakref

import numpy as np
import pytest
from helpers import check_net, give, hooked, layer_of, records, updated


class Pairs:
    """A data set of `count` examples: (i, 2 * i) and the label 10 * i."""

    def __init__(self, count, dtype=np.float32):
        self.count = count
        self.dtype = dtype
        self.asked = []

    def __getitem__(self, index):
        assert type(index) is int
        self.asked.append(index)
        return np.array([index, 2 * index], self.dtype), 10 * index

    def __len__(self):
        return self.count


def labels(loader):
    """The labels of an epoch in a list of lists, one for each batch."""
    return [t.tolist() for _, t in loader]


def flat(batches):
    return [t for batch in batches for t in batch]


# --- accuracy ---

SCORES = np.array([[0.1, 0.7, 0.2], [3.0, -1.0, 2.0], [-5.0, -4.0, -3.0], [0, 1, 2]])


@pytest.mark.parametrize(
    "t, expected",
    [([1, 0, 2, 2], 1.0), ([1, 0, 2, 0], 0.75), ([0, 1, 2, 0], 0.25), ([0] * 4, 0.25)],
)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_accuracy_is_the_share_of_rows_with_the_largest_score_at_the_label(
    step, t, expected, dtype
):
    y, t = SCORES.astype(dtype), np.array(t)
    for share in (
        step.accuracy(y, t),
        step.accuracy(step.Variable(y), step.Variable(t)),
        step.accuracy(step.Variable(y), t),
    ):
        assert type(share) is step.Variable
        assert (share.shape, share.dtype) == ((), np.float64)
        assert float(share.data) == expected


def test_accuracy_of_random_scores_counted_one_by_one(step):
    rng = np.random.default_rng(0)
    y, t = rng.normal(size=(200, 7)), rng.integers(0, 7, 200)
    right = len([1 for row, label in zip(y, t) if max(row) == row[label]])
    assert 0 < right < 200
    assert float(step.accuracy(y, t).data) == pytest.approx(right / 200)


def test_the_first_of_equal_scores_counts(step):
    y = np.zeros((3, 2))
    assert float(step.accuracy(y, np.array([0, 0, 1])).data) == pytest.approx(2 / 3)


def test_accuracy_is_a_constant(step):
    y = step.Variable(SCORES)
    share = step.accuracy(y, np.array([1, 0, 2, 0]))
    assert share.creator is None
    assert not share.requires_grad
    share.backward()
    assert y.grad is None


@pytest.mark.parametrize(
    "y, t",
    [
        ((4, 3), (4, 1)),
        ((4, 3), (3,)),
        ((4, 3), (1,)),
        ((4, 3), (4, 3)),
        ((4, 3), ()),
        ((4,), (4,)),
        ((4, 3, 1), (4,)),
        ((0, 3), (0,)),
    ],
)
def test_accuracy_of_other_shapes_is_refused(step, y, t):
    with pytest.raises(ValueError, match=r"\(N, C\).*\(N,\)"):
        step.accuracy(np.zeros(y), np.zeros(t, int))


@pytest.mark.parametrize("wrong", [-1, 3, 255])
def test_accuracy_with_labels_out_of_range_is_refused(step, wrong):
    with pytest.raises(ValueError, match=rf"0 to 2.*{wrong}"):
        step.accuracy(SCORES, np.array([0, 1, 2, wrong]))


@pytest.mark.parametrize("dtype", [np.float64, np.float32, bool])
def test_accuracy_with_labels_that_are_no_integers_is_refused(step, dtype):
    with pytest.raises(TypeError, match="integers"):
        step.accuracy(SCORES, np.ones(4, dtype))


# --- an epoch ---


@pytest.mark.parametrize(
    "count, batch_size", [(7, 3), (6, 3), (1, 1), (5, 100), (4, 1)]
)
@pytest.mark.parametrize("shuffle", [True, False])
def test_each_example_comes_once_an_epoch(step, count, batch_size, shuffle):
    loader = step.DataLoader(Pairs(count), batch_size, shuffle=shuffle)
    for _ in range(3):
        batches = labels(loader)
        sizes = [len(t) for t in batches]
        assert sorted(flat(batches)) == list(range(0, 10 * count, 10))
        assert sizes[:-1] == [batch_size] * (len(sizes) - 1)
        assert sizes[-1] == (count - 1) % batch_size + 1
        assert len(loader) == len(sizes)


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.uint8])
def test_a_batch_is_two_arrays_in_which_x_and_t_belong_together(step, dtype):
    for x, t in step.DataLoader(Pairs(10, dtype), 4, seed=0):
        assert (type(x), type(t)) == (np.ndarray, np.ndarray)
        assert (x.shape, t.shape) == ((len(t), 2), (len(t),))
        assert (x.dtype, t.dtype.kind) == (dtype, "i")
        assert [10 * int(i) for i in x[:, 0]] == t.tolist()
        assert [5 * int(i) for i in x[:, 1]] == t.tolist()


def test_images_and_labels_of_any_shape_are_stacked(step):
    pairs = [(np.full((3, 2, 5), i, np.float32), np.full(4, i)) for i in range(5)]
    x, t = next(step.DataLoader(pairs, 3, shuffle=False))
    assert (x.shape, x.dtype) == ((3, 3, 2, 5), np.float32)
    assert (t.shape, t[:, 0].tolist()) == ((3, 4), [0, 1, 2])


def test_only_the_examples_of_the_batch_are_asked_for(step):
    dataset = Pairs(10**5)
    loader = step.DataLoader(dataset, 3, shuffle=False)
    assert dataset.asked == []
    next(loader)
    next(loader)
    assert dataset.asked == [0, 1, 2, 3, 4, 5]


def test_a_data_set_of_the_framework_with_its_transforms(step):
    dataset = step.Spiral(transform=lambda x: 2 * x, target_transform=lambda t: t + 5)
    x, t = step.get_spiral()
    batches = list(step.DataLoader(dataset, 128, shuffle=False))
    xs, ts = (np.concatenate(parts) for parts in zip(*batches))
    assert [len(t) for _, t in batches] == [128, 128, 44]
    np.testing.assert_array_equal(xs, 2 * x)
    np.testing.assert_array_equal(ts, t + 5)
    assert xs.dtype == np.float32


def test_a_data_set_without_labels(step):
    class Unlabeled(step.Dataset):
        def prepare(self):
            self.data = np.arange(5.0)

    batches = list(step.DataLoader(Unlabeled(), 2, shuffle=False))
    assert [x.tolist() for x, _ in batches] == [[0.0, 1.0], [2.0, 3.0], [4.0]]
    assert [t for _, t in batches] == [None] * 3


# --- the order ---


def test_without_shuffling_the_order_is_that_of_the_data_set(step):
    loader = step.DataLoader(Pairs(7), 3, shuffle=False)
    for _ in range(2):
        assert labels(loader) == [[0, 10, 20], [30, 40, 50], [60]]


def test_it_shuffles_if_nothing_is_said(step):
    for options in ({"seed": 0}, {}):
        found = labels(step.DataLoader(Pairs(100), 10, **options))
        assert flat(found) != list(range(0, 1000, 10))


def test_the_order_differs_from_epoch_to_epoch(step):
    loader = step.DataLoader(Pairs(50), 8, seed=0)
    epochs = [flat(labels(loader)) for _ in range(4)]
    assert len({tuple(epoch) for epoch in epochs}) == 4


def test_an_order_is_not_cut_from_neighbors(step):
    order = np.array(flat(labels(step.DataLoader(Pairs(200), 8, seed=1)))) // 10
    jumps = np.abs(np.diff(order))
    assert 50 < jumps.mean() < 85, "200 / 3 is what chance gives"


def test_the_same_seed_gives_the_same_orders(step):
    a, b = (step.DataLoader(Pairs(50), 8, seed=3) for _ in range(2))
    for _ in range(3):
        assert labels(a) == labels(b)
    assert labels(a) != labels(step.DataLoader(Pairs(50), 8, seed=4))


def test_a_seed_leaves_the_global_generator_alone(step):
    np.random.seed(7)
    expected = np.random.rand()
    np.random.seed(7)
    labels(step.DataLoader(Pairs(50), 8, seed=3))
    labels(step.DataLoader(Pairs(50), 8, shuffle=False))
    assert np.random.rand() == expected


@pytest.mark.parametrize("seed", [0, 3])
def test_a_seed_is_not_disturbed_by_the_global_generator(step, seed):
    np.random.seed(1)
    first = labels(step.DataLoader(Pairs(50), 8, seed=seed))
    np.random.seed(2)
    assert labels(step.DataLoader(Pairs(50), 8, seed=seed)) == first


def test_without_a_seed_the_orders_come_from_the_global_generator(step):
    found = []
    for seed in (1, 1, 2):
        np.random.seed(seed)
        found.append(labels(step.DataLoader(Pairs(50), 8)))
    assert found[0] == found[1] != found[2]
    assert labels(step.DataLoader(Pairs(50), 8)) != found[2]


# --- next and reset ---


def test_next_goes_on_in_the_epoch(step):
    loader = step.DataLoader(Pairs(5), 2, shuffle=False)
    assert next(loader)[1].tolist() == [0, 10]
    assert loader.next()[1].tolist() == [20, 30]
    assert next(loader)[1].tolist() == [40]
    for _ in range(2):
        with pytest.raises(StopIteration):
            next(loader)
    with pytest.raises(StopIteration):
        loader.next()


def test_next_gives_all_of_a_shuffled_epoch(step):
    loader = step.DataLoader(Pairs(5), 2, seed=0)
    found = [next(loader)[1].tolist() for _ in range(3)]
    assert sorted(flat(found)) == [0, 10, 20, 30, 40]


def test_reset_begins_a_new_epoch_in_a_new_order(step):
    loader = step.DataLoader(Pairs(50), 20, seed=0)
    orders = []
    for _ in range(3):
        loader.reset()
        next(loader)
        loader.reset()
        found = [next(loader)[1].tolist() for _ in range(3)]
        assert sorted(flat(found)) == list(range(0, 500, 10))
        orders.append(tuple(flat(found)))
    assert len({*orders}) == 3


def test_a_loop_begins_a_new_epoch(step):
    loader = step.DataLoader(Pairs(5), 2, shuffle=False)
    next(loader)
    assert len(labels(loader)) == 3
    for _ in loader:
        break
    assert len(labels(loader)) == 3


@pytest.mark.parametrize("shuffle", [True, False])
def test_each_loop_stands_for_itself(step, shuffle):
    loader = step.DataLoader(Pairs(7), 2, shuffle=shuffle, seed=0)
    rounds = [(len(t), len(u)) for _, t in loader for _, u in loader]
    assert rounds == [(m, n) for m in (2, 2, 2, 1) for n in (2, 2, 2, 1)]
    pairs = list(zip(loader, loader, strict=True))
    for side in (0, 1):
        seen = [i for pair in pairs for i in pair[side][1].tolist()]
        assert sorted(seen) == list(range(0, 70, 10))
    first, second = iter(loader), iter(loader)
    next(loader)
    assert len(list(first)) == len(list(second)) == 4
    assert len([*loader.batches]) == 3


@pytest.mark.parametrize("count, sizes", [(7, [3, 3]), (6, [3, 3])])
def test_the_shorter_batch_may_be_left_out(step, count, sizes):
    loader = step.DataLoader(Pairs(count), 3, seed=0, drop_last=True)
    for _ in range(2):
        assert [len(t) for _, t in loader] == sizes
        assert len(loader) == loader.max_iter == len(sizes)
    loader.reset()
    assert [len(loader.next()[1]) for _ in sizes] == sizes
    with pytest.raises(StopIteration):
        loader.next()
    with pytest.raises(ValueError, match="no batches of 8 out of 7"):
        step.DataLoader(Pairs(7), 8, drop_last=True)


def test_what_follows_shuffle_comes_by_name(step):
    with pytest.raises(TypeError):
        step.DataLoader(Pairs(7), 3, False, False, 0)


def test_the_length_is_that_of_an_epoch_at_any_time(step):
    loader = step.DataLoader(Pairs(7), 3)
    lengths = [len(loader)]
    for _ in loader:
        lengths.append(len(loader))
    assert lengths == [3] * 4
    assert loader.max_iter == 3


# --- what is refused ---


@pytest.mark.parametrize("batch_size", [0, -1, -100, 1.5, 2.0, "2", None, (2,)])
def test_a_batch_size_that_is_no_number_from_1_is_refused(step, batch_size):
    for drop_last in (False, True):
        with pytest.raises(ValueError, match=re.escape(f"{batch_size} out of 7")):
            step.DataLoader(Pairs(7), batch_size, drop_last=drop_last)


@pytest.mark.parametrize("shuffle", [True, False])
def test_an_empty_data_set_is_refused(step, shuffle):
    with pytest.raises(ValueError):
        step.DataLoader(Pairs(0), 3, shuffle=shuffle)


def test_a_batch_of_one_of_one_is_allowed(step):
    assert labels(step.DataLoader(Pairs(1), 1)) == [[0]]


def test_examples_of_different_shapes_are_refused(step):
    pairs = [(np.zeros(2), 0), (np.zeros(3), 1)]
    with pytest.raises(ValueError):
        next(step.DataLoader(pairs, 2))


# --- learning in mini-batches ---


def test_the_spiral_is_learned_in_mini_batches(step):
    np.random.seed(0)
    model = step.MLP((20, 3), activation=step.relu)
    optimizer = step.MomentumSGD(lr=0.1).setup(model)
    for _ in range(30):
        for x, t in step.DataLoader(step.Spiral(), 32, seed=0):
            loss = step.softmax_cross_entropy(model(x), t)
            model.cleargrads()
            loss.backward()
            optimizer.update()
    for train in (True, False):
        x, t = next(step.DataLoader(step.Spiral(train=train), 300))
        assert float(step.accuracy(model(x), t).data) > 0.85
    assert model.l0.W.dtype == np.float32


@pytest.mark.parametrize("as_number, kept", [(True, 0), (False, 5)])
def test_adding_up_losses_keeps_the_graphs_and_adding_up_numbers_does_not(
    step, as_number, kept
):
    np.random.seed(0)
    model, total, graphs = step.MLP((4, 3)), 0.0, []
    gc.collect()
    gc.disable()
    try:
        for x, t in step.DataLoader(step.Spiral(), 60, shuffle=False):
            loss = step.softmax_cross_entropy(model(x), t)
            model.cleargrads()
            loss.backward()
            graphs.append(weakref.ref(loss.creator))
            total += float(loss.data) if as_number else loss
        del loss
        assert len([graph for graph in graphs if graph() is not None]) == kept
    finally:
        gc.enable()


def test_means_of_batches_weighted_by_their_sizes_give_the_mean_of_the_examples(step):
    y = np.random.default_rng(0).normal(size=(7, 3))
    t = np.array([0, 1, 2, 0, 1, 2, 0])

    def mean(batch_size):
        total = 0.0
        for x, t_batch in step.DataLoader(list(zip(y, t)), batch_size, seed=0):
            loss = step.softmax_cross_entropy(x, t_batch)
            total += float(loss.data) * len(t_batch)
        return total / 7

    assert mean(3) == pytest.approx(mean(7), rel=1e-12)


# --- hooks, weight decay and AdamW ---

RECORD = records("optimizers")
START, GRADIENTS = RECORD["start"], np.array(RECORD["gradients"])
RUNS = {k: run for k, run in RECORD["runs"].items() if run["optimizer"] == "AdamW"}
DTYPES = [np.float32, np.float64]


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", RUNS)
def test_ten_updates_of_adamw_are_the_recorded_ones(step, name, dtype):
    run = RUNS[name]
    of_numpy = {key: np.float64(x) for key, x in run["given"].items()}
    for given in (run["given"], of_numpy):
        layer = layer_of(step, dtype, p=START)
        optimizer = step.AdamW(**given).setup(layer)
        path = updated(step, optimizer, layer, RECORD[run["gradients"]])
        rtol = 1e-12 if dtype == np.float64 else 1e-4
        np.testing.assert_allclose(path, run["path"], rtol=rtol)
        assert layer.p.dtype == dtype
        assert {*optimizer.states[layer.p]} == {"m", "v", "t"}


def test_the_numbers_of_adamw_may_be_given_in_order_or_left_out(step):
    given = RUNS["AdamW with other numbers"]["given"]
    for name, numbers in {
        "AdamW with other numbers": given,
        "AdamW on wide": {},
    }.items():
        layer = layer_of(step, p=START)
        optimizer = step.AdamW(*numbers.values()).setup(layer)
        path = updated(step, optimizer, layer, RECORD[RUNS[name]["gradients"]])
        np.testing.assert_allclose(path, RUNS[name]["path"], rtol=1e-12)


def test_a_small_network_is_trained_by_adamw_as_recorded(step):
    check_net(step, "AdamW")


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("rate", [0.5, np.float64(0.5)])
def test_weight_decay_keeps_the_dtype_and_shape_of_a_gradient(step, rate, dtype):
    layer = layer_of(step, dtype, p=START, q=4.0)
    give(step, layer.p, GRADIENTS[0])
    give(step, layer.q, 3.0)
    hooked(step, layer, step.WeightDecay(rate)).update()
    assert (layer.p.grad.dtype, layer.p.grad.shape) == (dtype, (2, 3))
    assert (layer.q.grad.dtype, layer.q.grad.shape) == (dtype, ())
    assert layer.q.data == pytest.approx(4.0 - 5.0, rel=1e-5)


def test_weight_decay_makes_new_gradients(step):
    layer = layer_of(step, p=START, q=START)
    layer.p.grad = layer.q.grad = shared = step.Variable(np.array(GRADIENTS[0]))
    shared.data.flags.writeable = False
    hooked(step, layer, step.WeightDecay(0.1)).update()
    np.testing.assert_array_equal(shared.data, GRADIENTS[0])


def test_a_hook_without_any_gradient_does_no_harm(step):
    layer = layer_of(step, p=[1.0, 2.0])
    hooked(step, layer, step.WeightDecay(0.1)).update()
    assert layer.p.data.tolist() == [1.0, 2.0]


def test_a_hook_may_take_a_gradient_away(step):
    def take(params):
        params[0].grad = None

    layer = layer_of(step, p=[1.0], q=[2.0])
    give(step, layer.p, [1.0])
    give(step, layer.q, [1.0])
    hooked(step, layer, take).update()
    assert (layer.p.data.tolist(), layer.q.data.tolist()) == ([1.0], [1.0])


def test_hooks_get_the_parameters_that_have_a_gradient(step):
    layer = layer_of(step, p=START, q=[1.0], r=[2.0])
    seen = []
    optimizer = hooked(step, layer, seen.append)
    give(step, layer.r, [0.5])
    give(step, layer.p, GRADIENTS[0])
    optimizer.update()
    assert [[id(p) for p in params] for params in seen] == [[id(layer.p), id(layer.r)]]


def test_hooks_are_called_before_the_update_and_one_after_the_other(step):
    layer = layer_of(step, p=[1.0])
    seen = []

    def double(params):
        seen.append(("double", layer.p.data.item()))
        for param in params:
            param.grad = step.Variable(param.grad.data * 2)

    def one_more(params):
        seen.append(("one more", layer.p.data.item()))
        for param in params:
            param.grad = step.Variable(param.grad.data + 1)

    optimizer = hooked(step, layer, double, one_more)
    updated(step, optimizer, layer, [[3.0], [0.0]])
    assert layer.p.data.tolist() == [1.0 - 7.0 - 1.0]
    assert seen == [("double", 1.0), ("one more", 1.0)] + [
        ("double", -6.0),
        ("one more", -6.0),
    ]
    assert len(optimizer.hooks) == 2


def test_weight_decay_adds_to_each_gradient(step):
    layer = layer_of(step, p=START, q=[10.0])
    give(step, layer.p, GRADIENTS[0])
    give(step, layer.q, [5.0])
    hooked(step, layer, step.WeightDecay(0.1)).update()
    start = np.array(START)
    np.testing.assert_allclose(layer.p.grad.data, GRADIENTS[0] + 0.1 * start)
    np.testing.assert_allclose(layer.p.data, 0.9 * start - GRADIENTS[0], rtol=1e-14)
    np.testing.assert_allclose(layer.q.data, [10.0 - 5.0 - 1.0])


def test_weight_decay_and_adamw_are_not_the_same(step):
    one, two = layer_of(step, p=START), layer_of(step, p=START)
    hook = step.Adam(alpha=0.1).setup(one)
    hook.add_hook(step.WeightDecay(0.5))
    updated(step, hook, one, GRADIENTS[:3])
    apart = step.AdamW(alpha=0.1, weight_decay=0.5).setup(two)
    updated(step, apart, two, GRADIENTS[:3])
    assert np.abs(one.p.data - two.p.data).max() > 1e-2


def test_hooks_leave_the_gradient_of_another_parameter_alone(step):
    layer = layer_of(step, p=[3.0], q=[4.0])
    step.add(layer.p, layer.q).backward()
    optimizer = hooked(step, layer, step.WeightDecay(0.5), lr=0.1)
    optimizer.update()
    np.testing.assert_allclose(layer.p.data, [3.0 - 0.1 * (1 + 1.5)])
    np.testing.assert_allclose(layer.q.data, [4.0 - 0.1 * (1 + 2.0)])


def test_adamw_is_an_adam(step):
    assert issubclass(step.AdamW, step.Adam)
    assert step.AdamW().setup(step.Layer()).hooks == []
