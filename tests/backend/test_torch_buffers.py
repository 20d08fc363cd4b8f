"""Results of a pass that go where those of the pass before were."""

import pytest

pytestmark = pytest.mark.backends("torch")
LARGE = (200, 100)


@pytest.fixture
def torch():
    return pytest.importorskip("torch")


def planned(function, *tensors):
    """A recorded function that is given memory, and the plan of that memory."""
    from torch.fx.experimental.proxy_tensor import make_fx

    from hiervae.backend.torch_buffers import with_shared_memory

    graph = make_fx(function, tracing_mode="fake")(*tensors)
    return graph, with_shared_memory(graph)


def test_values_are_the_same_in_less_memory(torch):
    """Six large results; each needs its arguments beside it, so that there are two or three."""
    x, kernel, bias = torch.randn(LARGE), torch.randn(100, 200), torch.randn(200)

    def function(x, kernel, bias):
        value, gate = torch.addmm(bias, x, kernel).chunk(2, dim=-1)
        hidden = value * torch.sigmoid(gate)
        return torch.sum(x * hidden - torch.nn.functional.softplus(hidden), dim=-1)

    graph, plan = planned(function, x, kernel, bias)
    assert len(plan.slots) == 6
    assert len(plan.sizes) == 3
    assert max(plan.sizes) == 2 * x.numel()
    memory = plan.allocate(x.device)
    for _ in range(2):  # what the first pass left behind changes nothing
        torch.testing.assert_close(graph(x, kernel, bias, *memory), function(x, kernel, bias))
        x += 1.0


def test_a_view_keeps_its_memory_until_it_was_used(torch):
    x = torch.randn(LARGE)

    def function(x):
        upper, lower = (x + 1.0).split(100)
        late = upper.reshape(-1)
        other = torch.exp(lower).sum() + (2.0 * x).sum() + (3.0 * x).sum()
        return other + late.sum()

    graph, plan = planned(function, x)
    assert len(plan.slots) == 3  # the exponential is too small
    assert len(plan.sizes) == 2
    torch.testing.assert_close(graph(x, *plan.allocate(x.device)), function(x))


def test_what_is_returned_has_memory_of_its_own(torch):
    x = torch.randn(LARGE)
    graph, plan = planned(lambda x: [(x + 1.0).reshape(100, 200), (x * 2.0).sum()], x)
    assert len(plan.slots) == 1
    memory = plan.allocate(x.device)
    first, _ = graph(x, *memory)
    kept = first.clone()
    graph(x + 5.0, *memory)
    torch.testing.assert_close(first, kept)


def test_a_block_has_one_dtype_and_grows(torch):
    x = torch.randn(LARGE)

    def function(x):
        small = torch.exp(x).sum()
        whole = (torch.cat([x, x]) + small).sum()
        return whole + torch.where(x > 0.0, x, whole).sum()

    graph, plan = planned(function, x)
    dtypes = {slot.block: slot.dtype for slot in plan.slots}
    assert all(dtypes[slot.block] == slot.dtype for slot in plan.slots)
    assert set(dtypes.values()) == {torch.float32, torch.bool}
    assert sorted(plan.sizes) == [x.numel(), 2 * x.numel(), 2 * x.numel()]
    torch.testing.assert_close(graph(x, *plan.allocate(x.device)), function(x))


def test_small_results_are_left_alone(torch):
    x = torch.randn(3, 4)
    graph, plan = planned(lambda x: torch.exp(x).sum(), x)
    assert plan.slots == []
    torch.testing.assert_close(graph(x), torch.exp(x).sum())
