"""Several processes that train one generator."""

import copy
import os
import subprocess
import sys
import threading

import pytest
import torch

from rlsuite import generators
from rlsuite.errors import UserError
from rlsuite.experiment import train
from rlsuite.experiment.generating import load_generator
from rlsuite.generators.contracts import FitState
from rlsuite.generators.workers import STEP, SharedTraining, gradients
from rlsuite.runs.folder import RunFolder
from rlsuite.testing import same_bits

EXPERIMENT = """
name: shared
budget: {train_steps: 4}
device: cpu
generator: {kind: began, preset: tiny, batch_size: 4, n_scored: 6}
data: {id: shapes, n_shapes: 24}
checkpoint: {every_seconds: 0}
video: {final: false}
"""


class Threads:
    """Workers that are threads of this process."""

    device = torch.device("cpu")

    def __init__(self, rank, meeting, given):
        self.n, self.rank, self.meeting, self.given = meeting.parties, rank, meeting, given

    def gather(self, thing):
        self.given[self.rank] = thing
        self.meeting.wait(60)
        found = copy.deepcopy(self.given)  # as messages between processes are
        self.meeting.wait(60)
        return found

    def share(self, thing):
        return self.gather(thing)[0]

    def average(self, tensors):
        everybodys = self.gather([t.clone() for t in tensors])
        for tensor, *parts in zip(tensors, *everybodys, strict=True):
            tensor.copy_(torch.stack(parts).mean(dim=0))


def together(work, n=2):
    """What `work(workers)` returns in each of n threads that meet."""
    meeting, given, found = threading.Barrier(n), [None] * n, [None] * n

    def one(rank):
        try:
            found[rank] = work(Threads(rank, meeting, given))
        except BaseException:
            meeting.abort()
            raise

    threads = [threading.Thread(target=one, args=(rank,)) for rank in range(n)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not meeting.broken, "a worker failed"
    return found


def training(kind="began", seed=0):
    model = generators.make(kind, {"preset": "tiny", "batch_size": 4}, seed=0)
    return model.fit_state(generators.load_images({"id": "shapes", "n_shapes": 24}, model.spec), seed=seed)


def weights(state):
    return {name: dict(network.state_dict()) for name, network in state.networks.items()}


def lead_or_follow(workers, n_steps, inners):
    """What both kinds of process do in a run."""
    shared = SharedTraining(inners[workers.rank], workers, seed=7)
    if workers.rank:
        return shared.follow()
    for _ in range(n_steps):
        shared.step()
    tree = shared.state_dict()
    shared.close()
    return tree


def test_all_have_the_same_weights_after_steps_on_other_images():
    inners = [training(), training()]
    tree = together(lambda workers: lead_or_follow(workers, 3, inners))[0]
    assert same_bits(weights(inners[0]), weights(inners[1]))
    assert torch.equal(inners[0].balance.k, inners[1].balance.k)
    assert not torch.equal(inners[0].generator.get_state(), inners[1].generator.get_state())
    assert inners[0].n_steps == inners[1].n_steps == tree["n_steps"] == 3
    assert len(tree["others"]) == 1


def test_the_step_is_that_of_the_mean_gradient():
    inners, alone, own, used = [training(), training()], [training(), training()], [], []

    def one_step(workers):
        inner, single = inners[workers.rank], alone[workers.rank]
        shared = SharedTraining(inner, workers, seed=7)
        single.generator.set_state(inner.generator.get_state())  # the same images and noise
        watch(inner, used)  # after the hook that averages
        shared._step()

    def watch(state, seen):
        optimizer = state.optimizers["d"]
        optimizer.register_step_pre_hook(lambda it, *_: seen.append([g.clone() for g in gradients(it)]))

    together(one_step)
    for state in alone:
        watch(state, own)
        state.step()
    for first, second, a, b in zip(*used, *own, strict=True):
        assert torch.equal(first, second)
        torch.testing.assert_close(first, (a + b) / 2)


def test_a_resumed_training_goes_on_bit_for_bit():
    whole = [training(), training()]
    together(lambda workers: lead_or_follow(workers, 4, whole))
    first, second = [training(), training()], [training(), training()]
    tree = together(lambda workers: lead_or_follow(workers, 2, first))[0]

    def go_on(workers):
        shared = SharedTraining(second[workers.rank], workers, seed=7)
        shared.load_state_dict({} if workers.rank else tree)
        if workers.rank:
            return shared.follow()
        for _ in range(2):
            shared.step()
        return shared.close()

    together(go_on)
    assert same_bits(weights(second[0]), weights(whole[0]))
    assert same_bits(weights(second[1]), weights(whole[1]))


def test_a_shared_training_goes_on_alone():
    inners, alone = [training("dcgan"), training("dcgan")], training("dcgan")
    alone.load_state_dict(together(lambda workers: lead_or_follow(workers, 2, inners))[0])
    assert same_bits(weights(alone), weights(inners[0]))
    alone.step()


def test_a_training_of_its_own_kind_is_refused():
    class Own(FitState):
        def step(self):
            return {}

        def state_dict(self):
            return {}

        def load_state_dict(self, tree):
            pass

    with pytest.raises(UserError, match="Own trains in one process"):
        SharedTraining(Own(), Threads(0, threading.Barrier(1), [None]), seed=0)


def test_an_agent_is_refused(monkeypatch):
    monkeypatch.setenv("WORLD_SIZE", "2")
    with pytest.raises(UserError, match="an agent trains in one"):
        train("experiments/gail_hopper.yaml", smoke=True)


def test_the_words_are_told_apart():
    told = []
    workers = Threads(0, threading.Barrier(1), [None])
    workers.share = lambda thing: told.append(thing) or thing
    shared = SharedTraining(training(), workers, seed=7)
    told.clear()
    shared.step()
    shared.close()
    assert told == [STEP, 0]


@pytest.mark.slow
def test_two_processes_make_one_run(tmp_path):
    (tmp_path / "shared.yaml").write_text(EXPERIMENT)
    launch = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node", "2"]
    command = [*launch, "-m", "rlsuite.run", str(tmp_path / "shared.yaml"), "--runs", str(tmp_path / "runs")]
    done = subprocess.run(command, env={**os.environ, "OMP_NUM_THREADS": "1"}, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    (path,) = (tmp_path / "runs" / "shared").iterdir()
    folder = RunFolder(path)
    assert folder.read_summary()["train_steps"] == 4
    assert folder.read_summary()["images"] == 4 * 2 * 4
    assert folder.read_manifest()["processes"] == 2
    assert load_generator(path).sample(2, seed=0).shape == (2, 3, 16, 16)
