"""What is left out of a recorded graph changes nothing."""

import keras
import pytest

from hiervae import random

pytestmark = pytest.mark.backends("torch")


@pytest.fixture
def torch():
    return pytest.importorskip("torch")


def simplified(function, *tensors, num_trained=0):
    """The recorded function, and the operations that are left of it."""
    from torch.fx.experimental.proxy_tensor import make_fx

    from hiervae.backend.torch_simplify import called_directly, simplified

    graph = make_fx(function, tracing_mode="fake")(*tensors)
    graph = called_directly(simplified(graph, num_trained))
    return graph, [node for node in graph.graph.nodes if node.op == "call_function"]


def test_constants_neutral_numbers_and_what_comes_twice_are_left_out(torch):
    x = torch.randn(5, requires_grad=True)

    def function(x):
        zeros, inner = torch.zeros(5), x.tanh()
        scaled = (inner - zeros) * torch.exp(-zeros) + 0.0
        return (scaled.exp() + inner.exp()).clamp(torch.tensor(0.5), torch.tensor(3.0))

    graph, left = simplified(function, x)
    assert [node.target.__name__ for node in left] == ["tanh", "exp", "add", "clamp"]
    torch.testing.assert_close(graph(x), function(x))


def test_adding_nought_of_a_larger_shape_stays(torch):
    x = torch.randn(5)
    graph, _ = simplified(lambda x: x + torch.zeros(2, 5), x)
    assert graph(x).shape == (2, 5)


def test_draws_are_neither_constants_nor_merged(torch):
    graph, _ = simplified(lambda x: x + torch.rand(5) - torch.rand(5), torch.zeros(5))
    first, second = graph(torch.zeros(5)), graph(torch.zeros(5))
    assert (first != 0).all()
    assert (first != second).all()


def test_what_may_be_the_memory_of_an_argument_is_copied(torch):
    x = torch.zeros(4)
    graph, _ = simplified(lambda x: [x.reshape(2, 2).clone(), (x + 1.0).clone()], x)
    same, own = graph(x)
    x += 5.0
    assert (same == 0).all()
    assert (own == 1).all()


def test_a_function_that_writes_to_its_argument_stays_as_it_is(torch):
    x = torch.zeros(4)
    graph, left = simplified(lambda x: x.add_(1.0) + (0.0 * x + 0.0), x)
    assert [getattr(node.target, "_opname", node.target.__name__) for node in left].count(
        "add"
    ) == 2
    graph(x)
    assert (x == 1).all()


def test_what_overwrites_a_result_that_is_read_nowhere_else_does_not_write(torch):
    x = torch.rand(4)

    def function(x):
        return (x + 1.0).rsqrt_().mul_(2.0)

    graph, left = simplified(function, x)
    assert [node.target.__name__ for node in left] == ["add", "rsqrt", "mul"]
    torch.testing.assert_close(graph(x), function(x))


def test_what_overwrites_a_result_that_is_read_later_still_writes(torch):
    x = torch.rand(2, 3)

    def function(x):
        whole = x + 1.0
        row = whole[0]
        other = x * 3.0
        other.mul_(2.0)
        return row.mul_(2.0) + whole.sum() + other

    graph, _ = simplified(function, x)
    torch.testing.assert_close(graph(x), function(x))


@pytest.mark.parametrize("shape", [(3,), (50, 4)])
def test_noise_of_a_step_is_that_of_keras(torch, shape):
    from hiervae.backend.torch_graph import _drawn

    ours, theirs = (keras.random.SeedGenerator(2**31 - 2) for _ in range(2))
    for _ in range(3):
        found = _drawn("normal", shape, ours, True)
        torch.testing.assert_close(found, random.draw("normal", shape, theirs), rtol=0, atol=0)
    assert ours.state.value.tolist() == theirs.state.value.tolist()


def test_what_is_as_good_as_a_variable_is_not_the_variable(torch):
    """A variable may be written before gradients are taken, which need the value of before."""
    scale, x = torch.tensor(2.0), torch.tensor(3.0, requires_grad=True)

    def function(scale, x):
        return x * (scale * 1.0)

    graph, _ = simplified(function, scale, x)
    result = graph(scale, x)
    scale.fill_(9.0)
    result.backward()
    assert x.grad == 2.0


