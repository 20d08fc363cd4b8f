"""A step on one of the processes of `torch.distributed`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, cast

import keras
import torch
from torch import distributed

from hiervae.backend.step import Compilable, RowFunction, check_weight_shape
from hiervae.types import Tensor
from hiervae.utils.replicas import Replica, acting_as, rows_of


# Operations of PyTorch's own kind, which can stand in the recorded graph of a step.
@torch.library.custom_op("hiervae::sum_shares", mutates_args=(), schema="(Tensor values) -> Tensor")
def _sum_shares(values: torch.Tensor) -> torch.Tensor:
    total = values.detach().clone(memory_format=torch.contiguous_format)
    distributed.all_reduce(total)
    return total


@torch.library.custom_op(
    "hiervae::sum_features", mutates_args=(), schema="(Tensor values) -> Tensor"
)
def _sum_features(values: torch.Tensor) -> torch.Tensor:
    return _sum_shares(values)


def _like(values: torch.Tensor) -> torch.Tensor:
    return torch.empty_like(values, memory_format=torch.contiguous_format)


_sum_shares.register_fake(_like)
_sum_features.register_fake(_like)
_sum_shares.register_autograd(lambda _, gradient: gradient)
_sum_features.register_autograd(lambda _, gradient: _sum_shares(gradient))


class ProcessReplica(Replica):
    """The replica of this process, which sums with the others.

    Where there are fewer rows than processes, those without one of their own borrow one: it has no
    weight, but is among those that batch normalisation counts.

    Args:
        all_rows: rows of the whole batch.
    """

    def __init__(self, all_rows: int) -> None:
        number, count = distributed.get_rank(), distributed.get_world_size()
        first, rows = rows_of(number, count, all_rows)
        self.borrows = not rows
        if self.borrows:
            super().__init__(count, 1, number % all_rows, all_rows)
        else:
            super().__init__(count, rows, first, all_rows)

    def sum_shares(self, values: Tensor) -> Tensor:
        """See the base class."""
        return _sum_shares(values)

    def sum_features(self, values: Tensor) -> Tensor:
        """See the base class."""
        return _sum_features(values)

    def own_share(
        self, inputs: torch.Tensor, weights: torch.Tensor | None
    ) -> tuple[torch.Tensor, torch.Tensor | None]:
        """This replica's rows of a whole batch and of its weights.

        Raises:
            ValueError: if the weights are not one an example.
        """
        if weights is not None:
            check_weight_shape(len(inputs), tuple(weights.shape))
        elif self.all_rows < self.count:
            weights = torch.ones(self.all_rows)
        if weights is not None:
            weights = self.own(weights) * (not self.borrows)
        return self.own(inputs), weights

    def own(self, values: torch.Tensor) -> torch.Tensor:
        """The rows of a whole batch that this replica works on, a borrowed one among them."""
        return values[self.first : self.first + self.rows]

    def joined(self, values: torch.Tensor) -> torch.Tensor:
        """The rows of all replicas, of which this one has its own."""
        whole = values.new_zeros((self.all_rows, *values.shape[1:]))
        if not self.borrows:
            self.own(whole).copy_(values)
        distributed.all_reduce(whole)
        return whole


def are_several() -> bool:
    """Whether this is one of several processes."""
    return (
        distributed.is_available()
        and distributed.is_initialized()
        and distributed.get_world_size() > 1
    )


def replica_of(all_rows: int) -> ProcessReplica | None:
    """The replica of this process for a batch of so many rows; None where there is one alone."""
    return ProcessReplica(all_rows) if are_several() else None


def start_from_first(variables: Iterable[keras.Variable]) -> None:
    """Take the values of all variables, and the state of the shuffling, from the first process."""
    if not are_several():
        return
    with torch.no_grad():
        for variable in variables:
            distributed.broadcast(cast("torch.Tensor", variable.value), 0)
    state = torch.get_rng_state()
    distributed.broadcast(state, 0)
    torch.set_rng_state(state)


def over_processes(model: Compilable, function: Callable[..., Any]) -> RowFunction:
    """`function(*rows, *common)`, each process with rows of its own.

    Args:
        model: whose weights the function reads.
        function: of arrays with the same rows, and of others; gives a tensor, or a list of tensors,
            with these rows.
    """

    @torch.no_grad()
    def call(rows: Sequence[Tensor], common: Sequence[Tensor] = ()) -> Any:
        arrays = cast("Sequence[torch.Tensor]", rows)
        replica = replica_of(len(arrays[0]))
        if replica is None:
            return function(*rows, *common)
        _wait_for_others()
        check_same_batch(arrays[0])
        check_same_weights(model)
        with acting_as(replica):
            outputs = function(*map(replica.own, arrays), *common)
        if isinstance(outputs, list):
            return list(map(replica.joined, outputs))
        return replica.joined(outputs)

    return call


def _wait_for_others() -> None:
    """Wait until all processes are here, so that no message of another kind is taken for theirs.

    Raises:
        RuntimeError: if one does not come within the timeout of the process group.
    """
    if distributed.get_backend() != "gloo":  # the one that can tell which process is missing
        return
    try:
        distributed.monitored_barrier()
    except RuntimeError as error:
        raise RuntimeError(
            f"Process {distributed.get_rank()} waited in vain for the others to score, encode or "
            "decode the same examples; expected all processes of the group to make this call, "
            "each of which computes its own rows. Call it in every process, also in callbacks, "
            "and write files in one of them alone."
        ) from error


def check_same_batch(inputs: torch.Tensor) -> None:
    """Refuse to work where the processes were given different batches.

    Raises:
        ValueError: if they were.
    """
    if not _are_same([torch.tensor(float(len(inputs))), _sum(inputs)]):
        raise ValueError(
            f"The processes were given different batches (process {distributed.get_rank()} one of "
            f"{len(inputs)} examples); expected the same whole batch in each, of which a process "
            "takes its own rows. Give each process the same data in the same order, without a "
            "DistributedSampler, and shuffle with the same seed."
        )


def check_same_weights(model: Compilable) -> None:
    """Refuse to work where the processes' models have different weights.

    Raises:
        ValueError: if they have.
    """
    generators = {id(state) for state in model.generator_states}
    weights = [each for each in model.variables if id(each) not in generators]
    if not _are_same([_sum(cast("torch.Tensor", each.value)) for each in weights]):
        raise ValueError(
            f"The processes hold different weights of the model (this is process "
            f"{distributed.get_rank()}); expected the same in each, of which a process scores its "
            "own rows. Make the model with a seed, load the same weights in each process, or train "
            "it before."
        )


def _sum(values: torch.Tensor) -> torch.Tensor:
    return values.detach().double().sum().cpu()


def _are_same(numbers: Sequence[torch.Tensor]) -> bool:
    """Whether all processes have the same numbers; those of weights that diverged are."""
    mine = torch.stack([number.double() for number in numbers]).nan_to_num()
    lowest, highest = mine.clone(), mine.clone()
    distributed.all_reduce(lowest, distributed.ReduceOp.MIN)
    distributed.all_reduce(highest, distributed.ReduceOp.MAX)
    return torch.equal(lowest, highest)


def summed_gradients(gradients: Sequence[torch.Tensor | None]) -> list[torch.Tensor | None]:
    """The gradients summed over processes, in one message for each type of number."""
    if not are_several():
        return list(gradients)
    summed = list(gradients)
    kinds = {each.dtype for each in gradients if each is not None}
    for kind in sorted(kinds, key=str):
        places = [i for i, each in enumerate(gradients) if each is not None and each.dtype == kind]
        parts = [cast("torch.Tensor", gradients[i]) for i in places]
        joined = torch.cat([part.reshape(-1) for part in parts])
        distributed.all_reduce(joined)
        sizes = [part.numel() for part in parts]
        for place, part, total in zip(places, parts, joined.split(sizes), strict=True):
            summed[place] = total.reshape(part.shape)
    return summed