def test_a_copy_in_another_order_stays(torch):
    x = torch.randn(2, 3, 4)

    def function(x):
        return (x * 2.0).transpose(1, 2).clone(memory_format=torch.contiguous_format).view(8, 3)

    graph, _ = simplified(function, x)
    torch.testing.assert_close(graph(x), function(x))
    images = torch.randn(2, 3, 4, 4).to(memory_format=torch.channels_last)

    def flattened(images):
        return (images * 2.0).clone(memory_format=torch.contiguous_format).view(2, -1)

    graph, _ = simplified(flattened, images)
    torch.testing.assert_close(graph(images), flattened(images))


@pytest.mark.parametrize("num_trained", [0, 1])
def test_a_copy_there_and_back_is_left_out_where_nothing_is_trained(torch, num_trained):
    """Channels last to channels first and back, as before each of Keras' convolutions."""
    x = torch.randn(2, 4, 4, 3)

    def function(x):
        first = (x * 2.0).permute(0, 3, 1, 2).contiguous()
        return first.contiguous(memory_format=torch.channels_last)

    graph, left = simplified(function, x, num_trained=num_trained)
    copies = [node for node in left if "clone" in node.target.__name__]
    assert len(copies) == 2 * num_trained
    torch.testing.assert_close(graph(x), function(x))
    assert graph(x).stride() == function(x).stride()


def test_one_copy_of_an_argument_is_left(torch):
    x = torch.randn(2, 4, 4, 3)

    def function(x):
        first = x.permute(0, 3, 1, 2).contiguous()
        return first.contiguous(memory_format=torch.channels_last)

    graph, left = simplified(function, x)
    assert sum("clone" in node.target.__name__ for node in left) == 1
    found = graph(x)
    x += 1.0
    torch.testing.assert_close(found + 1.0, function(x))


def test_what_no_gradient_comes_through_is_computed_once_and_detached(torch):
    weight, x = torch.randn(3, requires_grad=True), torch.randn(3)

    def function(weight, x):
        loss = (weight * x).exp().sum() + (weight * x).sum()
        other = (weight * x).exp()
        return loss, loss.detach() * 2.0, other, *other.split(2)

    graph, left = simplified(function, weight, x, num_trained=1)
    names = [node.target.__name__ for node in left]
    assert names.count("mul") == 3, "two that gradients come through, and loss * 2"
    assert names.count("exp") == 1
    loss, *rest = graph(weight, x)
    for found, expected in zip([loss, *rest], function(weight, x), strict=True):
        torch.testing.assert_close(found, expected, rtol=0, atol=0)
    doubled, _, *parts = rest
    assert not any(tensor.requires_grad for tensor in (doubled, *parts))
    expected = x * (weight * x).exp() + x
    torch.testing.assert_close(torch.autograd.grad(loss, weight)[0], expected)


def test_one_of_several_results_may_be_detached_alone(torch):
    weight = torch.randn(4, requires_grad=True)

    def function(weight):
        first, second = weight.exp().split(2)
        return first.sum(), second * 2.0

    graph, _ = simplified(function, weight, num_trained=1)
    loss, other = graph(weight)
    assert not other.requires_grad
    torch.testing.assert_close(other, function(weight)[1], rtol=0, atol=0)
    gradient = torch.autograd.grad(loss, weight)[0]
    torch.testing.assert_close(gradient[:2], weight[:2].exp())
    assert (gradient[2:] == 0).all()


def test_tensors_of_one_number_are_that_number(torch):
    x = torch.randn(2, 3)

    def function(x):
        return torch.full((2, 3), 0.25) * x - torch.full((3,), 3.0), torch.full((3,), 2.0) - x

    graph, left = simplified(function, x)
    assert [node.args[1] for node in left][:2] == [0.25, 3.0]
    for found, expected in zip(graph(x), function(x), strict=True):
        torch.testing.assert_close(found, expected, rtol=0, atol=0)
    wider, _ = simplified(lambda x: x + torch.full((4, 2, 3), 1.0), x)
    assert wider(x).shape == (4, 2, 3)
